//! No report is lost over its form: whatever a payload, a text about a failure or an unknown field
//! looks like, the event is watched and the failure reported. What says which event is meant stays
//! strict.

use e2e::run;
use e2e::world::receipt;
use serde_json::{Value, json};

use super::{Api, RECEIPT, RESULT, fresh, receipt_with};

/// A receipt with one more field, written literally.
fn with(event: &str, field: &str, raw: &[u8]) -> Vec<u8> {
    let good = receipt(event).to_string();
    let good = &good.as_bytes()[..good.len() - 1];
    [good, b",\"", field.as_bytes(), b"\":", raw, b"}"].concat()
}

/// Values that no strict parser takes.
fn strange() -> Vec<Vec<u8>> {
    let deep = format!("{}1{}", "{\"a\":[".repeat(20_000), "]}".repeat(20_000));
    vec![
        b"{\"note\":\"a\x01\n\x1b[31m\"}".to_vec(),
        b"{\"name\":\"Jos\xe9\"}".to_vec(),
        b"{\"half\":\"\\ud83d\"}".to_vec(),
        b"{\"amount\":NaN,\"rate\":-Infinity,\"none\":undefined}".to_vec(),
        b"{\"path\":\"C:\\Users\"}".to_vec(),
        b"{\"at\":01,}".to_vec(),
        b"NaN".to_vec(),
        deep.into_bytes(),
    ]
}

#[test]
fn no_payload_costs_the_receipt() {
    run(async {
        let api = Api::start().await;
        for (snapshots, reason) in [(false, "off"), (true, "invalid")] {
            sqlx::query("UPDATE projects SET snapshots = $1")
                .bind(snapshots)
                .execute(&api.world.pool)
                .await
                .expect("a setting");
            api.world.keys_are_seen().await;
            for (number, payload) in strange().iter().enumerate() {
                let event = format!("evt_{reason}_{number}");
                let response = api.send_bytes(RECEIPT, with(&event, "payload", payload)).await;
                assert_eq!(
                    (response.status, &response.json()["snapshot"]),
                    (202, &json!("not_stored"))
                );
                let too_large = snapshots && payload.len() > 64 * 1024;
                let reason = if too_large { "too_large" } else { reason };
                assert_eq!(response.json()["snapshot_reason"], reason, "{number}");
                let kept: (String, String, Option<Vec<u8>>) = sqlx::query_as(
                    "SELECT provider_event_id, internal_reference, snapshot FROM payment_events WHERE id = $1",
                )
                .bind(response.event_id().as_uuid())
                .fetch_one(&api.world.pool)
                .await
                .expect("an event");
                assert_eq!(kept, (event, "user_456".to_owned(), None));
            }
        }
        let twice = b"{\"a\":1,\"a\":2}";
        let kept = api.send_bytes(RECEIPT, with("evt_twice", "payload", twice)).await;
        assert_eq!((kept.status, kept.json().get("snapshot")), (202, None), "{}", kept.text);
    });
}

#[test]
fn unknown_fields_and_a_byte_order_mark_cost_nothing() {
    run(async {
        let api = Api::start().await;
        for (number, value) in strange().iter().enumerate() {
            let body = with(&format!("evt_{number}"), "debug", value);
            let marked = ["\u{feff}".as_bytes(), &body].concat();
            let first = api.send_bytes(RECEIPT, body).await;
            let again = api.send_bytes(RECEIPT, marked).await;
            assert_eq!((first.status, again.status), (202, 202), "{number}: {}", first.text);
            assert_eq!(first.event_id(), again.event_id());
        }
    });
}

#[test]
fn no_text_about_a_failure_loses_it() {
    run(async {
        let api = Api::start().await;
        let long = [b"\"", "é".repeat(135_000).as_bytes(), b"\""].concat();
        let longest = [b"\"", "x".repeat(2_300_000).as_bytes(), b"\""].concat();
        let cut = "é".repeat(2_000);
        for (number, (raw, kept, adjusted)) in [
            (&b"\"disk\nfull\tnow\""[..], "disk\nfull\tnow", false),
            (b"\"a\x01\0b\"", "ab", true),
            (b"\"Jos\xe9 \xf0\x9f\"", "Jos\u{fffd} \u{fffd}", true),
            (b"\"x\\ud83d\"", "x\u{fffd}", true),
            (b"\"C:\\Users\"", "C:\\Users", true),
            (b"NaN", "NaN", true),
            (b"{\"errno\": NaN}", "{\"errno\": NaN}", true),
            (b"{\"errno\": [5, true]}", "{\"errno\":[5,true]}", false),
            (&long, &cut, true),
            (&longest, &"x".repeat(2_000), true),
        ]
        .into_iter()
        .enumerate()
        {
            let event = format!("evt_{number}");
            let event_id = api.take(&event).await;
            let head =
                format!(r#"{{"provider_event_id":"{event}","status":"failed","error_message":"#);
            let body = [head.as_bytes(), raw, b",\"debug\":NaN}"].concat();
            let response = api.send_bytes(RESULT, body).await;
            let said = adjusted.then(|| json!(["error_message"]));
            assert_eq!(
                (response.status, response.json().get("adjusted")),
                (202, said.as_ref()),
                "{number}"
            );
            let incident = api.world.incident_when(event_id, "open", |_| true).await;
            assert_eq!(incident.error.message.as_deref(), Some(kept), "{number}");
        }
    });
}

#[test]
fn an_error_code_is_as_good_as_a_message_and_only_what_is_not_read_is_too_large() {
    run(async {
        let api = Api::start().await;
        api.take("evt_0").await;
        let code = &b"{\"provider_event_id\":\"evt_0\",\"status\":\"failed\",\"error_code\":\"E\x01\xff 1\"}"[..];
        let response = api.send_bytes(RESULT, code.to_vec()).await;
        assert_eq!((response.status, &response.json()["adjusted"]), (202, &json!(["error_code"])));
        let unread = json!({"provider_event_id": "evt_0", "status": "failed", "error_message": "x".repeat(2_400_000)});
        assert_eq!(api.post(RESULT, &unread).await.code(), "payload_too_large");
    });
}

#[test]
fn what_says_which_event_is_meant_is_named_where_it_is_broken() {
    run(async {
        let api = Api::start().await;
        for raw in
            [&b"\"user\x01\""[..], b"\"us\ner\"", b"\"us\xffer\"", b"\"\\ud83d\"", b"NaN", b"0x1F"]
        {
            let receipt = receipt_with("evt_1", &json!({"internal_reference": null})).to_string();
            let body =
                [&receipt.as_bytes()[..receipt.len() - 1], b",\"internal_reference\":", raw, b"}"];
            let response = api.send_bytes(RECEIPT, body.concat()).await;
            let named = vec!["internal_reference".to_owned()];
            assert_eq!(
                (response.status, response.fields()),
                (422, named),
                "{raw:?}: {}",
                response.text
            );
            let body = [&b"{\"status\":\"success\",\"provider_event_id\":"[..], raw, b"}"].concat();
            let response = api.send_bytes(RESULT, body).await;
            assert_eq!(
                (response.status, response.fields()),
                (422, vec!["provider_event_id".to_owned()])
            );
        }
        assert_eq!(api.count("SELECT count(*) FROM payment_events").await, 0);
        assert_eq!(api.count("SELECT count(*) FROM early_results").await, 0);
    });
}

#[test]
fn white_space_around_a_field_and_blank_fields_mean_nothing() {
    run(async {
        let api = Api::start().await;
        let plain = api.receipt("evt_1", &json!({})).await;
        let mut spaced = receipt("evt_1");
        for (name, value) in spaced.as_object_mut().expect("an object") {
            *value = json!(format!(" {}\n", value.as_str().expect(name)));
        }
        for blank in ["effect_key", "shopify_shop_domain", "timeout_minutes", "stripe_event_id"] {
            spaced[blank] = json!("");
        }
        let again = api.post(RECEIPT, &spaced).await;
        assert_eq!(again.json()["duplicate"], json!(true), "{}", again.text);
        assert_eq!(again.event_id(), plain.event_id());
        let failed = json!({
            "event_id": "", "provider_event_id": "evt_1 ", "replay_id": "", "effect_key": "", "provider": " ",
            "event_type": "", "effect_type": null, "shopify_shop_domain": "", "internal_reference": "\tuser_456",
            "status": "Failed", "error_code": " "
        });
        let response = api.post(RESULT, &failed).await;
        assert_eq!(
            (response.status, response.event_id()),
            (202, plain.event_id()),
            "{}",
            response.text
        );
        let by_id = json!({"event_id": format!(" {}\n", plain.event_id()), "status": "success"});
        assert_eq!(api.post(RESULT, &by_id).await.json()["incident"]["state"], "resolved");
    });
}

#[test]
fn what_a_receipt_alone_says_costs_no_result_that_repeats_it() {
    run(async {
        let api = Api::start().await;
        let event_id = api.take("evt_1").await;
        for field in ["amount", "occurred_at", "timeout_minutes"] {
            for value in strange() {
                let start = format!(
                    "{{\"event_id\":\"{event_id}\",\"status\":\"failed\",\"{field}\":1,\"{field}\":"
                );
                let body = [start.as_bytes(), &value, b"}"].concat();
                let response = api.send_bytes(RESULT, body).await;
                assert_eq!((response.status, response.event_id()), (202, event_id), "{field}");
            }
        }
    });
}

#[test]
fn an_event_id_beside_what_its_event_is_not_names_the_field_and_what_it_is() {
    run(async {
        let api = Api::start().await;
        let ours = api.take("evt_1").await;
        let other = api.receipt("evt_2", &json!({"effect_type": "access_unlock"})).await;
        let say = |event: &str, change: Value| {
            let mut body = json!({"event_id": event, "status": "failed"});
            body.as_object_mut()
                .expect("an object")
                .extend(change.as_object().expect("one").clone());
            body
        };
        let wrong = say(&ours.to_string(), json!({"effect_type": "access_unlock"}));
        insta::assert_snapshot!(api.post(RESULT, &wrong).await.shown(), @r#"422 {"error":{"code":"validation_error","message":"one or more fields are not valid; each is named in \"fields\"","fields":[{"field":"effect_type","message":"is \"credit_grant\" in the event of this event_id; send that, leave it out, or send the event_id that you mean"}],"request_id":"req_"}}"#);
        for (change, fields) in [
            (json!({"provider_event_id": "evt_2"}), vec!["provider_event_id"]),
            (json!({"internal_reference": "user_457"}), vec!["internal_reference"]),
            (json!({"effect_key": "pack-2"}), vec!["effect_key"]),
            (json!({"event_type": "charge.succeeded"}), vec!["event_type"]),
            (
                json!({"provider": "shopify", "event_type": "orders/paid"}),
                vec!["provider", "event_type"],
            ),
        ] {
            let response = api.post(RESULT, &say(&ours.to_string(), change)).await;
            assert_eq!(
                (response.status, response.fields()),
                (422, fields.into_iter().map(str::to_owned).collect())
            );
        }
        assert_eq!(api.world.timeline(ours).await, ["receipt.accepted"]);
        let right = say(&other.event_id().to_string(), json!({"effect_type": "access_unlock"}));
        assert_eq!(api.post(RESULT, &right).await.status, 202);
        let (_, charlie) = api.stranger().await;
        let theirs = api.post_as(&charlie, RESULT, &wrong).await;
        assert_eq!(theirs.code(), "not_found", "another project's event is not told about");
        let unknown = say("ev_00000000000000000000000000", json!({"effect_type": "access_unlock"}));
        assert_eq!(api.post(RESULT, &unknown).await.code(), "not_found");
    });
}

#[test]
fn each_form_of_a_time_has_its_reason_and_what_is_right() {
    run(async {
        let api = Api::start().await;
        for (given, said) in [
            (json!(1_700_000_000_000_i64), "is in milliseconds; send seconds: 1700000000"),
            (json!("1700000000000"), "is in milliseconds; send seconds: 1700000000"),
            (json!("1700000000"), "is a number as text; send it as a number: 1700000000"),
            (json!("2026-11-21T14:02:09+0200"), "send 2026-11-21T14:02:09+02:00"),
            (json!("2026-11-21"), "is a date alone"),
            (
                json!("2026-11-21 14:02:09"),
                "has no zone; if it is in UTC, send 2026-11-21T14:02:09Z",
            ),
            (json!("2026-11-21T14:02:09 Europe/Berlin"), "names its zone"),
        ] {
            let response = api.receipt("evt_1", &json!({ "occurred_at": given })).await;
            assert_eq!((response.status, response.fields()), (422, vec!["occurred_at".to_owned()]));
            let message = response.json()["error"]["fields"][0]["message"].clone();
            assert!(message.as_str().expect("text").contains(said), "{given}: {message}");
        }
        for (number, good) in
            ["2026-11-21 14:02:09Z", "2026-11-21t14:02:09z", " 2026-11-21T14:02:09+02:00 "]
                .iter()
                .enumerate()
        {
            let response =
                api.receipt(&format!("evt_{number}"), &json!({ "occurred_at": good })).await;
            assert_eq!(response.status, 202, "{good}: {}", response.text);
        }
    });
}

#[test]
fn the_type_of_the_body_may_carry_what_clients_add_to_it() {
    run(async {
        let api = Api::start().await;
        for (number, kind) in [
            "application/json; charset=utf-8",
            "application/json;charset=UTF8",
            "Application/JSON; odata=verbose",
        ]
        .iter()
        .enumerate()
        {
            let bearer = format!("Bearer {}", api.world.key.reveal());
            let request = api.bare(reqwest::Method::POST, RECEIPT).header("authorization", bearer);
            let request = request.header("idempotency-key", fresh()).header("content-type", *kind);
            let body = receipt(&format!("evt_{number}")).to_string();
            assert_eq!(super::ApiResponse::of(request.body(body)).await.status, 202, "{kind}");
        }
    });
}
