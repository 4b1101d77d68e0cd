//! Messages to webhooks as they are written, and as a server responds to them.

use std::time::Duration;

use domain::extension::Point;
use domain::notice::{
    ExtensionSilent, NoticeFacts, PolicyStopped, ReceiptsResumed, ReceiptsSilent,
};
use domain::project::Mode;
use domain::repair_url::AllowedNetworks;
use domain::reprocess_policy::StopReason;
use domain::silence::Usual;
use doubles::http_server::{HttpServer, response};
use serde_json::{Value, json};
use time::macros::datetime;

use super::*;
use crate::destinations::NoticeMessage;
use crate::destinations::samples::{
    HOSTILE, hostile, notice, opened, proposed, repair_failed, resolved, unclaimed,
};
use crate::http::test_clients::{local_client, public_client};

const AT: OffsetDateTime = datetime!(2026-11-21 14:32:10 UTC);
const ID: &str = "alr_01K9QF3Z7M8V2T4B6N0C1D5E9G";

fn json_of(message: &WebhookMessage) -> Value {
    serde_json::to_value(message).expect("JSON")
}

fn id() -> domain::ids::AlertId {
    ID.parse().expect("an id")
}

fn message_about(facts: &domain::alert::AlertFacts) -> WebhookMessage {
    alert_message(id(), facts).expect("a message")
}

fn local(server: &HttpServer) -> WebhookUrl {
    let allow: AllowedNetworks = "127.0.0.0/8".parse().expect("the network parses");
    WebhookUrl::parse(server.url().as_str(), Mode::Test, &allow).expect("a local URL")
}

async fn post(server: &HttpServer) -> Result<Sent, SendFailure> {
    let secrets = [SigningSecret::from_bytes([1; 32])];
    let message = message_about(&opened());
    send(&local_client(2_000, 5_000), &local(server), &secrets, AT, &message).await
}

async fn answering(status: &str, headers: &str, body: &str) -> HttpServer {
    HttpServer::responding(response(status, headers, body)).await
}

#[test]
fn an_opened_incident_is_ids_and_facts() {
    assert_eq!(
        json_of(&message_about(&opened())),
        json!({
            "type": "incident.opened",
            "contract": "2026-12-01",
            "id": ID,
            "timestamp": "2026-11-21T14:32:09Z",
            "data": {
                "summary": "user_456 paid for credits. They were never added.",
                "url": "https://sendpromptly.cometcart.test/incidents/inc_01K9QF3Z7M",
                "project_id": "prj_01K9QD0A1B2C3D4E5F6G7H8J9K",
                "project_name": "CometCart",
                "mode": "live",
                "incident_id": "inc_01K9QF3Z7M8V2T4B6N0C1D5E9G",
                "event_id": "ev_01K9QE0A1B2C3D4E5F6G7H8J9K",
                "replay_id": null,
                "provider": "stripe",
                "provider_event_id": "evt_1RQx8ZKp4tYw",
                "event_type": "invoice.paid",
                "effect_type": "credit_grant",
                "internal_reference": "user_456",
                "effect_key": null,
                "shopify_shop_domain": null,
                "amount": null,
                "reason": { "kind": "missing_result", "error_code": null },
                "reprocess_state": null,
                "resolution": null,
                "resolved_by": null,
                "occurred_at": "2026-11-21T14:02:01Z",
                "received_at": "2026-11-21T14:02:09Z",
                "timeout_at": "2026-11-21T14:32:09Z",
                "opened_at": "2026-11-21T14:32:09Z",
            },
        })
    );
}

#[test]
fn what_was_paid_is_as_the_receipt_said_it() {
    let amount =
        domain::money::Amount { value: 4900, currency: "USD".parse().expect("a currency") };
    let facts = domain::alert::AlertFacts { amount: Some(amount), ..opened() };
    let message = json_of(&message_about(&facts));
    assert_eq!(message["data"]["amount"], json!({ "value": 4900, "currency": "USD" }));
}

#[test]
fn other_messages_say_what_they_are() {
    let failed = json_of(&message_about(&repair_failed()));
    assert_eq!(failed["type"], "incident.reprocess_failed");
    assert_eq!(failed["data"]["reprocess_state"], "failed");
    assert_eq!(failed["data"]["reason"]["error_code"], "account_locked");
    let resolved = json_of(&message_about(&resolved()));
    assert_eq!(
        (&resolved["type"], &resolved["data"]["resolution"]),
        (&json!("incident.resolved"), &json!("reprocessed"))
    );
    let test = domain::alert::AlertFacts { test_message: true, ..opened() };
    let test = json_of(&message_about(&test));
    assert_eq!(test["type"], "test");
    let summary = test["data"]["summary"].as_str().expect("a summary");
    assert!(summary.starts_with("Test message, no customer is affected"), "{summary}");
}

#[test]
fn what_an_extension_found_is_whole() {
    let message = json_of(&message_about(&proposed()));
    assert_eq!(
        message["data"]["evidence"],
        json!({
            "extension": "credits.verify",
            "call_id": "cal_01K9QF3Z7M8V2T4B6N0C1D5E9H",
            "note": "Granted by a retry of the job",
            "entries": { "credits": 100, "ledger_id": "led_7" },
        })
    );
}

#[test]
fn texts_of_the_app_stay_out_and_references_are_as_they_were_sent() {
    let message = json_of(&message_about(&hostile()));
    assert_eq!(message["data"]["internal_reference"], HOSTILE);
    let summary = message["data"]["summary"].as_str().expect("a summary");
    assert!(!summary.chars().any(char::is_control), "{summary}");
    let text = message.to_string();
    assert!(!text.contains("error_message") && !text.contains("billing hold"), "{text}");
}

fn noticed(facts: NoticeFacts) -> Value {
    let notice = NoticeMessage { id: id(), happened_at: AT, ..notice(facts) };
    json_of(&notice_message(&notice, &notice.facts.text(&notice.origin)))
}

#[test]
fn a_notice_has_its_own_facts() {
    let stopped = NoticeFacts::PolicyStopped(PolicyStopped {
        effect_type: opened().effect_type,
        event_type: opened().event_type,
        reason: opened().reason,
        error_code: None,
        why: StopReason::Failed { failed: 5, of: 10 },
        policies_url: "https://sendpromptly.cometcart.test/policies".to_owned(),
    });
    let stopped = noticed(stopped);
    assert_eq!(stopped["type"], "policy.stopped");
    let data = &stopped["data"];
    assert_eq!(
        (&data["stopped_by"], &data["failed"], &data["of"]),
        (&json!("failed"), &json!(5), &json!(10))
    );
    assert_eq!(data["reason"]["kind"], "missing_result");
    let message = noticed(NoticeFacts::ResultsUnclaimed(unclaimed(3, &["evt_1"])));
    assert_eq!(message["type"], "results.unclaimed");
    assert_eq!(
        message["data"],
        json!({
            "summary": "7 results never found their receipt, 3 of them failures",
            "url": "https://sendpromptly.cometcart.test/audit",
            "project_id": "prj_01K9QD0A1B2C3D4E5F6G7H8J9K",
            "project_name": "CometCart",
            "mode": "live",
            "count": 7,
            "failures": 3,
            "provider_event_ids": ["evt_1"],
        })
    );
}

#[test]
fn a_silent_extension_is_named_with_its_count() {
    let silent = NoticeFacts::ExtensionSilent(ExtensionSilent {
        extension_id: "ext_01K9QE0A1B2C3D4E5F6G7H8J9K".parse().expect("an id"),
        name: "credits.verify".to_owned(),
        point: Point::BeforeIncident,
        unanswered: 20,
        last: None,
        extension_url: "https://sendpromptly.cometcart.test/extension".to_owned(),
    });
    let silent = noticed(silent);
    assert_eq!(silent["type"], "extension.silent");
    let data = &silent["data"];
    assert_eq!(data["summary"], "Extension credits.verify does not answer");
    assert_eq!(
        (&data["extension_id"], &data["extension"], &data["point"], &data["unanswered"]),
        (
            &json!("ext_01K9QE0A1B2C3D4E5F6G7H8J9K"),
            &json!("credits.verify"),
            &json!("before_incident"),
            &json!(20)
        )
    );
}

#[tokio::test]
async fn every_kind_of_response_has_its_meaning() {
    let transient = |seconds: Option<u64>| FailureKind::Transient {
        retry_after: seconds.map(Duration::from_secs),
    };
    for (status, headers, expected) in [
        ("200 OK", "", None),
        ("204 No Content", "", None),
        ("301 Moved", "Location: https://evil.example/\r\n", Some(FailureKind::Permanent)),
        ("400 Bad Request", "", Some(FailureKind::Permanent)),
        ("404 Not Found", "", Some(FailureKind::Permanent)),
        ("410 Gone", "", Some(FailureKind::Gone)),
        ("429 Too Many Requests", "Retry-After: 90\r\n", Some(transient(Some(90)))),
        ("500 Oh", "", Some(transient(None))),
        ("503 Oh", "Retry-After: 5\r\n", Some(transient(Some(5)))),
    ] {
        let server = answering(status, headers, "hello").await;
        let outcome = post(&server).await;
        assert_eq!(
            outcome.as_ref().err().map(|failure| failure.kind),
            expected,
            "{status}: {outcome:?}"
        );
        assert_eq!(server.received().len(), 1, "{status}");
    }
    let server = answering("302 Found", "Location: https://evil.example/\r\n", "").await;
    let failure = post(&server).await.expect_err("a redirect");
    assert_eq!(failure.answer, "302 redirects to https://evil.example/, which is not followed");
}

#[tokio::test]
async fn what_cannot_be_reached_is_tried_again_and_a_private_address_never() {
    let server = HttpServer::responding(String::new()).await;
    let silent = post(&server).await.expect_err("no response");
    assert_eq!(silent.kind, FailureKind::Transient { retry_after: None });
    let (url, message) = (local(&server), message_about(&opened()));
    let secrets = [SigningSecret::from_bytes([1; 32])];
    let before = server.received().len();
    let rejected = send(&public_client(), &url, &secrets, AT, &message).await;
    assert_eq!(rejected.expect_err("private").kind, FailureKind::Permanent);
    let unsigned = send(&local_client(2_000, 5_000), &url, &[], AT, &message).await;
    assert_eq!(unsigned.expect_err("no secret").kind, FailureKind::Permanent);
    assert_eq!(server.received().len(), before, "nothing was sent");
}

#[test]
fn silence_and_its_end_name_the_same_silence_and_are_told_apart() {
    let silence_id = "sil_01K9QE0A1B2C3D4E5F6G7H8J9K".parse().expect("an id");
    let event_type = Some("invoice.paid".to_owned());
    let project_url = "https://sendpromptly.cometcart.test/projects/prj_1".to_owned();
    let silent = noticed(NoticeFacts::ReceiptsSilent(ReceiptsSilent {
        silence_id,
        event_type: event_type.clone(),
        since: AT,
        usual: Usual::PerHour(12),
        project_url: project_url.clone(),
    }));
    assert_eq!(silent["type"], "receipts.silent");
    let data = &silent["data"];
    assert_eq!((&data["usual_per_hour"], &data["expected_hours"]), (&json!(12), &Value::Null));
    let resumed = noticed(NoticeFacts::ReceiptsResumed(ReceiptsResumed {
        silence_id,
        event_type,
        since: AT,
        resumed_at: AT + time::Duration::HOUR,
        project_url,
    }));
    assert_eq!(resumed["type"], "receipts.resumed");
    assert_eq!(resumed["data"]["silence_id"], silent["data"]["silence_id"]);
    for message in [silent, resumed] {
        let read: WebhookMessage = serde_json::from_value(message.clone()).expect("a message");
        assert_eq!(json_of(&read), message);
    }
}
