//! Slack messages as they are written, and as a server responds to them.

use std::time::Duration;

use domain::alert::AlertFacts;
use domain::app_error::AppError;
use domain::project::Mode;
use domain::repair_url::AllowedNetworks;
use doubles::http_server::{HttpServer, response};
use serde_json::Value;

use super::*;
use crate::destinations::samples::{HOSTILE, hostile, opened, proposed, repair_failed, resolved};
use crate::http::test_clients::{local_client, public_client};

async fn post(server: &HttpServer) -> Result<Sent, SendFailure> {
    let allow: AllowedNetworks = "127.0.0.0/8".parse().expect("the network parses");
    let url = SlackUrl::parse(server.url().as_str(), Mode::Test, &allow).expect("a local URL");
    send(&local_client(2_000, 5_000), &url, &opened()).await
}

async fn answering(status: &str, headers: &str, body: &str) -> HttpServer {
    HttpServer::responding(response(status, headers, body)).await
}

/// Every text in the payload that Slack would show.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| match value {
                Value::String(text) if name == "text" => vec![text.as_str()],
                other => texts(other),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn a_failed_repair_reads_well() {
    insta::assert_snapshot!(texts(&payload(&repair_failed())).join("\n---\n"), @r#"
    user_456 paid for credits. The reprocess failed.
    ---
    *▲ Open for 43 minutes*
    Your app received invoice.paid from Stripe on 21 November 2026, 14:02:09 UTC. It accepted the callback and then reported a failure. Fix the endpoint, then open the incident and press Reprocess.
    ---
    *<https://sendpromptly.cometcart.test/incidents/inc_01K9QF3Z7M|Open the incident>*
    ---
    *Error that your app reported*
    ```account_locked
    Account 456 is locked by a billing hold```
    ---
    *Last answer of your repair endpoint*
    ```HTTP 200
    {"queued":true}```
    ---
    *Customer reference*
    `user_456`
    ---
    *Effect due*
    `credit_grant, by invoice.paid`
    ---
    *Stripe event*
    `evt_1RQx8ZKp4tYw`
    ---
    *Result due by*
    21 November 2026, 14:32:09 UTC
    ---
    *Incident*
    `inc_01K9QF3Z7M8V2T4B6N0C1D5E9G`
    ---
    *Event*
    `ev_01K9QE0A1B2C3D4E5F6G7H8J9K`
    ---
    sendpromptly · CometCart · live
    ---
    user_456 paid for credits. The reprocess failed. Open for 43 minutes · CometCart · live
    "#);
}

#[test]
fn what_an_extension_found_is_named_and_quoted() {
    let message = payload(&proposed());
    let said: Vec<_> = texts(&message).into_iter().skip(1).take(3).collect();
    insta::assert_snapshot!(said.join("\n---\n"), @"
    *▲ Missing for 30 minutes*
    Your app received invoice.paid from Stripe on 21 November 2026, 14:02:09 UTC. It reported no result within 30 minutes. credits.verify found evidence that it was applied: if it is right, open the incident and resolve it by that.
    ---
    *<https://sendpromptly.cometcart.test/incidents/inc_01K9QF3Z7M|Open the incident>*
    ---
    *Evidence that it was applied*
    ```Granted by a retry of the job
    credits: 100
    ledger_id: led_7```
    ");
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table, to be read as a whole")]
fn the_blocks_are_as_slack_wants_them() {
    insta::assert_json_snapshot!(payload(&resolved()), @r#"
    {
      "blocks": [
        {
          "text": {
            "emoji": false,
            "text": "user_456 paid for credits. They were added by the reprocess.",
            "type": "plain_text"
          },
          "type": "header"
        },
        {
          "text": {
            "text": "*● Resolved after 21 minutes*\nYour app received invoice.paid from Stripe on 21 November 2026, 14:02:09 UTC. It reported success 51 minutes later. Nothing is left to do.",
            "type": "mrkdwn",
            "verbatim": true
          },
          "type": "section"
        },
        {
          "text": {
            "text": "*<https://sendpromptly.cometcart.test/incidents/inc_01K9QF3Z7M|Open the incident>*",
            "type": "mrkdwn",
            "verbatim": true
          },
          "type": "section"
        },
        {
          "fields": [
            {
              "text": "*Customer reference*\n`user_456`",
              "type": "mrkdwn",
              "verbatim": true
            },
            {
              "text": "*Effect due*\n`credit_grant, by invoice.paid`",
              "type": "mrkdwn",
              "verbatim": true
            },
            {
              "text": "*Stripe event*\n`evt_1RQx8ZKp4tYw`",
              "type": "mrkdwn",
              "verbatim": true
            },
            {
              "text": "*Result due by*\n21 November 2026, 14:32:09 UTC",
              "type": "mrkdwn",
              "verbatim": true
            },
            {
              "text": "*Incident*\n`inc_01K9QF3Z7M8V2T4B6N0C1D5E9G`",
              "type": "mrkdwn",
              "verbatim": true
            },
            {
              "text": "*Event*\n`ev_01K9QE0A1B2C3D4E5F6G7H8J9K`",
              "type": "mrkdwn",
              "verbatim": true
            }
          ],
          "type": "section"
        },
        {
          "elements": [
            {
              "text": "sendpromptly · CometCart · live",
              "type": "mrkdwn",
              "verbatim": true
            }
          ],
          "type": "context"
        }
      ],
      "text": "user_456 paid for credits. They were added by the reprocess. Resolved after 21 minutes · CometCart · live"
    }
    "#);
}

#[test]
fn hostile_text_is_inert() {
    let message = payload(&hostile().sanitize());
    for text in texts(&message) {
        // The one link is ours, and nothing in its URL ends it.
        let text = text
            .strip_prefix("*<https://")
            .and_then(|link| link.strip_suffix(">*"))
            .unwrap_or(text);
        assert!(!text.contains('<') && !text.contains('>'), "{text}");
        let fences = text.matches("```").count();
        assert!(fences == 0 || fences == 2, "{text}");
        for control in ['\u{1b}', '\0', '\u{202e}', '\r'] {
            assert!(!text.contains(control), "{text}");
        }
    }
    assert!(texts(&message).iter().any(|text| text.contains("&lt;!channel&gt; &lt;@U123&gt;")));
}

#[test]
fn no_text_is_longer_than_its_block() {
    for filling in ["&", "ü", "😀", "`", "x"] {
        let long = filling.repeat(10_000);
        let facts = AlertFacts {
            project_name: long.clone(),
            event_type: long.clone(),
            internal_reference: long.clone(),
            provider_event_id: long.clone(),
            error: AppError { code: Some(long.clone()), message: Some(long.clone()) },
            incident_url: format!("https://sendpromptly.cometcart.test/{long}"),
            ..hostile()
        };
        let message = payload(&facts.sanitize());
        let blocks = message["blocks"].as_array().expect("blocks");
        let length = |value: &Value| value.as_str().map_or(0, |text| text.encode_utf16().count());
        assert!(length(&blocks[0]["text"]["text"]) <= 150);
        for block in blocks {
            assert!(length(&block["text"]["text"]) <= 3000);
            for field in block["fields"].as_array().into_iter().flatten() {
                assert!(length(&field["text"]) <= 2000);
            }
            for element in block["elements"].as_array().into_iter().flatten() {
                assert!(length(&element["text"]) <= 2000);
            }
        }
        assert!(length(&message["text"]) <= 3000);
    }
}

#[test]
fn a_test_message_says_that_it_is_one() {
    let message = payload(&AlertFacts { test_message: true, ..opened() });
    assert!(texts(&message).iter().any(|text| text.contains("This is a test message.")));
}

#[tokio::test]
async fn the_message_arrives_as_json() {
    let server = answering("200 OK", "", "ok").await;
    let sent = post(&server).await.expect("taken");
    assert_eq!(sent.answer, "200 ok");
    let request = server.received().remove(0);
    assert_eq!(request.header("content-type"), "application/json; charset=utf-8");
    assert_eq!(request.json(), payload(&opened()));
}

#[tokio::test]
async fn each_answer_says_what_to_do_next() {
    let later =
        |seconds| FailureKind::Transient { retry_after: Some(Duration::from_secs(seconds)) };
    let soon = FailureKind::Transient { retry_after: None };
    for (status, headers, body, kind) in [
        ("400 Bad Request", "", "invalid_payload", FailureKind::Permanent),
        ("403 Forbidden", "", "action_prohibited", FailureKind::Permanent),
        ("403 Forbidden", "", "no_service", FailureKind::Gone),
        ("403 Forbidden", "", "invalid_token", FailureKind::Gone),
        ("404 Not Found", "", "channel_not_found", FailureKind::Gone),
        ("410 Gone", "", "channel_is_archived", FailureKind::Gone),
        ("429 Too Many Requests", "Retry-After: 30\r\n", "rate_limited", later(30)),
        ("429 Too Many Requests", "", "rate_limited", soon),
        ("500 Server Error", "", "rollup_error", soon),
        ("503 Unavailable", "Retry-After: 99999999\r\n", "", later(6 * 3600)),
        ("200 OK", "", "invalid_payload", FailureKind::Permanent),
        ("200 OK", "", r#"{"ok":false,"error":"unknown_error"}"#, FailureKind::Permanent),
        ("200 OK", "", r#"{"ok":false,"error":"token_revoked"}"#, FailureKind::Gone),
        ("200 OK", "", "<!DOCTYPE html><title>Sign in</title>", FailureKind::Permanent),
        ("302 Found", "Location: https://slack.com/\r\n", "", FailureKind::Permanent),
    ] {
        let server = answering(status, headers, body).await;
        let failure = post(&server).await.expect_err("not taken");
        assert_eq!(failure.kind, kind, "{status} {body}");
        assert!(failure.answer.contains(body), "{failure:?}");
    }
}

#[tokio::test]
async fn what_other_receivers_say_with_a_2xx_is_taken() {
    for body in
        ["ok", "", r#"{"success":true}"#, r#"{"ok":true}"#, "1", "[]", "{\"result\":\"success\"}"]
    {
        let server = answering("200 OK", "", body).await;
        post(&server).await.expect(body);
    }
}

#[tokio::test]
async fn a_server_that_is_away_may_come_back() {
    let server = HttpServer::start(|stream| async move { drop(stream) }).await;
    let failure = post(&server).await.expect_err("not taken");
    assert_eq!(failure.kind, FailureKind::Transient { retry_after: None });
}

#[tokio::test]
async fn a_url_that_may_not_be_reached_any_more_is_final() {
    let allow: AllowedNetworks = "127.0.0.0/8".parse().expect("the network parses");
    let url =
        SlackUrl::parse("http://127.0.0.1:1/T0/secret", Mode::Test, &allow).expect("a local URL");
    let failure = send(&public_client(), &url, &opened()).await.expect_err("rejected");
    assert_eq!(failure.kind, FailureKind::Permanent);
    assert!(!failure.answer.contains("secret"), "{failure:?}");
}

#[test]
fn the_hostile_sample_is_hostile() {
    assert!(HOSTILE.contains("<!channel>") && HOSTILE.contains("\r\nBcc:"));
}
