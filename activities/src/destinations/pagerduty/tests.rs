//! Events as they are written, and as PagerDuty responds to them.

use domain::alert::{AlertFacts, AlertKind};
use domain::catalogue::EffectType;
use domain::cause::Cause;
use domain::destination::DestinationKind;
use domain::ids::IncidentId;
use domain::incident::Reason;
use domain::notice::{CauseFacts, NoticeFacts, ReceiptsResumed, ResolutionCounts, StateCounts};
use domain::project::Mode;
use domain::repair_url::AllowedNetworks;
use doubles::http_server::{HttpServer, response};
use time::macros::datetime;

use super::*;
use crate::destinations::NoticeMessage;
use crate::destinations::samples::{
    HOSTILE, hostile, notice, opened, repair_failed, resolved, unclaimed,
};
use crate::http::test_clients::local_client;

const KEY: &str = "0123456789abcdef0123456789abcdef";

fn first() -> IncidentId {
    "inc_01K9QF3Z7M8V2T4B6N0C1D5E9G".parse().expect("an id")
}

async fn post(server: &HttpServer, event: Value) -> Result<Sent, SendFailure> {
    let allow: AllowedNetworks = "127.0.0.0/8".parse().expect("the network parses");
    let kind = DestinationKind::PagerDuty;
    let url = ProviderUrl::parse(kind, server.url().as_str(), Mode::Test, &allow);
    let key = RoutingKey::parse(KEY).expect("a key");
    send(&local_client(2_000, 5_000), &url.expect("a local URL"), &key, event).await
}

fn cause(states: StateCounts) -> CauseFacts {
    CauseFacts {
        at_risk: Vec::new(),
        customers_left: 12,
        age: time::Duration::minutes(16),
        cause: Cause {
            project_id: opened().project_id,
            reason: Reason::FailedResult,
            error_code: Some("db_write_failed".into()),
            event_type: "invoice.paid".into(),
            effect_type: EffectType::CreditGrant,
        },
        incidents: 12,
        new: 11,
        customers: 12,
        states,
        resolutions: ResolutionCounts::default(),
        newest: Vec::new(),
        last_error: domain::app_error::AppError::default(),
        first_opened_at: datetime!(2026-11-21 02:14:00 UTC),
        last_opened_at: datetime!(2026-11-21 02:30:00 UTC),
        last_resolved_at: None,
        cause_url: "https://sendpromptly.cometcart.test/incidents?cause=cau_1".into(),
    }
}

fn about_cause(facts: NoticeFacts) -> Value {
    notice_event(&NoticeMessage { conversation: Some(first()), ..notice(facts) })
}

#[test]
fn an_incident_is_triggered_with_what_the_one_on_call_needs() {
    insta::assert_json_snapshot!(alert_event(first(), &repair_failed()), @r#"
    {
      "client": "sendpromptly",
      "client_url": "https://sendpromptly.cometcart.test/incidents/inc_01K9QF3Z7M",
      "dedup_key": "inc_01K9QF3Z7M8V2T4B6N0C1D5E9G",
      "event_action": "trigger",
      "links": [
        {
          "href": "https://sendpromptly.cometcart.test/incidents/inc_01K9QF3Z7M",
          "text": "Open the incident"
        }
      ],
      "payload": {
        "class": "missing_result",
        "component": "credit_grant",
        "custom_details": {
          "Customer reference": "user_456",
          "Effect due": "credit_grant, by invoice.paid",
          "Error that your app reported": "account_locked\nAccount 456 is locked by a billing hold",
          "Event": "ev_01K9QE0A1B2C3D4E5F6G7H8J9K",
          "Incident": "inc_01K9QF3Z7M8V2T4B6N0C1D5E9G",
          "Last answer of your repair endpoint": "HTTP 200\n{\"queued\":true}",
          "Result due by": "21 November 2026, 14:32:09 UTC",
          "State": "Open for 43 minutes",
          "Stripe event": "evt_1RQx8ZKp4tYw",
          "Urgency": "normal",
          "What happened": "Your app received invoice.paid from Stripe on 21 November 2026, 14:02:09 UTC. It accepted the callback and then reported a failure. Fix the endpoint, then open the incident and press Reprocess."
        },
        "group": "invoice.paid",
        "severity": "error",
        "source": "CometCart · live",
        "summary": "user_456 paid for credits. The reprocess failed.",
        "timestamp": "2026-11-21T15:15:10Z"
      }
    }
    "#);
}

#[test]
fn what_follows_is_known_by_the_incident_and_says_no_more() {
    let acknowledged = AlertFacts { kind: AlertKind::IncidentAcknowledged, ..opened() };
    for (facts, action) in [(acknowledged, "acknowledge"), (resolved(), "resolve")] {
        let event = alert_event(first(), &facts);
        assert_eq!(event, json!({ "event_action": action, "dedup_key": first().to_string() }));
    }
}

#[test]
fn a_test_message_is_an_alert_of_its_own() {
    let event = alert_event(first(), &AlertFacts { test_message: true, ..opened() });
    assert_eq!(event["dedup_key"], format!("test.{}", first()));
    assert_eq!(event["payload"]["severity"], "info");
    let summary = event["payload"]["summary"].as_str().expect("text");
    assert!(summary.starts_with("Test message, no customer is affected: user_456"), "{summary}");
}

#[test]
fn a_cause_is_the_alert_of_the_incident_that_began_it() {
    let open = StateCounts { open: 1, acknowledged: 11, reprocessing: 0 };
    let seen = StateCounts { open: 0, acknowledged: 11, reprocessing: 1 };
    let ended = CauseFacts {
        resolutions: ResolutionCounts { manual: 12, ..Default::default() },
        ..cause(StateCounts::default())
    };
    for (facts, action) in [
        (NoticeFacts::CauseUpdated(cause(open)), "trigger"),
        (NoticeFacts::CauseUpdated(cause(seen)), "acknowledge"),
        (NoticeFacts::CauseEnded(ended), "resolve"),
    ] {
        let event = about_cause(facts);
        assert_eq!(
            (&event["event_action"], &event["dedup_key"]),
            (&json!(action), &json!(first().to_string()))
        );
    }
    let grown = about_cause(NoticeFacts::CauseUpdated(cause(open)));
    assert_eq!(grown["payload"]["severity"], "critical");
    assert_eq!(grown["payload"]["custom_details"]["Urgency"], "high");
    assert_eq!(grown["payload"]["summary"], "12 incidents of db_write_failed on invoice.paid");
}

#[test]
fn an_alert_that_was_held_back_is_as_urgent_as_what_has_waited_since() {
    let told_at = Some(opened().opened_at + time::Duration::hours(9));
    let held = alert_event(first(), &AlertFacts { told_at, ..opened() });
    assert_eq!(held["payload"]["severity"], "critical");
    assert_eq!(held["payload"]["custom_details"]["Urgency"], "critical");
}

#[test]
fn it_is_as_bad_as_it_is_urgent() {
    let open = StateCounts { open: 2, ..Default::default() };
    let hours =
        |hours| CauseFacts { customers_left: 2, age: time::Duration::hours(hours), ..cause(open) };
    for (age, severity, urgency) in
        [(0, "error", "normal"), (1, "critical", "high"), (4, "critical", "critical")]
    {
        let event = about_cause(NoticeFacts::CauseUpdated(hours(age)));
        assert_eq!(event["payload"]["severity"], severity, "{age} h");
        assert_eq!(event["payload"]["custom_details"]["Urgency"], urgency, "{age} h");
    }
    let later = repair_failed().opened_at + time::Duration::hours(1);
    let failed = alert_event(first(), &AlertFacts { happened_at: later, ..repair_failed() });
    assert_eq!(failed["payload"]["severity"], "critical");
    let test = AlertFacts { mode: Mode::Test, happened_at: later, ..repair_failed() };
    assert_eq!(alert_event(first(), &test)["payload"]["severity"], "info");
}

#[test]
fn receipts_that_come_again_resolve_their_silence_and_other_notices_only_warn() {
    let silence_id = "sil_01K9QF3Z7M8V2T4B6N0C1D5E9G".parse().expect("an id");
    let at = datetime!(2026-11-21 02:14:00 UTC);
    let project_url = "https://sendpromptly.cometcart.test/projects/prj_1".to_owned();
    let resumed =
        ReceiptsResumed { silence_id, event_type: None, since: at, resumed_at: at, project_url };
    let event = notice_event(&notice(NoticeFacts::ReceiptsResumed(resumed)));
    assert_eq!(event, json!({ "event_action": "resolve", "dedup_key": silence_id.to_string() }));
    let facts = NoticeFacts::ResultsUnclaimed(unclaimed(0, &[HOSTILE]));
    let event = notice_event(&notice(facts));
    assert_eq!(
        (&event["event_action"], &event["payload"]["severity"]),
        (&json!("trigger"), &json!("warning"))
    );
}

#[test]
fn no_text_is_longer_than_pagerduty_takes_and_none_hides_anything() {
    let long = HOSTILE.repeat(2_000);
    let facts = AlertFacts { internal_reference: long.clone(), project_name: long, ..hostile() };
    let event = alert_event(first(), &facts.sanitize());
    let payload = &event["payload"];
    assert!(payload["summary"].as_str().expect("text").chars().count() <= 1_024);
    assert!(event.to_string().len() < 512 * 1_024);
    for control in ['\u{1b}', '\0', '\u{202e}', '\r'] {
        assert!(!payload.to_string().contains(control), "{control:?}");
    }
}

#[tokio::test]
async fn the_event_arrives_with_the_key_of_its_service() {
    let body = r#"{"status":"success","message":"Event processed","dedup_key":"inc_1"}"#;
    let server = HttpServer::responding(response("202 Accepted", "", body)).await;
    let sent = post(&server, alert_event(first(), &opened())).await.expect("taken");
    assert_eq!(sent.answer, format!("202 {body}"));
    let request = server.received().remove(0);
    assert_eq!(request.header("content-type"), "application/json; charset=utf-8");
    let mut expected = alert_event(first(), &opened());
    expected["routing_key"] = json!(KEY);
    assert_eq!(request.json(), expected);
}

#[tokio::test]
async fn each_answer_says_what_to_do_next() {
    let later =
        |seconds| FailureKind::Transient { retry_after: Some(Duration::from_secs(seconds)) };
    let soon = FailureKind::Transient { retry_after: None };
    let invalid = r#"{"status":"invalid event","message":"Event object is invalid","errors":["'payload.summary' is missing or blank"]}"#;
    let unknown = r#"{"status":"invalid event","message":"Event object is invalid","errors":["Length of 'routing_key' is incorrect (should be 32 characters)"]}"#;
    for (status, headers, body, kind) in [
        ("200 OK", "", "<html><title>Sign in</title>", FailureKind::Permanent),
        ("400 Bad Request", "", invalid, FailureKind::Permanent),
        ("400 Bad Request", "", unknown, FailureKind::Gone),
        ("400 Bad Request", "", "Invalid routing key", FailureKind::Gone),
        ("403 Forbidden", "", "forbidden", FailureKind::Permanent),
        ("404 Not Found", "", "", FailureKind::Permanent),
        ("429 Too Many Requests", "", "Request Limit Exceeded", later(30)),
        ("429 Too Many Requests", "Retry-After: 60\r\n", "", later(60)),
        ("500 Internal Server Error", "", "", soon),
        ("503 Service Unavailable", "", "", soon),
    ] {
        let server = HttpServer::responding(response(status, headers, body)).await;
        let failure = post(&server, alert_event(first(), &resolved())).await.expect_err(status);
        assert_eq!(failure.kind, kind, "{status} {body}");
    }
}

#[tokio::test]
async fn an_answer_that_repeats_the_key_does_not_show_it() {
    let body = format!("no service has {KEY}");
    let server = HttpServer::responding(response("400 Bad Request", "", &body)).await;
    let failure = post(&server, alert_event(first(), &resolved())).await.expect_err("rejected");
    assert!(!failure.answer.contains(KEY), "{}", failure.answer);
}
