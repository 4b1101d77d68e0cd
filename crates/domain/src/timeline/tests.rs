use serde_json::{Value, json};
use time::macros::datetime;

use super::*;

/// Entries as the first releases stored them, one for each form that an action has.
const STORED: &str = include_str!("../audit/event/stored.txt");

fn item(action: &str, detail: Value) -> TimelineItem {
    item_with(action, detail, &Names::default())
}

fn item_with(action: &str, detail: Value, names: &Names) -> TimelineItem {
    let at = datetime!(2026-11-21 14:02:09 UTC);
    TimelineItem::new(at, "cli:alice".into(), AuditEvent::read(action, detail), names)
}

#[test]
fn every_form_of_every_action_has_its_sentence() {
    let sentences = STORED.lines().map(|line| {
        let (action, detail) = line.split_once(' ').expect("an action and its detail");
        item(action, serde_json::from_str(detail).expect("JSON")).sentence()
    });
    insta::assert_snapshot!(sentences.collect::<Vec<_>>().join("\n"));
}

#[test]
fn every_action_has_a_title_even_without_its_detail() {
    for action in Action::ALL {
        let item = item(action.as_str(), json!({}));
        assert_eq!(item.title, title(*action), "{action}");
        assert!(item.sentence().starts_with(&item.title), "{action}");
    }
}

#[test]
fn what_is_not_known_is_shown_by_its_name_with_whatever_it_says() {
    for (action, detail, wanted) in [
        ("moon.landed", json!({}), "moon.landed."),
        (
            "incident.escalated",
            json!({ "level": 2, "to_team": "on call", "note": "still open", "more": [1] }),
            "incident.escalated: level 2, to team on call. Note: still open",
        ),
        (
            "incident.opened",
            json!({ "reason": "chargeback", "error_code": "locked", "error_message": "no" }),
            "Incident opened: error code locked, reason chargeback. Message: no",
        ),
    ] {
        assert_eq!(item(action, detail).sentence(), wanted);
    }
}

#[test]
fn entries_read_as_sentences() {
    for (action, detail, wanted) in [
        (
            "receipt.accepted",
            json!({ "event_type": "invoice.paid", "effect_type": "credit_grant" }),
            "Receipt accepted: invoice.paid, credit_grant is due.",
        ),
        (
            "result.failed",
            json!({ "error_code": "locked", "error_message": "Account 456 is locked" }),
            "Failure reported: locked. Message: Account 456 is locked",
        ),
        (
            "incident.opened",
            json!({ "reason": "missing_result", "error_code": null }),
            "Incident opened: no result in time.",
        ),
        (
            "incident.opened",
            json!({ "reason": "missing_result", "outage_grace_seconds": 95, "error_code": null }),
            "Incident opened: no result in time; the deadline was judged 1 minute later, because the \
             SendPromptly API was away.",
        ),
        (
            "reprocess.requested",
            json!({ "replay_id": "rpl_00000000000000000000000001", "note": "the lock is gone" }),
            "Reprocess requested: rpl_00000000000000000000000001. Note: the lock is gone",
        ),
        (
            "incident.resolved",
            json!({ "resolution": "reprocessed" }),
            "Resolved: the reprocess succeeded.",
        ),
    ] {
        assert_eq!(item(action, detail).sentence(), wanted);
    }
}

#[test]
fn a_reason_is_read_in_whatever_form_it_was_written() {
    let why = json!({ "why": [{ "field": "status", "message": "is required" }] });
    assert_eq!(item("result.refused", why).sentence(), "Result rejected: status is required.");
    let replay_id = "rpl_00000000000000000000000001";
    let why = json!({ "replay_id": replay_id, "why": "the watch was canceled in Temporal" });
    assert_eq!(
        item("reprocess.undelivered", why).sentence(),
        format!("Reprocess was not delivered: {replay_id}, the watch was canceled in Temporal."),
    );
}

#[test]
fn an_attempt_shows_its_response_below_the_first_line_and_where_a_redirect_leads() {
    let replay_id = "rpl_00000000000000000000000001";
    let target = "https://www.example.com/repair";
    let detail = json!({
        "replay_id": replay_id, "attempt": 1, "status": 308, "error": null, "latency_ms": 12,
        "answer": "a\nb\u{1b}", "redirect_to": target,
    });
    assert_eq!(
        item("callback.failed", detail).sentence(),
        format!(
            "Callback failed: attempt 1, HTTP 308, redirects to {target}, 12 ms. Response: a\nb␛"
        )
    );
}

#[test]
fn a_destination_is_called_by_its_address_where_that_is_known() {
    let id: DestinationId = "dst_00000000000000000000000001".parse().expect("an id");
    let destinations = BTreeMap::from([(id, "bob@cometcart.test".to_owned())]);
    let names = Names { destinations, ..Names::default() };
    let detail = json!({ "alert": "incident_opened", "destination_id": id });
    let known = item_with("alert.delivered", detail.clone(), &names).body;
    assert_eq!(known, "incident opened, to bob@cometcart.test");
    assert_eq!(item("alert.delivered", detail).body, format!("incident opened, to {id}"));
}

#[test]
fn no_text_of_others_breaks_a_line_of_the_sentence_or_hides_anything() {
    let hostile = "a\nb\u{202e}\u{1b}";
    let detail = json!({ "event_type": hostile, "effect_type": "credit_grant" });
    assert_eq!(item("receipt.accepted", detail).body, "a b␛, credit_grant is due");
    assert_eq!(item(hostile, json!({})).title, "a b␛");
    let noted = item("incident.acknowledged", json!({ "note": hostile }));
    assert_eq!(noted.quotes, [Quote { label: "Note", text: "a\nb␛".into() }]);
}
