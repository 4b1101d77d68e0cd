//! `POST /api/v1/receipt`.

use domain::catalogue::{EffectType, PROVIDERS};
use e2e::run;
use serde_json::json;
use store::MasterKey;
use store::snapshots::find_snapshot;

use super::{Api, RECEIPT, receipt_with};

#[test]
fn a_receipt_is_answered_with_its_event_and_deadline() {
    run(async {
        let api = Api::start().await;
        let response = api.receipt("evt_1", &json!({})).await;
        insta::assert_snapshot!(response.shown(), @r#"202 {"event_id":"ev_","timeout_at":"now","accepted":true,"duplicate":false}"#);
        assert_eq!(response.header("content-type"), "application/json");
        assert_eq!(response.header("cache-control"), "no-store");
        let saved: time::OffsetDateTime =
            sqlx::query_scalar("SELECT timeout_at FROM payment_events")
                .fetch_one(&api.world.pool)
                .await
                .expect("an event");
        let format = &time::format_description::well_known::Rfc3339;
        let said = response.json()["timeout_at"].as_str().expect("a time").to_owned();
        assert_eq!(time::OffsetDateTime::parse(&said, format).expect("RFC 3339"), saved);
        assert!(said.ends_with('Z'), "{said}");
    });
}

#[test]
fn every_row_of_the_catalogue_is_taken() {
    run(async {
        let api = Api::start().await;
        for row in PROVIDERS {
            for (number, event_type) in row.event_types.iter().enumerate() {
                let change = json!({
                    "provider": row.provider, "event_type": event_type,
                    "shopify_shop_domain": "alice-shop.myshopify.com"
                });
                let response = api.receipt(&format!("{}-{number}", row.name), &change).await;
                assert_eq!(response.status, 202, "{event_type}: {}", response.text);
            }
        }
        for effect_type in EffectType::BUILT_IN {
            let response = api.receipt("evt_e", &json!({ "effect_type": effect_type })).await;
            assert_eq!(response.json()["duplicate"], json!(false), "{effect_type}");
        }
        let shops = "SELECT count(*) FROM payment_events WHERE shopify_shop_domain IS NOT NULL";
        assert_eq!(api.count(shops).await, 11, "Shopify's types, and no other provider has a shop");
    });
}

#[test]
fn the_older_stripe_name_is_the_same_event() {
    run(async {
        let api = Api::start().await;
        let older = json!({"provider_event_id": null, "stripe_event_id": "evt_1"});
        let first = api.receipt("", &older).await;
        assert_eq!(first.status, 202, "{}", first.text);
        let both = api.receipt("evt_1", &json!({"stripe_event_id": "evt_1"})).await;
        assert_eq!(both.json()["duplicate"], json!(true));
        assert_eq!(both.json()["event_id"], first.json()["event_id"]);
        let differ = api.receipt("evt_1", &json!({"stripe_event_id": "evt_2"})).await;
        insta::assert_snapshot!(differ.shown(), @r#"422 {"error":{"code":"validation_error","message":"one or more fields are not valid; each is named in \"fields\"","fields":[{"field":"stripe_event_id","message":"differs from provider_event_id; send one of them"}],"request_id":"req_"}}"#);
        let shopify = json!({
            "provider": "shopify", "event_type": "orders/paid", "provider_event_id": null,
            "stripe_event_id": "1", "shopify_shop_domain": "alice.myshopify.com"
        });
        let rejected = api.receipt("", &shopify).await;
        assert_eq!(rejected.fields(), ["provider_event_id"], "{}", rejected.text);
    });
}

#[test]
fn a_duplicate_keeps_the_first_event_whatever_key_and_words_bring_it() {
    run(async {
        let api = Api::start().await;
        let first = api.send(RECEIPT, "delivery-1", receipt_with("evt_1", &json!({})).to_string());
        let first = first.await.json();
        let change = json!({"timeout_minutes": 5, "occurred_at": "2020-01-01T00:00:00Z"});
        let second = api.receipt("evt_1", &change).await;
        insta::assert_snapshot!(second.shown(), @r#"202 {"event_id":"ev_","timeout_at":"now","accepted":true,"duplicate":true}"#);
        for same in ["event_id", "timeout_at"] {
            assert_eq!(second.json()[same], first[same]);
        }
        assert_eq!(api.count("SELECT count(*) FROM payment_events").await, 1);
        assert_eq!(api.count("SELECT count(*) FROM audit_entries").await, 1);
        let minutes = api.text("SELECT timeout_minutes::text FROM payment_events").await;
        assert_eq!(minutes, "30");
    });
}

#[test]
fn a_time_out_is_1_to_10080_whole_minutes() {
    run(async {
        let api = Api::start().await;
        for minutes in [1, 30, 10_080] {
            let event = format!("evt_{minutes}");
            let response = api.receipt(&event, &json!({ "timeout_minutes": minutes })).await;
            assert_eq!(response.status, 202, "{}", response.text);
            let sql = "SELECT count(*) FROM payment_events
                       WHERE timeout_at = received_at + make_interval(mins => timeout_minutes)";
            assert!(api.count(sql).await > 0);
        }
        for bad in [
            json!(0),
            json!(-1),
            json!(1.5),
            json!("30"),
            json!(10_081),
            json!(1_000_000_000),
            json!(true),
            json!([30]),
            json!(1e300),
        ] {
            let response = api.receipt("evt_bad", &json!({ "timeout_minutes": bad })).await;
            assert_eq!(
                (response.status, response.fields()),
                (422, vec!["timeout_minutes".to_owned()])
            );
        }
        assert_eq!(api.count("SELECT count(*) FROM payment_events").await, 3);
    });
}

#[test]
fn a_snapshot_is_dropped_unless_the_project_keeps_them_and_sealed_if_it_does() {
    run(async {
        let api = Api::start().await;
        let payload = json!({"payload": {"card": "4242-canary", "nested": {"nul": "a\u{0}b"}}});
        let dropped = api.receipt("evt_1", &payload).await;
        insta::assert_snapshot!(dropped.shown(), @r#"202 {"event_id":"ev_","timeout_at":"now","accepted":true,"duplicate":false,"snapshot":"not_stored","snapshot_reason":"off"}"#);
        sqlx::query("UPDATE projects SET snapshots = true")
            .execute(&api.world.pool)
            .await
            .expect("snapshots on");
        api.world.keys_are_seen().await;
        let kept = api.receipt("evt_2", &payload).await;
        insta::assert_snapshot!(kept.shown(), @r#"202 {"event_id":"ev_","timeout_at":"now","accepted":true,"duplicate":false}"#);
        let rows: Vec<Option<Vec<u8>>> =
            sqlx::query_scalar("SELECT snapshot FROM payment_events ORDER BY id")
                .fetch_all(&api.world.pool)
                .await
                .expect("snapshots");
        assert_eq!(rows[0], None);
        let sealed = rows[1].as_deref().expect("a snapshot");
        let key = MasterKey::parse(&api.world.master_key).expect("a key");
        let event_id = kept.json()["event_id"].as_str().expect("id").parse().expect("an event");
        let mut db = api.world.pool.acquire().await.expect("a connection");
        let opened = find_snapshot(&mut db, &key, event_id).await.expect("opened");
        assert_eq!(opened, Some(payload["payload"].to_string()), "byte for byte");
        assert!(!sealed.windows(6).any(|part| part == b"canary"));
        let without = api.receipt("evt_3", &json!({})).await;
        assert!(without.json().get("snapshot").is_none());
        for (number, bad) in [json!([]), json!("{}"), json!(1)].iter().enumerate() {
            let response = api.receipt(&format!("evt_4{number}"), &json!({ "payload": bad })).await;
            assert_eq!(response.json()["snapshot_reason"], "invalid", "{}", response.text);
        }
        let large = json!({"payload": {"x": "x".repeat(64 * 1024)}});
        let response = api.receipt("evt_5", &large).await;
        assert_eq!(response.json()["snapshot_reason"], "too_large", "{}", response.text);
        let again = api.receipt("evt_2", &payload).await;
        assert_eq!(again.json()["snapshot_reason"], "duplicate", "{}", again.text);
    });
}

#[test]
fn unknown_fields_are_ignored() {
    run(async {
        let api = Api::start().await;
        let change = json!({"colour": "red", "event_id": 7, "project_id": "prj_1", "": {}});
        assert_eq!(api.receipt("evt_1", &change).await.status, 202);
    });
}

#[test]
fn every_bad_field_is_named_at_once_with_what_is_allowed() {
    run(async {
        let api = Api::start().await;
        insta::assert_snapshot!(api.post(RECEIPT, &json!({})).await.shown(), @r#"422 {"error":{"code":"validation_error","message":"one or more fields are not valid; each is named in \"fields\"","fields":[{"field":"provider","message":"is required"},{"field":"provider_event_id","message":"is required"},{"field":"event_type","message":"is required"},{"field":"effect_type","message":"is required"},{"field":"internal_reference","message":"is required"},{"field":"occurred_at","message":"is required"}],"request_id":"req_"}}"#);
        let bad = json!({
            "provider": "acme", "provider_event_id": "", "event_type": 7, "effect_type": "teleport",
            "internal_reference": "x".repeat(256), "occurred_at": "yesterday", "timeout_minutes": 0,
            "payload": []
        });
        insta::assert_snapshot!(api.post(RECEIPT, &bad).await.shown(), @r#"422 {"error":{"code":"validation_error","message":"one or more fields are not valid; each is named in \"fields\"","fields":[{"field":"provider","message":"is not known here; nearest: adyen, paddle, stripe; if it is right, declare it: sendpromptly project declare --project prj_ --event-type 'acme:<event type>'"},{"field":"provider_event_id","message":"is required"},{"field":"event_type","message":"must be a string"},{"field":"effect_type","message":"is not known here; nearest: credit_deduction, access_revocation, subscription_state_apply; if it is right, declare it: sendpromptly project declare --project prj_ --effect-type teleport"},{"field":"internal_reference","message":"must have 1 to 255 characters"},{"field":"occurred_at","message":"must be an RFC 3339 time with its zone, such as 2026-11-21T14:02:09Z, or Unix seconds as a number, such as 1795269729"},{"field":"timeout_minutes","message":"must be a whole number from 1 to 10080"}],"request_id":"req_"}}"#);
        let wrong_event = api.receipt("evt_1", &json!({"event_type": "orders/paid"})).await;
        insta::assert_snapshot!(wrong_event.shown(), @r#"422 {"error":{"code":"validation_error","message":"one or more fields are not valid; each is named in \"fields\"","fields":[{"field":"event_type","message":"is not known here; nearest: refund.created, customer.subscription.deleted, invoice.paid; if it is right, declare it: sendpromptly project declare --project prj_ --event-type stripe:orders/paid"}],"request_id":"req_"}}"#);
        let no_shop = json!({"provider": "shopify", "event_type": "orders/paid"});
        insta::assert_snapshot!(api.receipt("evt_1", &no_shop).await.shown(), @r#"422 {"error":{"code":"validation_error","message":"one or more fields are not valid; each is named in \"fields\"","fields":[{"field":"shopify_shop_domain","message":"is required"}],"request_id":"req_"}}"#);
        assert_eq!(api.count("SELECT count(*) FROM payment_events").await, 0);
    });
}

#[test]
fn a_shop_domain_is_a_name_below_myshopify_com() {
    run(async {
        let api = Api::start().await;
        for bad in [
            "myshopify.com",
            ".myshopify.com",
            "shop.example.com",
            "a.b.myshopify.com",
            "shop.myshopify.com.evil.test",
            "ftp://shop.myshopify.com",
            "user@shop.myshopify.com",
            "",
        ] {
            let change = json!({
                "provider": "shopify", "event_type": "orders/paid", "shopify_shop_domain": bad
            });
            let response = api.receipt("evt_1", &change).await;
            assert_eq!(response.fields(), ["shopify_shop_domain"], "{bad}: {}", response.text);
        }
    });
}

#[test]
fn occurred_at_is_any_moment_with_a_zone_and_never_a_deadline() {
    run(async {
        let api = Api::start().await;
        for (number, good) in [
            "1970-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
            "9999-12-31T23:59:59+02:00",
            "2026-11-21T14:02:09.123456789+05:30",
            "0001-01-01T00:00:00Z",
            "2026-11-21t14:02:09z",
            "2016-12-31T23:59:60Z",
            "2026-11-21T14:02:09-00:00",
        ]
        .iter()
        .enumerate()
        {
            let response =
                api.receipt(&format!("evt_{number}"), &json!({ "occurred_at": good })).await;
            assert_eq!(response.status, 202, "{good}: {}", response.text);
        }
        let late = "SELECT count(*) FROM payment_events WHERE timeout_at <> received_at + interval '30 minutes'";
        assert_eq!(api.count(late).await, 0);
        for bad in [
            "2026-11-21T14:02:09",
            "2026-11-21",
            "1700000000",
            "",
            "2026-13-01T00:00:00Z",
            "2026-02-30T00:00:00Z",
            "10000-01-01T00:00:00Z",
            "2026-11-21T14:02:09+25:00",
            "now",
        ] {
            let response = api.receipt("evt_bad", &json!({ "occurred_at": bad })).await;
            assert_eq!(response.fields(), ["occurred_at"], "{bad}: {}", response.text);
        }
    });
}

#[test]
fn a_moment_that_utc_cannot_write_is_rejected_and_never_a_fault_of_ours() {
    run(async {
        let api = Api::start().await;
        for edge in ["9999-12-31T23:59:59-02:00", "0000-01-01T00:00:00+01:00"] {
            let response = api.receipt("evt_1", &json!({ "occurred_at": edge })).await;
            assert_eq!(
                (response.status, response.fields()),
                (422, vec!["occurred_at".to_owned()]),
                "{edge}"
            );
        }
    });
}
