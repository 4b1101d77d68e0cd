//! Notifications as they are written, and as a server responds to them.

use domain::alert::{AlertFacts, AlertKind};
use domain::destination::DestinationKind;
use domain::ids::IncidentId;
use domain::notice::NoticeFacts;
use domain::project::Mode;
use domain::repair_url::AllowedNetworks;
use doubles::http_server::{HttpServer, response};

use super::*;
use crate::destinations::FailureKind;
use crate::destinations::samples::{
    HOSTILE, hostile, notice, opened, repair_failed, resolved, unclaimed,
};
use crate::http::test_clients::local_client;

const TOKEN: &str = "tk_AgQdq7mVBoFD37zQVN29RhuMzNIz2";
/// What a server answers.
const TAKEN: &str =
    r#"{"id":"hwQ2YpKdmg","time":1635528741,"event":"message","topic":"cometcart-payments"}"#;

fn first() -> IncidentId {
    "inc_01K9QF3Z7M8V2T4B6N0C1D5E9G".parse().expect("an id")
}

async fn post(server: &HttpServer, token: Option<&str>) -> Result<Sent, SendFailure> {
    let allow: AllowedNetworks = "127.0.0.0/8".parse().expect("the network parses");
    let url = format!("http://127.0.0.1:{}/cometcart-payments", server.port);
    let url = ProviderUrl::parse(DestinationKind::Ntfy, &url, Mode::Test, &allow).expect("a URL");
    let token = token.map(|token| NtfyToken::parse(token).expect("a token"));
    let notification = alert_notification(first(), &opened());
    send(&local_client(2_000, 5_000), &url, token.as_ref(), notification).await
}

#[test]
fn a_failed_repair_reads_well() {
    insta::assert_json_snapshot!(alert_notification(first(), &repair_failed()), @r#"
    {
      "actions": [
        {
          "action": "view",
          "label": "Open the incident",
          "url": "https://sendpromptly.cometcart.test/incidents/inc_01K9QF3Z7M"
        }
      ],
      "click": "https://sendpromptly.cometcart.test/incidents/inc_01K9QF3Z7M",
      "message": "Open for 43 minutes. Your app received invoice.paid from Stripe on 21 November 2026, 14:02:09 UTC. It accepted the callback and then reported a failure. Fix the endpoint, then open the incident and press Reprocess.\nError that your app reported: account_locked\nAccount 456 is locked by a billing hold\nLast answer of your repair endpoint: HTTP 200\n{\"queued\":true}\nCometCart · live",
      "priority": 4,
      "tags": [
        "rotating_light"
      ],
      "title": "user_456 paid for credits. The reprocess failed."
    }
    "#);
}

#[test]
fn what_follows_replaces_the_notification_and_a_failed_reprocess_is_one_of_its_own() {
    for (facts, sequence) in [
        (opened(), Some(first())),
        (AlertFacts { kind: AlertKind::IncidentAcknowledged, ..opened() }, Some(first())),
        (resolved(), Some(first())),
        (repair_failed(), None),
        (AlertFacts { test_message: true, ..opened() }, None),
    ] {
        let expected = sequence.map_or(Value::Null, |id| json!(id.to_string()));
        assert_eq!(alert_notification(first(), &facts)["sequence_id"], expected, "{}", facts.kind);
    }
}

#[test]
fn no_message_becomes_a_file_and_a_test_project_wakes_nobody() {
    let long = "😀".repeat(5_000);
    let facts = AlertFacts { internal_reference: long, mode: Mode::Test, ..hostile() };
    let notification = alert_notification(first(), &facts.sanitize());
    assert!(notification["message"].as_str().expect("text").len() <= 4_096);
    assert_eq!(notification["priority"], 3);
    assert_eq!(alert_notification(first(), &opened())["priority"], 4);
}

#[test]
fn a_message_of_any_length_ends_with_whose_it_is() {
    let mut facts = repair_failed();
    facts.error.message = Some("disk full ".repeat(400));
    facts.project_name = "é".repeat(255);
    let notification = alert_notification(first(), &facts);
    let message = notification["message"].as_str().expect("text");
    assert!(message.ends_with("é · live"), "{message}");
    assert_eq!(message.chars().count(), 1_000);
    let facts = NoticeFacts::ResultsUnclaimed(unclaimed(0, &[&"evt_".repeat(400)]));
    let notification = notice_notification(&notice(facts));
    let message = notification["message"].as_str().expect("text");
    assert!(message.ends_with("…\nCometCart · live"), "{message}");
}

#[test]
fn it_is_as_loud_as_it_is_urgent() {
    let failed = |mode, hours| {
        let happened_at = repair_failed().opened_at + time::Duration::hours(hours);
        alert_notification(first(), &AlertFacts { mode, happened_at, ..repair_failed() })
    };
    for (mode, hours, priority) in
        [(Mode::Live, 0, 4), (Mode::Live, 1, 5), (Mode::Live, 4, 5), (Mode::Test, 4, 3)]
    {
        assert_eq!(failed(mode, hours)["priority"], priority, "{mode} after {hours} h");
    }
}

#[test]
fn a_notice_lists_what_it_is_about() {
    let facts = NoticeFacts::ResultsUnclaimed(unclaimed(0, &["evt_1", HOSTILE]));
    let notification = notice_notification(&notice(facts));
    let message = notification["message"].as_str().expect("text");
    assert!(message.contains("Provider event ids: evt_1, "), "{message}");
    assert!(message.ends_with("CometCart · live"), "{message}");
    assert_eq!(notification["click"], "https://sendpromptly.cometcart.test/audit");
}

#[tokio::test]
async fn the_message_goes_to_the_server_with_its_topic_and_token() {
    let server = HttpServer::responding(response("200 OK", "", TAKEN)).await;
    let sent = post(&server, Some(TOKEN)).await.expect("taken");
    assert!(!sent.answer.contains("cometcart-payments"), "{}", sent.answer);
    let request = server.received().remove(0);
    assert!(request.head.starts_with("POST / HTTP/1.1"), "{}", request.head);
    assert_eq!(request.header("authorization"), format!("Bearer {TOKEN}"));
    assert_eq!(request.json()["topic"], "cometcart-payments");
    let server = HttpServer::responding(response("200 OK", "", TAKEN)).await;
    post(&server, None).await.expect("taken");
    assert_eq!(server.received()[0].header("authorization"), "");
}

#[tokio::test]
async fn each_answer_says_what_to_do_next() {
    let later = FailureKind::Transient { retry_after: Some(WHEN_LIMITED) };
    let limited = r#"{"code":42901,"http":429,"error":"limit reached: too many requests"}"#;
    let unknown = r#"{"code":40101,"http":401,"error":"unauthorized"}"#;
    for (status, body, kind) in [
        (
            "400 Bad Request",
            r#"{"code":40009,"http":400,"error":"topic invalid"}"#,
            FailureKind::Permanent,
        ),
        ("401 Unauthorized", unknown, FailureKind::Permanent),
        (
            "403 Forbidden",
            r#"{"code":40301,"http":403,"error":"forbidden"}"#,
            FailureKind::Permanent,
        ),
        ("429 Too Many Requests", limited, later),
        ("500 Internal Server Error", "", FailureKind::Transient { retry_after: None }),
        ("200 OK", "<!doctype html><title>Sign in</title>", FailureKind::Permanent),
    ] {
        let server = HttpServer::responding(response(status, "", body)).await;
        assert_eq!(post(&server, None).await.expect_err(status).kind, kind, "{status}");
    }
}
