//! Results that overtake their receipt.

use domain::retention::Rule;
use e2e::run;
use e2e::world::receipt;
use serde_json::{Value, json};
use store::retention;

use super::{Api, RECEIPT, RESULT};

fn early(event: &str, status: &str) -> Value {
    json!({"provider_event_id": event, "status": status})
}

#[test]
fn an_early_result_is_accepted_kept_and_applied() {
    run(async {
        let api = Api::start().await;
        let response = api.post(RESULT, &early("evt_1", "success")).await;
        insta::assert_snapshot!(response.shown(), @r#"202 {"event_id":null,"accepted":true,"pending_receipt":true,"effect":null,"incident":null}"#);
        assert_eq!(api.count("SELECT count(*) FROM early_results").await, 1);
        let event_id = api.take("evt_1").await;
        assert_eq!(api.world.timeline(event_id).await, ["receipt.accepted", "result.succeeded"]);
        assert_eq!(api.text("SELECT effect FROM payment_events").await, "succeeded");
    });
}

#[test]
fn an_early_failure_opens_the_incident_with_the_receipt() {
    run(async {
        let api = Api::start().await;
        let mut body = early("evt_1", "failed");
        body["error_code"] = json!("locked");
        assert_eq!(api.post(RESULT, &body).await.status, 202);
        let event_id = api.take("evt_1").await;
        let incident = api.world.incident_when(event_id, "open", |_| true).await;
        assert_eq!(incident.error.code.as_deref(), Some("locked"));
    });
}

#[test]
fn the_same_early_result_again_is_kept_once_and_another_event_under_its_key_is_a_conflict() {
    run(async {
        let api = Api::start().await;
        for _ in 0..2 {
            let response = api.send(RESULT, "k1", early("evt_1", "failed").to_string()).await;
            assert_eq!(response.status, 202, "{}", response.text);
        }
        assert_eq!(api.count("SELECT count(*) FROM early_results").await, 1);
        let other = api.send(RESULT, "k1", early("evt_2", "failed").to_string()).await;
        insta::assert_snapshot!(other.shown(), @r#"409 {"error":{"code":"idempotency_conflict","message":"this Idempotency-Key was used for a different request; send a new one with this one","request_id":"req_"}}"#);
        assert_eq!(api.send(RESULT, "k1", early("evt_1", "success").to_string()).await.status, 202);
        api.take("evt_1").await;
        assert_eq!(api.text("SELECT effect FROM payment_events").await, "succeeded");
    });
}

#[test]
fn an_early_result_is_applied_to_the_effect_that_it_names_or_to_the_first_that_comes() {
    run(async {
        let api = Api::start().await;
        let mut named = early("evt_1", "success");
        named["effect_type"] = json!("access_unlock");
        api.post(RESULT, &named).await;
        api.post(RESULT, &early("evt_2", "success")).await;
        for event in ["evt_1", "evt_2"] {
            for effect in ["credit_grant", "access_unlock"] {
                let response = api.receipt(event, &json!({ "effect_type": effect })).await;
                assert_eq!(response.status, 202);
            }
        }
        let effects = "SELECT string_agg(effect, ' ' ORDER BY id) FROM payment_events";
        assert_eq!(api.text(effects).await, "pending succeeded succeeded pending");
    });
}

#[test]
fn after_24_hours_an_early_result_is_not_applied() {
    run(async {
        let api = Api::start().await;
        api.post(RESULT, &early("evt_1", "success")).await;
        sqlx::query("UPDATE early_results SET received_at = now() - interval '24 hours 1 second'")
            .execute(&api.world.pool)
            .await
            .expect("aged");
        api.take("evt_1").await;
        assert_eq!(api.text("SELECT effect FROM payment_events").await, "pending");
    });
}

#[test]
fn an_early_result_that_is_sent_again_after_24_hours_is_kept_again() {
    run(async {
        let api = Api::start().await;
        let sent = early("evt_1", "success").to_string();
        assert_eq!(api.send(RESULT, "k1", sent.clone()).await.status, 202);
        sqlx::query("UPDATE early_results SET received_at = now() - interval '24 hours 1 second'")
            .execute(&api.world.pool)
            .await
            .expect("aged");
        let again = api.send(RESULT, "k1", sent).await;
        assert_eq!(again.json()["pending_receipt"], json!(true), "{}", again.text);
        api.take("evt_1").await;
        assert_eq!(api.text("SELECT effect FROM payment_events").await, "succeeded");
    });
}

#[test]
fn a_result_and_its_receipt_at_once_never_miss_each_other() {
    run(async {
        let api = Api::start().await;
        for round in 0..30 {
            let event = format!("evt_{round}");
            let (body, result) = (receipt(&event), early(&event, "success"));
            let (taken, reported) =
                tokio::join!(api.post(RECEIPT, &body), api.post(RESULT, &result));
            assert_eq!(taken.status, 202);
            assert_eq!(reported.status, 202, "{}", reported.text);
        }
        let missed = "SELECT count(*) FROM payment_events WHERE effect <> 'succeeded'";
        assert_eq!(api.count(missed).await, 0);
    });
}

#[test]
fn the_call_that_was_kept_later_gets_the_answer_of_its_event() {
    run(async {
        let api = Api::start().await;
        let body = early("evt_1", "success").to_string();
        assert!(api.send(RESULT, "k1", body.as_str()).await.json()["event_id"].is_null());
        let event_id = api.take("evt_1").await;
        let response = api.send(RESULT, "k1", body.as_str()).await;
        assert_eq!(response.json()["event_id"], json!(event_id));
        assert_eq!(response.json()["effect"], "succeeded");
        assert_eq!(api.send(RESULT, "k1", body.as_str()).await.text, response.text);
    });
}

#[test]
fn an_early_result_settles_one_receipt_and_the_next_that_it_fits_is_told() {
    run(async {
        let api = Api::start().await;
        api.post(RESULT, &early("evt_1", "success")).await;
        let first = api.receipt("evt_1", &json!({"internal_reference": "ws_A"})).await.event_id();
        let second = api.receipt("evt_1", &json!({"internal_reference": "ws_B"})).await.event_id();
        assert_eq!(api.world.timeline(first).await, ["receipt.accepted", "result.succeeded"]);
        assert_eq!(api.world.timeline(second).await, ["receipt.accepted", "result.ambiguous"]);
        let effects = "SELECT string_agg(effect, ' ' ORDER BY id) FROM payment_events";
        assert_eq!(api.text(effects).await, "succeeded pending");
    });
}

#[test]
fn an_early_result_that_names_everything_waits_for_that_receipt() {
    run(async {
        let api = Api::start().await;
        let mut named = early("evt_1", "success");
        named["internal_reference"] = json!("ws_B");
        named["effect_key"] = json!("pack-2");
        named["event_type"] = json!("invoice.paid");
        api.post(RESULT, &named).await;
        for (reference, key) in
            [("ws_A", json!("pack-2")), ("ws_B", json!(null)), ("ws_B", json!("pack-2"))]
        {
            let change = json!({ "internal_reference": reference, "effect_key": key });
            assert_eq!(api.receipt("evt_1", &change).await.status, 202);
        }
        let effects = "SELECT string_agg(effect, ' ' ORDER BY id) FROM payment_events";
        assert_eq!(api.text(effects).await, "pending pending succeeded");
    });
}

#[test]
fn a_result_that_no_receipt_claims_within_24_hours_is_in_the_audit() {
    run(async {
        let api = Api::start().await;
        let mut body = early("evt_1", "failed");
        body["error_code"] = json!("locked");
        api.post(RESULT, &body).await;
        let aged = "UPDATE early_results SET received_at = now() - interval '24 hours 1 second'";
        sqlx::query(aged).execute(&api.world.pool).await.expect("aged");
        for gone in [1, 0] {
            let given_up = retention::delete_due(&api.world.pool, Rule::EarlyResults).await;
            assert_eq!(given_up.expect("a database").total(), gone);
        }
        let entries = "SELECT string_agg(action || ' ' || (detail->>'provider_event_id') || ' ' || (detail->>'error_code'), ',')
                       FROM audit_entries";
        assert_eq!(api.text(entries).await, "result.unclaimed evt_1 locked");
        assert_eq!(api.count("SELECT count(*) FROM early_results").await, 0);
    });
}

#[test]
fn an_early_result_that_is_sent_again_gets_the_response_of_the_event_that_it_settled() {
    run(async {
        let api = Api::start().await;
        let sent = early("evt_1", "success").to_string();
        assert_eq!(api.send(RESULT, "k1", sent.clone()).await.status, 202);
        let first = api.receipt("evt_1", &json!({"internal_reference": "ws_A"})).await;
        let second = api.receipt("evt_1", &json!({"internal_reference": "ws_B"})).await;
        for _ in 0..2 {
            let again = api.send(RESULT, "k1", sent.clone()).await;
            assert_eq!((again.status, again.event_id()), (202, first.event_id()), "{}", again.text);
        }
        let other_call = api.send(RESULT, "k2", sent).await;
        assert_eq!(other_call.json()["error"]["code"], "ambiguous_event", "it may mean the second");
        let failure = api.send(RESULT, "k1", early("evt_1", "failed").to_string()).await;
        assert_eq!(failure.json()["error"]["code"], "ambiguous_event", "{}", failure.text);
        assert_ne!(first.event_id(), second.event_id());
        let effects = "SELECT string_agg(effect, ' ' ORDER BY id) FROM payment_events";
        assert_eq!(api.text(effects).await, "succeeded pending");
    });
}

#[test]
fn it_gets_it_too_where_more_events_fit_than_an_ambiguous_result_would_list() {
    run(async {
        let api = Api::start().await;
        let sent = early("evt_1", "success").to_string();
        assert_eq!(api.send(RESULT, "k1", sent.clone()).await.status, 202);
        let first = api.receipt("evt_1", &json!({})).await;
        for place in 0..25 {
            let place = json!({ "internal_reference": format!("seat-{place}") });
            assert_eq!(api.receipt("evt_1", &place).await.status, 202);
        }
        let again = api.send(RESULT, "k1", sent).await;
        assert_eq!((again.status, again.event_id()), (202, first.event_id()), "{}", again.text);
    });
}

#[test]
fn a_shop_tells_only_events_of_shopify_apart() {
    run(async {
        let api = Api::start().await;
        let event_id = api.take("evt_1").await;
        let shop = json!({"shopify_shop_domain": "acme.myshopify.com", "status": "success"});
        for (field, value) in [("provider_event_id", "evt_1"), ("event_id", &event_id.to_string())]
        {
            let mut body = shop.clone();
            body[field] = json!(value);
            let response = api.post(RESULT, &body).await;
            assert_eq!(
                (response.status, response.event_id()),
                (202, event_id),
                "{}",
                response.text
            );
        }
        let mut overtaking = shop;
        overtaking["provider_event_id"] = json!("evt_2");
        assert_eq!(api.post(RESULT, &overtaking).await.status, 202);
        api.take("evt_2").await;
        let effects = "SELECT string_agg(effect, ' ' ORDER BY id) FROM payment_events";
        assert_eq!(api.text(effects).await, "succeeded succeeded");
    });
}
