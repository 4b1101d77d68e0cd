//! Each invariant is shown the facts of a good round, and the same facts with one thing wrong.

use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::check;
use crate::facts::{
    Alert, Audited, Destination, Event, Facts, Incident, KeptResult, Leak, Message, Repeated,
    Reprocess, Rows, Stranger,
};
use crate::shop::Callback;
use crate::shop::ledger::{Entries, Intent, Outcome, Request, SentReceipt, SentResult};

const APPLIED: Uuid = Uuid::from_u128(1);
const FORGOTTEN: Uuid = Uuid::from_u128(2);
const SHOP: Uuid = Uuid::from_u128(10);
const INCIDENT: Uuid = Uuid::from_u128(20);
const DESTINATION: Uuid = Uuid::from_u128(30);
const REPROCESS: Uuid = Uuid::from_u128(40);
const START: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;
const DEADLINE: OffsetDateTime = OffsetDateTime::UNIX_EPOCH.saturating_add(Duration::seconds(12));

fn request(path: &'static str) -> Request {
    Request { shop: "a", path, idempotency_key: String::new(), body: String::new() }
}

fn receipt(id: Uuid, provider_event_id: &str, intent: Intent) -> SentReceipt {
    SentReceipt {
        request: request("/api/v1/receipt"),
        provider_event_id: provider_event_id.to_owned(),
        intent,
        outcome: Outcome::Acked(b"{}".to_vec()),
        event_id: Some(id),
    }
}

fn success(event_id: Uuid, after: Duration) -> SentResult {
    SentResult {
        request: request("/api/v1/result"),
        event_id,
        success: true,
        replay_id: None,
        outcome: Outcome::Acked(Vec::new()),
        acked_at: Some(START + after),
    }
}

fn event(id: Uuid, provider_event_id: &str) -> Event {
    Event {
        id,
        project_id: SHOP,
        provider_event_id: provider_event_id.to_owned(),
        effect: "succeeded".to_owned(),
        timeout_at: DEADLINE,
        judged_at: DEADLINE,
    }
}

fn incident(id: Uuid) -> Incident {
    Incident {
        id,
        event_id: FORGOTTEN,
        project_id: SHOP,
        state: "resolved".to_owned(),
        reason: "missing_result".to_owned(),
        opened_at: DEADLINE + Duration::seconds(1),
    }
}

fn audited(event_id: Uuid, action: &str) -> Audited {
    Audited { event_id, action: action.to_owned(), entries: 1 }
}

fn callback() -> Callback {
    Callback {
        shop: "a".to_owned(),
        replay_id: domain::ids::ReplayId::from_uuid(REPROCESS).to_string(),
        nonce: "first".to_owned(),
        body: b"a_user_2".to_vec(),
        rejected: None,
    }
}

fn message() -> Message {
    let incident = domain::ids::IncidentId::from_uuid(INCIDENT);
    let destination = domain::ids::DestinationId::from_uuid(DESTINATION);
    let identity = format!("<{incident}.incident_opened.{destination}@cometcart.test>");
    Message { shop: "a", identity, text: "a_user_2".to_owned() }
}

fn kept(event_id: Uuid) -> KeptResult {
    KeptResult { event_id, outcome: "success".to_owned(), replay_id: None }
}

fn rows() -> Rows {
    let alert = Alert {
        id: Uuid::from_u128(50),
        incident_id: INCIDENT,
        destination_id: DESTINATION,
        kind: "incident_opened".to_owned(),
        state: "delivered".to_owned(),
        attempts: 1,
    };
    let mut audit =
        vec![audited(APPLIED, "receipt.accepted"), audited(APPLIED, "result.succeeded")];
    let forgotten = [
        "receipt.accepted",
        "incident.opened",
        "alert.delivered",
        "reprocess.requested",
        "reprocess.succeeded",
        "result.succeeded",
        "incident.resolved",
    ];
    audit.extend(forgotten.map(|action| audited(FORGOTTEN, action)));
    Rows {
        events: vec![event(APPLIED, "evt_1"), event(FORGOTTEN, "evt_2")],
        incidents: vec![incident(INCIDENT)],
        alerts: vec![alert],
        reprocesses: vec![Reprocess {
            id: REPROCESS,
            event_id: FORGOTTEN,
            state: "succeeded".to_owned(),
        }],
        results: vec![kept(APPLIED), kept(FORGOTTEN)],
        audit,
        destinations: vec![Destination {
            id: DESTINATION,
            project_id: SHOP,
            kind: "email".to_owned(),
        }],
        outbox: (0, 0),
    }
}

/// One event that was applied in time, and one that was forgotten, alerted and repaired.
fn good() -> Facts {
    let told = Ok((404, serde_json::json!({ "code": "not_found" })));
    Facts {
        entries: Entries {
            receipts: vec![
                receipt(APPLIED, "evt_1", Intent::Apply),
                receipt(FORGOTTEN, "evt_2", Intent::Forget),
            ],
            results: vec![
                success(APPLIED, Duration::seconds(1)),
                success(FORGOTTEN, Duration::seconds(20)),
            ],
            samples: Vec::new(),
        },
        rows: rows(),
        callbacks: vec![callback()],
        messages: vec![message()],
        repeated: vec![Repeated {
            request: request("/api/v1/receipt"),
            first: b"{}".to_vec(),
            again: Ok((202, b"{}".to_vec())),
        }],
        strangers: vec![Stranger { event_id: APPLIED, told: told.clone(), told_of_nothing: told }],
        ..Facts::default()
    }
}

/// The invariants that the facts break once this was done to them.
fn broken_by(doctor: impl FnOnce(&mut Facts)) -> Vec<String> {
    let mut facts = good();
    doctor(&mut facts);
    let mut broken: Vec<_> =
        check(&facts).into_iter().map(|violation| violation.invariant).collect();
    broken.dedup();
    broken
}

#[test]
fn a_good_round_breaks_nothing() {
    assert_eq!(check(&good()), []);
}

#[test]
fn a_lost_a_doubled_and_another_event_break_i1() {
    let lost = broken_by(|facts| {
        facts.rows.events.remove(0);
        facts.rows.audit.retain(|it| it.event_id != APPLIED);
    });
    assert_eq!(lost, ["I1"]);
    let doubled = broken_by(|facts| {
        let other = Uuid::from_u128(3);
        facts.rows.events.push(event(other, "evt_1"));
        facts.rows.audit.push(audited(other, "receipt.accepted"));
        facts.rows.audit.push(audited(other, "result.succeeded"));
    });
    assert_eq!(doubled, ["I1"]);
    let another = broken_by(|facts| facts.entries.receipts[0].event_id = Some(Uuid::from_u128(9)));
    assert_eq!(another, ["I1"]);
}

#[test]
fn a_refused_receipt_that_is_there_and_an_ambiguous_one_that_is_there_twice_break_i1() {
    let refused = broken_by(|facts| facts.entries.receipts[0].outcome = Outcome::Refused(422));
    assert_eq!(refused, ["I1"]);
    let once = broken_by(|facts| facts.entries.receipts[0].outcome = Outcome::Ambiguous);
    assert!(once.is_empty(), "an error does not say that nothing was stored");
    let twice = broken_by(|facts| {
        facts.entries.receipts[0].outcome = Outcome::Ambiguous;
        let other = Uuid::from_u128(3);
        facts.rows.events.push(event(other, "evt_1"));
        facts.rows.audit.push(audited(other, "receipt.accepted"));
        facts.rows.audit.push(audited(other, "result.succeeded"));
    });
    assert_eq!(twice, ["I1"]);
}

#[test]
fn a_result_that_is_lost_or_doubled_breaks_i1_whatever_became_of_its_event() {
    let lost = broken_by(|facts| {
        let failure = SentResult { success: false, ..success(FORGOTTEN, Duration::seconds(2)) };
        facts.entries.results.push(failure);
    });
    let doubled = broken_by(|facts| facts.rows.results.push(kept(APPLIED)));
    let of_nobody = broken_by(|facts| {
        facts.rows.results.push(KeptResult { replay_id: Some(REPROCESS), ..kept(FORGOTTEN) });
    });
    assert_eq!([lost, doubled, of_nobody], [["I1"], ["I1"], ["I1"]]);
    let ambiguous = broken_by(|facts| {
        facts.entries.results[0].outcome = Outcome::Ambiguous;
        facts.entries.results[1].outcome = Outcome::Ambiguous;
        facts.rows.results.pop();
    });
    assert!(ambiguous.is_empty(), "an error does not say that nothing was stored");
}

#[test]
fn what_does_not_end_breaks_i1() {
    let outbox = broken_by(|facts| facts.rows.outbox = (0, 1));
    let watch = broken_by(|facts| facts.watches_running = 1);
    let unrest = broken_by(|facts| facts.unrest = Some("no rest".to_owned()));
    assert_eq!([outbox, watch, unrest], [["I1"], ["I1"], ["I1"]]);
    let pending = broken_by(|facts| {
        facts.rows.events[0].effect = "pending".to_owned();
        facts.rows.audit.remove(1);
    });
    assert_eq!(pending, ["I1"]);
}

#[test]
fn a_second_incident_breaks_i2() {
    let second = broken_by(|facts| {
        let other = Uuid::from_u128(21);
        facts.rows.incidents.push(incident(other));
    });
    assert!(second.contains(&"I2".to_owned()), "{second:?}");
    let opened_twice = broken_by(|facts| facts.rows.audit[3].entries = 2);
    assert_eq!(opened_twice, ["I2", "I7"]);
}

#[test]
fn an_incident_beside_a_success_in_time_breaks_i3() {
    let in_time = broken_by(|facts| {
        facts.entries.results[1].acked_at = Some(DEADLINE - Duration::seconds(1));
    });
    assert_eq!(in_time, ["I3"]);
    let failed_before = broken_by(|facts| {
        facts.entries.results[1].acked_at = Some(DEADLINE - Duration::seconds(1));
        facts.entries.receipts[1].intent = Intent::Fail;
    });
    assert!(failed_before.is_empty(), "a failure opens an incident whenever it is reported");
}

#[test]
fn a_missing_a_late_and_an_early_incident_break_i4() {
    let missing = broken_by(|facts| facts.entries.receipts[0].intent = Intent::Forget);
    assert_eq!(missing, ["I4"]);
    let late =
        broken_by(|facts| facts.rows.incidents[0].opened_at = DEADLINE + Duration::seconds(61));
    assert_eq!(late, ["I4"]);
    let early = broken_by(|facts| facts.rows.incidents[0].opened_at = START);
    assert_eq!(early, ["I4"]);
    let excused = broken_by(|facts| {
        facts.rows.incidents[0].opened_at = DEADLINE + Duration::seconds(61);
        facts.rows.events[1].judged_at = DEADLINE + Duration::seconds(30);
    });
    assert!(excused.is_empty(), "an outage has its grace");
}

#[test]
fn a_missing_a_forgotten_and_a_repeated_alert_break_i5() {
    let missing = broken_by(|facts| {
        facts.rows.alerts.clear();
        facts.rows.audit.retain(|it| it.action != "alert.delivered");
    });
    assert_eq!(missing, ["I5"]);
    let pending = broken_by(|facts| {
        facts.rows.alerts[0].state = "pending".to_owned();
        facts.rows.audit.retain(|it| it.action != "alert.delivered");
    });
    assert_eq!(pending, ["I5"]);
    let never_arrived = broken_by(|facts| facts.messages.clear());
    assert_eq!(never_arrived, ["I5"]);
    let twice = broken_by(|facts| facts.messages.push(message()));
    assert_eq!(twice, ["I5"]);
    let after_a_crash = broken_by(|facts| {
        facts.messages.push(message());
        facts.crashes = 1;
    });
    assert!(after_a_crash.is_empty());
    let after_a_failure = broken_by(|facts| {
        facts.messages.push(message());
        facts.rows.alerts[0].attempts = 2;
    });
    assert!(after_a_failure.is_empty());
}

#[test]
fn a_callback_that_does_not_verify_or_changes_breaks_i6() {
    let forged = broken_by(|facts| facts.callbacks[0].rejected = Some("wrong".to_owned()));
    let nonce = broken_by(|facts| facts.callbacks.push(callback()));
    let body = broken_by(|facts| {
        let other = Callback { nonce: "second".to_owned(), body: b"other".to_vec(), ..callback() };
        facts.callbacks.push(other);
    });
    let unknown = broken_by(|facts| facts.callbacks[0].replay_id = "rpl_unknown".to_owned());
    assert_eq!([forged, nonce, body, unknown], [["I6"], ["I6"], ["I6"], ["I6"]]);
}

#[test]
fn an_entry_too_few_one_too_many_and_a_role_that_may_change_them_break_i7() {
    let too_few = broken_by(|facts| drop(facts.rows.audit.remove(0)));
    let too_many = broken_by(|facts| facts.rows.audit[1].entries = 2);
    let ended_twice =
        broken_by(|facts| facts.rows.audit.push(audited(FORGOTTEN, "reprocess.no_result")));
    let changeable = broken_by(|facts| facts.audit_can_be_changed = true);
    assert_eq!([too_few, too_many, ended_twice, changeable], [["I7"], ["I7"], ["I7"], ["I7"]]);
}

#[test]
fn a_leak_breaks_i8() {
    let leak = Leak { secret: "the master key".to_owned(), place: "a log".to_owned() };
    assert_eq!(broken_by(|facts| facts.leaks.push(leak)), ["I8"]);
    let line = "POST /elsewhere HTTP/1.1".to_owned();
    assert_eq!(broken_by(|facts| facts.followed.push(line)), ["I8"]);
}

#[test]
fn a_stranger_who_learns_something_breaks_i9() {
    let accepted = broken_by(|facts| facts.strangers[0].told = Ok((202, serde_json::json!({}))));
    let another = broken_by(|facts| {
        facts.strangers[0].told = Ok((404, serde_json::json!({ "code": "hidden" })));
    });
    let message = broken_by(|facts| facts.messages[0].text = "b_user_1".to_owned());
    let callback = broken_by(|facts| facts.callbacks[0].body = b"b_user_1".to_vec());
    assert_eq!([accepted, another, message, callback], [["I9"], ["I9"], ["I9"], ["I9"]]);
}

#[test]
fn an_answer_that_differs_breaks_i10() {
    let body = broken_by(|facts| facts.repeated[0].again = Ok((202, b"{ }".to_vec())));
    let status = broken_by(|facts| facts.repeated[0].again = Ok((404, b"{}".to_vec())));
    let none = broken_by(|facts| facts.repeated[0].again = Err("reset".to_owned()));
    assert_eq!([body, status, none], [["I10"], ["I10"], ["I10"]]);
}
