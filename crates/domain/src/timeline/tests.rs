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
    insta::assert_snapshot!(sentences.collect::<Vec<_>>().join("\n"), @r#"
    Receipt accepted: invoice.paid, credit_grant is due.
    Receipt accepted: license.sold, license_issue is due.
    Success reported.
    Success reported.
    Failure reported: locked.
    Failure reported.
    Failure reported: locked. Message: the account is locked
    Reported again: nothing changed.
    Reported again: locked, nothing changed. Message: no
    Contradiction reported: nothing changed. Message: no
    Reported as superseded: nothing is due any more.
    Result rejected: status must be one of success, failed, superseded.
    Result not assigned: it fits this event too, and settled ev_00000000000000000000000001.
    Result not assigned: your app reported a failure (locked) that fits several events. Send it again with `event_id`, `internal_reference` or `effect_key`.
    Result not assigned: your app reported a success that fits several events. Send it again with `event_id`, `internal_reference` or `effect_key`.
    A result never found its receipt: a success for evt_1 was kept for 24 hours.
    A result never found its receipt: a failure (locked) for 1 was kept for 24 hours. Message: no
    Incident opened: no result in time.
    Incident opened: locked. Message: no
    Acknowledged.
    Acknowledged. Note: on it
    Resolved: the success came late.
    Resolved: manually.
    Resolved: manually. Note: by hand
    Resolve rejected: the event has no incident.
    Reprocess requested: rpl_00000000000000000000000001.
    Reprocess requested: rpl_00000000000000000000000001. Note: again
    Reprocess rejected: no repair URL.
    Reprocess succeeded: rpl_00000000000000000000000001.
    Reprocess failed: rpl_00000000000000000000000001.
    Reprocess got no result: rpl_00000000000000000000000001.
    Reprocess was not delivered: rpl_00000000000000000000000001.
    Reprocess was not delivered: rpl_00000000000000000000000001, the watch was canceled in Temporal.
    Callback attempt interrupted: it is made again.
    Callback delivered: attempt 1, HTTP 200, 12 ms. Response: ok
    Callback failed: attempt 2, timeout, 10000 ms.
    Callback failed: attempt 3, HTTP 308, redirects to https://shop.example.com/, 7 ms.
    Alert delivered: incident opened, to dst_00000000000000000000000001.
    Alert delivered: results without a receipt, to dst_00000000000000000000000001.
    Alert given up: reprocess failed, to dst_00000000000000000000000001: the destination was removed.
    Alert not sent: incident opened, to dst_00000000000000000000000001: a newer one says more.
    Destination broken: dst_00000000000000000000000001: 404 no_service.
    Destination broken: dst_00000000000000000000000001: 404 no_service.
    Watch restarted: it was gone, and a new run was started.
    Paused in Temporal: the callback, while something is overdue. To let it go on: temporal activity unpause
    Stuck in Temporal: something is overdue, and no worker takes its tasks. To see why: sendpromptly worker
    Part of a signal ignored: resolve: a is 7; write a text.
    Message to Temporal parked: acknowledged: invalid argument.
    Project created: Shop.
    Project changed: repair URL from none to https://a.example/, timeout minutes from 10 to 20.
    Project changed: name from a to b, repair URL from https://a.example/ to none, snapshots from true to false.
    Project changed: callback headers: set x-gateway.
    Name declared: acme:license.sold.
    Declared name removed: acme:license.sold.
    API key created: worker.
    API key revoked: worker.
    Destination added: hooks.slack.com.
    Destination removed: dst_00000000000000000000000001.
    Destination tested: dst_00000000000000000000000001 did not accept the message: 500.
    Signing secret rotated.
    Signing secret revoked.
    Proof link created: for 30 days.
    Proof link revoked.
    Operator added: alice@cometcart.test as admin.
    Operator removed: alice@cometcart.test.
    Role changed: a@cometcart.test is now admin.
    Password changed: alice@cometcart.test, 2 sessions ended.
    Signed in.
    Signed out.
    Signed out.
    Signed out: alice@cometcart.test, 3 sessions ended.
    Sign-in locked: alice@cometcart.test until 21 November 2026, 14:02:09 UTC.
    Operator token created: ci.
    Operator token revoked: ci.
    "#);
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
