//! Texts that a database, a page, a terminal or a mail could obey: rejected, or kept as they are.

use e2e::run;
use serde_json::json;

use super::{Api, RESULT};

#[test]
fn identifiers_have_1_to_255_characters_whatever_their_script() {
    run(async {
        let api = Api::start().await;
        let (longest, wide) = ("x".repeat(255), "é".repeat(255));
        for (number, good) in [
            longest.as_str(),
            wide.as_str(),
            "注文-1",
            "Zoë Müller",
            "a'b\"c\\d; DROP TABLE x--",
            "%s{{7*7}}",
        ]
        .iter()
        .enumerate()
        {
            let event = format!("{number}{}", &longest[..250]);
            let response = api.receipt(&event, &json!({ "internal_reference": good })).await;
            assert_eq!(response.status, 202, "{good}: {}", response.text);
            let sql = "SELECT internal_reference FROM payment_events ORDER BY id DESC LIMIT 1";
            assert_eq!(api.text(sql).await, *good);
        }
        for bad in ["", " ", "\t", &"x".repeat(256), &"x".repeat(10_000)] {
            for field in ["provider_event_id", "internal_reference"] {
                let response = api.receipt("evt_1", &json!({ field: bad })).await;
                assert_eq!((response.status, response.fields()), (422, vec![field.to_owned()]));
            }
        }
    });
}

#[test]
fn identifiers_that_deceive_the_eye_are_rejected() {
    run(async {
        let api = Api::start().await;
        for bad in [
            "user\u{202e}654",
            "a\u{2066}b",
            "a\u{200b}b",
            "a\u{200d}b",
            "a\u{feff}b",
            "a\u{2028}b",
            "a\nb",
            "a\rb",
            "a\u{1b}[31mb",
            "a\u{7f}b",
            "a\u{85}b",
            "a\u{61c}b",
            "a\u{ad}b",
            "a\u{fe0f}b",
            "a\u{3164}b",
            "a\u{e0041}b",
        ] {
            let response = api.receipt("evt_1", &json!({ "internal_reference": bad })).await;
            assert_eq!(response.fields(), ["internal_reference"], "{bad:?}");
            let response = api.receipt(bad, &json!({})).await;
            assert_eq!(response.fields(), ["provider_event_id"], "{bad:?}");
            let body = json!({"provider_event_id": bad, "status": "success"});
            assert_eq!(api.post(RESULT, &body).await.fields(), ["provider_event_id"], "{bad:?}");
        }
        let shown = api.receipt("evt_1", &json!({"internal_reference": "user\u{202e}654"})).await;
        insta::assert_snapshot!(shown.shown(), @r#"422 {"error":{"code":"validation_error","message":"one or more fields are not valid; each is named in \"fields\"","fields":[{"field":"internal_reference","message":"must not contain U+202E (a text-direction character; character 5): it is not seen, so two that look equal would not be"}],"request_id":"req_"}}"#);
    });
}

#[test]
fn the_apps_words_are_kept_but_for_control_characters() {
    run(async {
        let api = Api::start().await;
        for (number, words) in [
            "<script>alert(1)</script><img src=x onerror=alert(1)>",
            "\u{1b}[31mred\u{1b}[0m \u{7}",
            "line\r\nBcc: charlie@evil.test\r\n\r\n.\r\n",
            "{{7*7}} {% raw %} ${jndi:ldap://x} #{x} <%= x %>",
            "<!channel> <@U123> &amp; *bold* `code`",
            "\u{202e}right to left \u{200b}",
            "'; DROP TABLE incidents; --",
            "",
            &"é".repeat(2_000),
        ]
        .iter()
        .enumerate()
        {
            let event_id = api.take(&format!("evt_{number}")).await;
            let body = json!({"event_id": event_id, "status": "failed", "error_message": words});
            let response = api.post(RESULT, &body).await;
            assert_eq!(response.status, 202, "{}", response.text);
            let incident = api.world.incident_when(event_id, "open", |_| true).await;
            let kept: String = words.chars().filter(|c| !c.is_control() || *c == '\n').collect();
            assert_eq!(incident.error.message.unwrap_or_default(), kept);
            let sql = "SELECT coalesce(error_message, '') FROM results ORDER BY id DESC LIMIT 1";
            assert_eq!(api.text(sql).await, kept);
        }
    });
}
