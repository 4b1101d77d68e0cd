//! What real apps send: cases that were right by the letter and wrong for life.

use domain::incident::{IncidentState, Reason, Resolution};
use e2e::run;
use e2e::world::receipt;
use serde_json::{Value, json};

use super::{Api, RECEIPT, RESULT, fresh, receipt_with};

fn result(event: &str, more: &Value) -> String {
    let mut body = json!({ "provider_event_id": event });
    body.as_object_mut().expect("an object").extend(more.as_object().expect("one").clone());
    body.to_string()
}

fn shopify(topic: &str, shop: &str) -> Value {
    json!({ "provider": "shopify", "event_type": topic, "shopify_shop_domain": shop })
}

#[test]
fn a_failure_and_the_success_after_it_come_through_under_one_key() {
    run(async {
        let api = Api::start().await;
        let event_id = api.take("evt_1").await;
        api.take("evt_2").await;
        let key = "result-evt_1";
        let failed = result("evt_1", &json!({"status": "failed", "error_code": "db_down"}));
        let success = result("evt_1", &json!({"status": "success"}));
        let first = api.send(RESULT, key, failed.as_str()).await;
        let second = api.send(RESULT, key, success.as_str()).await;
        assert_eq!((first.status, second.status), (202, 202), "{}", second.text);
        assert_eq!(second.json()["incident"]["state"], "resolved");
        for (body, response) in [(&failed, &first), (&success, &second)] {
            assert_eq!(api.send(RESULT, key, body.as_str()).await.text, response.text);
        }
        for status in ["failed", "success", "superseded"] {
            let other = api.send(RESULT, key, result("evt_2", &json!({ "status": status }))).await;
            assert_eq!(other.code(), "idempotency_conflict", "{status}");
        }
        let by_id = json!({"event_id": event_id, "status": "superseded"}).to_string();
        assert_eq!(api.send(RESULT, key, by_id).await.status, 202, "the same event by its id");
    });
}

#[test]
fn what_differs_between_two_deliveries_of_one_webhook_is_no_conflict() {
    run(async {
        let api = Api::start().await;
        let of = |change: Value| receipt_with("evt_1", &change).to_string();
        let first = api.send(RECEIPT, "k", of(json!({"payload": {"pending_webhooks": 4}}))).await;
        for change in [
            json!({"payload": {"pending_webhooks": 3}}),
            json!({"timeout_minutes": 5}),
            json!({"occurred_at": "2026-11-21T14:02:12Z"}),
            json!({}),
        ] {
            let again = api.send(RECEIPT, "k", of(change)).await;
            assert_eq!((again.status, &again.text), (202, &first.text));
        }
        let other = api.send(RECEIPT, "k", of(json!({"internal_reference": "ws_B"}))).await;
        assert_eq!(other.code(), "idempotency_conflict");
    });
}

#[test]
fn an_effect_is_due_to_somebody() {
    run(async {
        let api = Api::start().await;
        let mut events = Vec::new();
        let gid = "gid://shopify/Order/820982911946154508";
        for (event, change) in [
            ("evt_1", json!({"internal_reference": "ws_A"})),
            ("evt_1", json!({"internal_reference": "ws_B"})),
            ("evt_1", json!({"internal_reference": "ws_B", "effect_key": "pack-2"})),
            ("evt_1", json!({"internal_reference": "ws_B", "event_type": "charge.succeeded"})),
            (gid, shopify("orders/paid", "a.myshopify.com")),
            (gid, shopify("orders/fulfilled", "a.myshopify.com")),
            (gid, shopify("orders/paid", "b.myshopify.com")),
        ] {
            let response = api.receipt(event, &change).await;
            assert_eq!(response.json()["duplicate"], json!(false), "{change}");
            let again = api.receipt(event, &change).await;
            assert_eq!(again.json()["duplicate"], json!(true), "{change}");
            assert_eq!(again.event_id(), response.event_id());
            events.push(response.event_id());
        }
        let spelt = shopify("ORDERS_PAID", "https://A.myshopify.com/");
        assert_eq!(api.receipt(gid, &spelt).await.event_id(), events[4]);
        events.sort_unstable();
        events.dedup();
        assert_eq!(events.len(), 7);
    });
}

#[test]
fn an_ambiguous_result_is_noted_on_each_event_once_and_whatever_tells_them_apart_selects() {
    run(async {
        let api = Api::start().await;
        let of = async |change: Value| api.receipt("evt_1", &change).await;
        let a = of(json!({"internal_reference": "ws_A"})).await.event_id();
        let b = of(json!({"internal_reference": "ws_B"})).await.event_id();
        let c = of(json!({"internal_reference": "ws_B", "effect_key": "2"})).await.event_id();
        let failed = json!({"status": "failed", "error_code": "E1"});
        for _ in 0..2 {
            let response = api.send(RESULT, "k", result("evt_1", &failed)).await;
            assert_eq!((response.status, response.code().as_str()), (422, "ambiguous_event"));
            let candidates = response.json()["error"]["candidates"].clone();
            let ids: Vec<_> = candidates
                .as_array()
                .expect("a list")
                .iter()
                .map(|it| it["event_id"].clone())
                .collect();
            assert_eq!(json!(ids), json!([a, b, c]));
        }
        for event in [a, b, c] {
            assert_eq!(api.world.timeline(event).await, ["receipt.accepted", "result.ambiguous"]);
        }
        for (event, which) in [
            (a, json!({"internal_reference": "ws_A"})),
            (c, json!({"effect_key": "2"})),
            (b, json!({"event_id": b})),
        ] {
            let mut body = which;
            body["status"] = json!("success");
            let response = api.send(RESULT, &fresh(), result("evt_1", &body)).await;
            assert_eq!((response.status, response.event_id()), (202, event), "{}", response.text);
        }
    });
}

#[test]
fn a_result_that_repeats_its_receipt_means_no_event_that_an_effect_key_distinguishes() {
    run(async {
        let api = Api::start().await;
        let first = api.receipt("evt_1", &json!({})).await.event_id();
        let second = api.receipt("evt_1", &json!({"effect_key": "pack-2"})).await.event_id();
        for (status, key) in
            [("failed", json!(null)), ("success", json!(null)), ("success", json!("pack-2"))]
        {
            let mut body = receipt("evt_1");
            (body["status"], body["effect_key"]) = (json!(status), key.clone());
            let response = api.post(RESULT, &body).await;
            let event = if key.is_null() { first } else { second };
            assert_eq!((response.status, response.event_id()), (202, event), "{}", response.text);
        }
        let less = json!({"status": "success", "effect_type": "credit_grant"});
        let less = api.send(RESULT, &fresh(), result("evt_1", &less)).await;
        assert_eq!(less.code(), "ambiguous_event", "{}", less.text);
        let effects = "SELECT string_agg(effect, ' ' ORDER BY id) FROM payment_events";
        assert_eq!(api.text(effects).await, "succeeded succeeded");
    });
}

#[test]
fn it_means_that_event_beside_more_than_an_ambiguous_result_would_list() {
    run(async {
        let api = Api::start().await;
        let first = api.receipt("evt_1", &json!({})).await.event_id();
        for seat in 0..25 {
            let seat = json!({ "effect_key": format!("seat-{seat}") });
            assert_eq!(api.receipt("evt_1", &seat).await.status, 202);
        }
        let mut body = receipt("evt_1");
        body["status"] = json!("success");
        let response = api.post(RESULT, &body).await;
        assert_eq!((response.status, response.event_id()), (202, first), "{}", response.text);
        let less = api.send(RESULT, &fresh(), result("evt_1", &json!({"status": "failed"}))).await;
        let candidates = less.json()["error"]["candidates"].as_array().map(Vec::len);
        assert_eq!((less.code().as_str(), candidates), ("ambiguous_event", Some(20)));
    });
}

#[test]
fn the_test_events_of_a_provider_are_watched_again_each_time() {
    run(async {
        let api = Api::start().await;
        for id in ["evt_00000000000000", "00000000-0000-0000-0000-000000000000"] {
            let today = api.send(RECEIPT, &fresh(), receipt(id).to_string()).await;
            let key = fresh();
            let tomorrow = api.send(RECEIPT, &key, receipt(id).to_string()).await;
            assert_ne!(today.event_id(), tomorrow.event_id());
            let again = api.send(RECEIPT, &key, receipt(id).to_string()).await;
            assert_eq!(again.text, tomorrow.text, "one delivery twice");
            let response =
                api.send(RESULT, &fresh(), result(id, &json!({"status": "success"}))).await;
            assert_eq!(response.event_id(), tomorrow.event_id(), "the newest is meant");
        }
        sqlx::query("UPDATE projects SET mode = 'live'")
            .execute(&api.world.pool)
            .await
            .expect("live");
        api.world.keys_are_seen().await;
        let live = api.receipt("evt_00000000000000", &json!({})).await;
        assert_eq!((live.status, live.fields()), (422, vec!["provider_event_id".to_owned()]));
    });
}

#[test]
fn whatever_languages_call_their_errors_opens_the_incident() {
    run(async {
        let api = Api::start().await;
        for (number, code) in [
            json!("ActiveRecord::RecordNotUnique"),
            json!("App\\Exceptions\\QueryException"),
            json!("SQLSTATE[23505]"),
            json!("HTTP 500"),
            json!(""),
            json!(500),
            json!(null),
        ]
        .iter()
        .enumerate()
        {
            let event = format!("evt_{number}");
            let event_id = api.take(&event).await;
            let body = result(&event, &json!({"status": "failed", "error_code": code}));
            let response = api.send(RESULT, &fresh(), body).await;
            assert_eq!((response.status, response.json().get("adjusted")), (202, None), "{code}");
            let incident = api.world.incident_when(event_id, "open", |_| true).await;
            assert_eq!(incident.reason, Reason::FailedResult);
            let kept = code.as_str().map_or_else(|| code.to_string(), str::to_owned);
            let kept = Some(kept).filter(|kept| !kept.is_empty() && kept != "null");
            assert_eq!(incident.error.code, kept);
        }
    });
}

#[test]
fn text_that_is_too_long_or_broken_is_cut_and_repaired_and_said_so() {
    run(async {
        let api = Api::start().await;
        for (number, (raw, length)) in [
            (format!("\"{}\"", "x".repeat(2_001)), 2_000),
            (format!("\"{}\"", "é".repeat(20_000)), 2_000),
            ("\"x\\ud83d\"".to_owned(), 2),
            ("\"a\\u0000b\"".to_owned(), 2),
        ]
        .into_iter()
        .enumerate()
        {
            let event = format!("evt_{number}");
            let event_id = api.take(&event).await;
            let body = format!(
                r#"{{"provider_event_id":"{event}","status":"failed","error_message":{raw}}}"#
            );
            let response = api.send(RESULT, &fresh(), body).await;
            assert_eq!(
                (response.status, &response.json()["adjusted"]),
                (202, &json!(["error_message"]))
            );
            let incident = api.world.incident_when(event_id, "open", |_| true).await;
            let message = incident.error.message.expect("a message");
            assert_eq!(message.chars().count(), length);
            assert!(number != 2 || message.ends_with('\u{fffd}'));
        }
    });
}

#[test]
fn a_repeated_failure_in_other_words_refreshes_the_error() {
    run(async {
        let api = Api::start().await;
        let event_id = api.take("evt_1").await;
        let failed = |code: &str| result("evt_1", &json!({"status": "failed", "error_code": code}));
        let first = api.send(RESULT, "k", failed("E1")).await;
        for _ in 0..2 {
            assert_eq!(api.send(RESULT, "k", failed("E2")).await.text, first.text);
        }
        let incident = api.world.incident_when(event_id, "open", |_| true).await;
        assert_eq!(incident.error.code.as_deref(), Some("E2"));
        assert_eq!(
            api.world.timeline(event_id).await.iter().filter(|it| *it == "result.failed").count(),
            2,
            "the second one is noted once"
        );
    });
}

#[test]
fn names_come_as_frameworks_give_them() {
    run(async {
        let api = Api::start().await;
        for (number, change) in [
            json!({"event_type": "checkout.session.async_payment_succeeded"}),
            json!({"event_type": "invoice.payment_succeeded"}),
            json!({"event_type": "v1.invoice.paid"}),
            shopify("ORDERS_PAID", "CometCart.myshopify.com."),
            shopify("refunds/create", " http://cometcart.myshopify.com/ "),
            json!({"provider": "paypal", "event_type": "PAYMENT.CAPTURE.COMPLETED"}),
            json!({"provider": "paddle", "event_type": "transaction.completed"}),
            json!({"provider": "lemonsqueezy", "event_type": "order_created"}),
            json!({"provider": "adyen", "event_type": "AUTHORISATION"}),
            json!({"occurred_at": 1_700_000_000}),
            json!({"internal_reference": 42}),
        ]
        .iter()
        .enumerate()
        {
            let response = api.receipt(&format!("evt_{number}"), change).await;
            assert_eq!(response.status, 202, "{change}: {}", response.text);
        }
        let lost =
            api.receipt("", &json!({"provider_event_id": 820_982_911_946_154_508_u64})).await;
        assert_eq!(lost.fields(), ["provider_event_id"]);
        assert!(lost.text.contains("admin_graphql_api_id"), "{}", lost.text);
    });
}

#[test]
fn a_large_payload_never_costs_the_receipt() {
    run(async {
        let api = Api::start().await;
        let payload = json!({"payload": {"x": "x".repeat(300_000)}});
        let response = api.receipt("evt_1", &payload).await;
        assert_eq!((response.status, &response.json()["snapshot"]), (202, &json!("not_stored")));
        assert_eq!(response.json()["snapshot_reason"], "off");
        let beside = api.receipt("evt_2", &json!({"extra": "x".repeat(300_000)})).await;
        assert_eq!((beside.status, beside.code().as_str()), (413, "payload_too_large"));
        let huge = api.receipt("evt_3", &json!({"payload": {"x": "x".repeat(2_400_000)}})).await;
        assert_eq!((huge.status, huge.code().as_str()), (413, "payload_too_large"));
    });
}

#[test]
fn an_event_that_a_newer_one_made_void_needs_no_incident() {
    run(async {
        let api = Api::start().await;
        let superseded = |event: &str| result(event, &json!({"status": "superseded"}));
        let quiet = api.take("evt_1").await;
        let response = api.send(RESULT, &fresh(), superseded("evt_1")).await;
        assert_eq!(response.json()["effect"], "superseded");
        assert_eq!(response.json()["incident"], json!(null));
        assert_eq!(api.world.timeline(quiet).await, ["receipt.accepted", "result.superseded"]);

        let loud = api.take("evt_2").await;
        let failed = result("evt_2", &json!({"status": "failed"}));
        api.send(RESULT, &fresh(), failed.as_str()).await;
        let response = api.send(RESULT, &fresh(), superseded("evt_2")).await;
        assert_eq!(response.json()["incident"]["state"], "resolved");
        let state = |one: &store::incidents::Incident| one.state == IncidentState::Resolved;
        let incident = api.world.incident_when(loud, "resolved", state).await;
        assert_eq!(incident.resolution, Some(Resolution::Superseded));
        let late = api.send(RESULT, &fresh(), failed.as_str()).await;
        assert_eq!(late.json()["effect"], "superseded", "a later failure is a contradiction");
        let won = api.send(RESULT, &fresh(), result("evt_2", &json!({"status": "success"}))).await;
        assert_eq!(won.json()["effect"], "succeeded", "a later success wins");
    });
}
