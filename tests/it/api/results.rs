//! `POST /api/v1/result`.

use domain::ids::EventId;
use e2e::run;
use serde_json::{Value, json};

use super::{Api, ApiResponse, RESULT};

async fn report(api: &Api, event_id: EventId, more: &Value) -> ApiResponse {
    let mut body = json!({ "event_id": event_id });
    for (field, value) in more.as_object().into_iter().flatten() {
        body[field] = value.clone();
    }
    api.post(RESULT, &body).await
}

fn success() -> Value {
    json!({"status": "success"})
}

fn failure() -> Value {
    json!({"status": "failed", "error_code": "db_write_failed", "error_message": "disk full"})
}

#[test]
fn a_success_twice_is_accepted_twice() {
    run(async {
        let api = Api::start().await;
        let event_id = api.take("evt_1").await;
        for _ in 0..2 {
            let response = report(&api, event_id, &success()).await;
            insta::allow_duplicates! { insta::assert_snapshot!(response.shown(), @r#"202 {"event_id":"ev_","accepted":true,"effect":"succeeded","incident":null}"#); }
        }
        assert_eq!(
            api.world.timeline(event_id).await,
            ["receipt.accepted", "result.succeeded", "result.repeated"]
        );
    });
}

#[test]
fn a_failure_after_success_is_kept_and_changes_nothing() {
    run(async {
        let api = Api::start().await;
        let event_id = api.take("evt_1").await;
        report(&api, event_id, &success()).await;
        insta::assert_snapshot!(report(&api, event_id, &failure()).await.shown(), @r#"202 {"event_id":"ev_","accepted":true,"effect":"succeeded","incident":null}"#);
        assert_eq!(api.count("SELECT count(*) FROM incidents").await, 0);
        assert_eq!(
            api.world.timeline(event_id).await,
            ["receipt.accepted", "result.succeeded", "result.contradicted"]
        );
    });
}

#[test]
fn a_success_after_failure_resolves_the_incident() {
    run(async {
        let api = Api::start().await;
        let event_id = api.take("evt_1").await;
        insta::assert_snapshot!(report(&api, event_id, &failure()).await.shown(), @r#"202 {"event_id":"ev_","accepted":true,"effect":"failed","incident":{"id":"inc_","state":"open"}}"#);
        insta::assert_snapshot!(report(&api, event_id, &success()).await.shown(), @r#"202 {"event_id":"ev_","accepted":true,"effect":"succeeded","incident":{"id":"inc_","state":"resolved"}}"#);
        let how = api.text("SELECT concat_ws(' ', reason, error_code, error_message, resolution) FROM incidents").await;
        assert_eq!(how, "failed_result db_write_failed disk full late_success");
    });
}

#[test]
fn an_event_has_three_names() {
    run(async {
        let api = Api::start().await;
        let event_id = api.take("evt_1").await;
        for name in [
            json!({ "event_id": event_id }),
            json!({"provider_event_id": "evt_1"}),
            json!({"stripe_event_id": "evt_1"}),
            json!({"provider_event_id": "evt_1", "stripe_event_id": "evt_1"}),
            json!({"provider_event_id": "evt_1", "provider": "stripe", "effect_type": "credit_grant"}),
        ] {
            let mut body = name;
            body["status"] = json!("success");
            let response = api.post(RESULT, &body).await;
            assert_eq!(
                (response.status, &response.json()["event_id"]),
                (202, &json!(event_id)),
                "{body}"
            );
        }
        let shopify =
            json!({"provider_event_id": "evt_1", "provider": "shopify", "status": "success"});
        assert_eq!(api.post(RESULT, &shopify).await.json()["pending_receipt"], json!(true));
    });
}

#[test]
fn several_effects_of_one_event_are_told_apart_or_listed() {
    run(async {
        let api = Api::start().await;
        let grant = api.take("evt_1").await;
        let unlock = api.receipt("evt_1", &json!({"effect_type": "access_unlock"})).await;
        let unlock = unlock.json()["event_id"].clone();
        let ambiguous =
            api.post(RESULT, &json!({"provider_event_id": "evt_1", "status": "success"})).await;
        insta::assert_snapshot!(ambiguous.shown(), @r#"422 {"error":{"code":"ambiguous_event","message":"several events match; each is named in \"candidates\": send one of them as event_id, or what tells it apart","candidates":[{"event_id":"ev_","provider":"stripe","shopify_shop_domain":null,"event_type":"invoice.paid","effect_type":"credit_grant","internal_reference":"user_456","effect_key":null,"effect":"pending"},{"event_id":"ev_","provider":"stripe","shopify_shop_domain":null,"event_type":"invoice.paid","effect_type":"access_unlock","internal_reference":"user_456","effect_key":null,"effect":"pending"}],"request_id":"req_"}}"#);
        for id in [json!(grant), unlock.clone()] {
            assert!(ambiguous.text.contains(id.as_str().expect("an id")));
        }
        let narrowed = json!({
            "provider_event_id": "evt_1", "effect_type": "access_unlock", "status": "success"
        });
        assert_eq!(api.post(RESULT, &narrowed).await.json()["event_id"], unlock);
        assert_eq!(api.count("SELECT count(*) FROM results").await, 1);
        assert_eq!(api.count("SELECT count(*) FROM early_results").await, 0);
    });
}

#[test]
fn an_unknown_or_malformed_event_id_is_a_plain_404_and_nothing_is_kept() {
    run(async {
        let api = Api::start().await;
        let unknown = EventId::from_uuid(uuid::Uuid::now_v7()).to_string();
        insta::assert_snapshot!(
            api.post(RESULT, &json!({"event_id": unknown, "status": "success"})).await.shown(),
            @r#"404 {"error":{"code":"not_found","message":"there is no such event in this project","request_id":"req_"}}"#
        );
        let hostile = "x".repeat(10_000);
        for id in ["ev_1", "EV_", "1", "' OR 1=1 --", "ev_\u{0}", hostile.as_str()] {
            let response = api.post(RESULT, &json!({"event_id": id, "status": "success"})).await;
            assert_eq!((response.status, response.code().as_str()), (404, "not_found"), "{id}");
            assert!(!response.message().contains("24 hours"));
        }
        assert_eq!(api.count("SELECT count(*) FROM early_results").await, 0);
    });
}

#[test]
fn another_projects_event_is_not_found() {
    run(async {
        let api = Api::start().await;
        let event_id = api.take("evt_1").await;
        let (_, charlie) = api.stranger().await;
        let by_id = json!({"event_id": event_id, "status": "success"});
        insta::assert_snapshot!(api.post_as(&charlie, RESULT, &by_id).await.shown(), @r#"404 {"error":{"code":"not_found","message":"there is no such event in this project","request_id":"req_"}}"#);
        let by_name = json!({"provider_event_id": "evt_1", "status": "success"});
        let kept = api.post_as(&charlie, RESULT, &by_name).await;
        assert_eq!(kept.json()["pending_receipt"], json!(true));
        assert_eq!(api.world.timeline(event_id).await, ["receipt.accepted"]);
        // Charlie's own event of the same name takes charlie's early result, and alice's stays
        // alone.
        let theirs = api.post_as(&charlie, super::RECEIPT, &e2e::world::receipt("evt_1")).await;
        assert_eq!(theirs.json()["duplicate"], json!(false));
        assert_ne!(theirs.json()["event_id"], json!(event_id));
        assert_eq!(api.text("SELECT effect FROM payment_events ORDER BY id").await, "pending");
        assert_eq!(
            api.text("SELECT effect FROM payment_events ORDER BY id DESC").await,
            "succeeded"
        );
    });
}

#[test]
fn a_replay_id_must_be_one_of_the_event() {
    run(async {
        let api = Api::start().await;
        let (ours, theirs) = (api.take("evt_1").await, api.take("evt_2").await);
        report(&api, ours, &failure()).await;
        report(&api, theirs, &failure()).await;
        let incident = async |id| api.world.incident_when(id, "open", |_| true).await.id;
        let ours_replay = api.world.reprocess(incident(ours).await).await;
        let theirs_replay = api.world.reprocess(incident(theirs).await).await;
        let with = |replay: &str| json!({"status": "success", "replay_id": replay});
        let rejected = report(&api, ours, &with(&theirs_replay.to_string())).await;
        insta::assert_snapshot!(rejected.shown(), @r#"422 {"error":{"code":"validation_error","message":"one or more fields are not valid; each is named in \"fields\"","fields":[{"field":"replay_id","message":"is none of this event's; leave it out or send the one of the callback"}],"request_id":"req_"}}"#);
        for bad in ["rpl_1", "x", "rpl_00000000000000000000000000"] {
            assert_eq!(report(&api, ours, &with(bad)).await.fields(), ["replay_id"], "{bad}");
        }
        let accepted = report(&api, ours, &with(&ours_replay.to_string())).await;
        insta::assert_snapshot!(accepted.shown(), @r#"202 {"event_id":"ev_","accepted":true,"effect":"succeeded","incident":{"id":"inc_","state":"resolved"}}"#);
        let story =
            api.text("SELECT concat_ws(' ', state, resolution) FROM incidents ORDER BY id").await;
        assert_eq!(story, "resolved reprocessed");
    });
}

#[test]
fn a_failure_of_the_running_reprocess_is_answered_with_an_open_incident() {
    run(async {
        let api = Api::start().await;
        let event_id = api.take("evt_1").await;
        report(&api, event_id, &failure()).await;
        let incident = api.world.incident_when(event_id, "open", |_| true).await.id;
        let replay_id = api.world.reprocess(incident).await;
        insta::assert_snapshot!(report(&api, event_id, &failure()).await.shown(), @r#"202 {"event_id":"ev_","accepted":true,"effect":"failed","incident":{"id":"inc_","state":"reprocessing"}}"#);
        let mut response = failure();
        response["replay_id"] = json!(replay_id);
        insta::assert_snapshot!(report(&api, event_id, &response).await.shown(), @r#"202 {"event_id":"ev_","accepted":true,"effect":"failed","incident":{"id":"inc_","state":"open"}}"#);
    });
}

#[test]
fn every_bad_field_of_a_result_is_named_at_once() {
    run(async {
        let api = Api::start().await;
        insta::assert_snapshot!(api.post(RESULT, &json!({})).await.shown(), @r#"422 {"error":{"code":"validation_error","message":"one or more fields are not valid; each is named in \"fields\"","fields":[{"field":"event_id","message":"is required, or provider_event_id, or stripe_event_id"},{"field":"status","message":"is required"}],"request_id":"req_"}}"#);
        let bad = json!({
            "event_id": 7, "provider": "acme", "effect_type": "teleport", "status": "ok",
            "replay_id": 1
        });
        insta::assert_snapshot!(api.post(RESULT, &bad).await.shown(), @r#"422 {"error":{"code":"validation_error","message":"one or more fields are not valid; each is named in \"fields\"","fields":[{"field":"event_id","message":"must be a string"},{"field":"provider","message":"is not known here; nearest: adyen, paddle, stripe; if it is right, declare it: sendpromptly project declare --project prj_ --event-type 'acme:<event type>'"},{"field":"effect_type","message":"is not known here; nearest: credit_deduction, access_revocation, subscription_state_apply; if it is right, declare it: sendpromptly project declare --project prj_ --effect-type teleport"},{"field":"status","message":"must be one of success, failed, superseded"},{"field":"replay_id","message":"must be a string"}],"request_id":"req_"}}"#);
        let differ = json!({"provider_event_id": "a", "stripe_event_id": "b", "status": "success"});
        assert_eq!(api.post(RESULT, &differ).await.fields(), ["stripe_event_id"]);
        assert_eq!(api.count("SELECT count(*) FROM early_results").await, 0);
    });
}
