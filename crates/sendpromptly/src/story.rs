//! The timeline as a story: one line per entry, with who, when, and what in plain words.
//!
//! The machine's form of the same story keeps the action and its detail as they were written. An
//! action that this version does not know is shown by its name: the audit may be younger than we.

use domain::alert::{legible, one_line};
use domain::audit::Action;
use serde::Serialize;
use serde_json::Value;
use store::timeline::TimelineEntry;
use time::OffsetDateTime;

use crate::text::moment;

/// What each action says. What stands in braces comes out of the entry's detail.
const WORDS: [(Action, &str); Action::ALL.len()] = [
    (Action::ReceiptAccepted, "The app took {event_type}; {effect_type} is due."),
    (Action::ResultSucceeded, "The app reported success."),
    (Action::ResultFailed, "The app reported a failure."),
    (Action::ResultRepeated, "The app reported the same once more; nothing changed."),
    (Action::ResultContradicted, "The app contradicted a final result; nothing changed."),
    (Action::ResultSuperseded, "The app reported that no effect is due any more."),
    (Action::ResultAmbiguous, "A result fits several events, of which this is one."),
    (
        Action::ResultUnclaimed,
        "A result for {provider_event_id} was kept for 24 hours and no receipt claimed it.",
    ),
    (Action::ResultRefused, "A result was refused: {why}."),
    (Action::IncidentOpened, "{opening}."),
    (Action::IncidentResolved, "{ending}."),
    (Action::ReprocessRequested, "Reprocess {replay_id} was requested."),
    (Action::ReprocessRefused, "A reprocess was refused: {why}."),
    (Action::ReprocessSucceeded, "Reprocess {replay_id} succeeded."),
    (Action::ReprocessFailed, "Reprocess {replay_id} failed."),
    (Action::ReprocessNoResult, "Reprocess {replay_id} was delivered and never answered."),
    (Action::ReprocessUndelivered, "Reprocess {replay_id} could not be delivered{because}."),
    (Action::ReprocessEnded, "Reprocess {replay_id} was ended{because}."),
    (Action::ReprocessInterrupted, "A callback attempt was interrupted; it is made again."),
    (Action::ResolveRefused, "Resolving was refused: {why}."),
    (Action::CallbackDelivered, "Callback attempt {try} delivered."),
    (Action::CallbackFailed, "Callback attempt {try} failed."),
    (Action::AlertDelivered, "Alert{alert}{place} was delivered."),
    (Action::AlertGivenUp, "Alert{alert}{place} was given up: {why}."),
    (Action::AlertSuperseded, "Alert{alert}{place} was not sent: a newer one says more."),
    (Action::DestinationBroken, "Destination{place} is broken: {why}."),
    (Action::WatchRestarted, "The watch was gone; a new run was started."),
    (
        Action::WatchPaused,
        "The {what} is paused in Temporal and something is overdue. To go on: {cure}",
    ),
    (
        Action::WatchStuck,
        "The watch is stuck in Temporal and something is overdue: {what}. See: {cure}",
    ),
    (Action::SignalAdjusted, "Part of the signal {signal} was ignored: {why}."),
    (Action::RelayParked, "A message to Temporal was refused and put aside."),
    (Action::ProjectCreated, "The project was made."),
    (Action::ProjectDeclared, "The name {name} was declared."),
    (Action::ProjectNameRemoved, "The declared name {name} was removed."),
    (Action::ProjectUpdated, "The project was changed."),
    (Action::KeyCreated, "A key was made."),
    (Action::KeyRevoked, "A key was revoked."),
    (Action::DestinationAdded, "A destination{place} was added."),
    (Action::DestinationRemoved, "A destination{place} was removed."),
    (Action::DestinationTested, "A destination{place} was tested."),
    (Action::OperatorAdded, "An operator was added."),
    (Action::IncidentAcknowledged, "The incident was acknowledged."),
    (Action::ProofLinkCreated, "A proof link was made."),
    (Action::ProofLinkRevoked, "A proof link was revoked."),
    (Action::SecretRotated, "The signing secret was rotated."),
    (Action::SecretRevoked, "An older signing secret was revoked."),
    (Action::OperatorSignedIn, "An operator signed in."),
    (Action::OperatorSignedOut, "An operator signed out."),
    (Action::OperatorLockedOut, "Too many wrong passwords: sign-in was locked for a while."),
    (Action::OperatorPasswordChanged, "An operator's password was changed."),
    (Action::OperatorRoleChanged, "An operator's role was changed."),
    (Action::OperatorRemoved, "An operator was removed."),
    (Action::TokenCreated, "An operator's token was made."),
    (Action::TokenRevoked, "An operator's token was revoked."),
];

/// One entry, as `--json` shows it.
#[derive(Debug, Serialize)]
pub struct EntryShape {
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
    actor: String,
    action: String,
    detail: Value,
}

impl From<TimelineEntry> for EntryShape {
    fn from(entry: TimelineEntry) -> Self {
        let TimelineEntry { at, actor, action, detail } = entry;
        Self { at, actor, action, detail }
    }
}

/// The story, oldest line first.
#[must_use]
pub fn tell(timeline: &[TimelineEntry]) -> String {
    let width = timeline.iter().map(|entry| one_line(&entry.actor).chars().count()).max();
    let width = width.unwrap_or_default();
    let lines = timeline.iter().map(|entry| {
        let (at, actor) = (moment(entry.at), one_line(&entry.actor));
        let indent = format!("\n{:1$}", "", at.len() + width + 6);
        format!("  {at}  {actor:width$}  {}", sentence(entry).replace('\n', &indent))
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn sentence(entry: &TimelineEntry) -> String {
    let said = |key: &str| find(&entry.detail, key);
    let Ok(action) = entry.action.parse::<Action>() else {
        return one_line(&entry.action);
    };
    let words = words(action, &entry.detail);
    let reported = [said("error_code"), said("error_message"), said("error"), said("answer")];
    let error: Vec<_> = reported.into_iter().flatten().collect();
    let mut line = words;
    if !error.is_empty() {
        line = format!("{}: {}", line.trim_end_matches('.'), error.join(", "));
    }
    if let Some(note) = said("note") {
        line = format!("{line} Note: {note}");
    }
    legible(&line).trim_end().to_owned()
}

/// The words with everything in braces filled in.
fn words(action: Action, detail: &Value) -> String {
    let template = WORDS.iter().find(|(known, _)| *known == action);
    let mut rest = template.map_or(action.as_str(), |(_, words)| words);
    let mut said = String::new();
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        said.push_str(before);
        said.push_str(&fill(name, detail));
        rest = after;
    }
    said + rest
}

fn fill(name: &str, detail: &Value) -> String {
    let said = |key: &str| find(detail, key).unwrap_or_else(|| "?".to_owned());
    match name {
        "opening" => match said("reason").as_str() {
            "missing_result" => "No result came in time: an incident was opened".to_owned(),
            _ => "An incident was opened".to_owned(),
        },
        "ending" => match said("resolution").as_str() {
            "reprocessed" => "The incident is resolved: the reprocess worked".to_owned(),
            "late_success" => "The incident is resolved: the success came late".to_owned(),
            "superseded" => "The incident is resolved: no effect is due any more".to_owned(),
            _ => "The incident was resolved manually".to_owned(),
        },
        "try" => attempt(detail),
        "alert" => find(detail, name).map(|kind| format!(" {kind}")).unwrap_or_default(),
        "place" => destination(detail),
        "because" => find(detail, "why").map(|why| format!(": {why}")).unwrap_or_default(),
        key => said(key),
    }
}

fn attempt(detail: &Value) -> String {
    let number = find(detail, "attempt").unwrap_or_else(|| "?".to_owned());
    let status = find(detail, "status").map(|status| format!("HTTP {status}"));
    let target = find(detail, "redirect_to").map(|target| format!("redirects to {target}"));
    let latency = find(detail, "latency_ms").map(|latency| format!("{latency} ms"));
    let known: Vec<_> = [status, target, latency].into_iter().flatten().collect();
    if known.is_empty() {
        return number;
    }
    format!("{number} ({})", known.join(", "))
}

fn destination(detail: &Value) -> String {
    let named = ["destination", "address", "destination_id"];
    let found = named.iter().find_map(|key| find(detail, key));
    found.map(|name| format!(" ({name})")).unwrap_or_default()
}

/// A detail in words; `None` where it is absent, null or empty.
fn find(detail: &Value, key: &str) -> Option<String> {
    match detail.get(key)? {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Array(mistakes) => list_mistakes(mistakes),
        _ => None,
    }
}

/// Mistakes in fields, as earlier releases wrote them.
fn list_mistakes(mistakes: &[Value]) -> Option<String> {
    let words = |mistake: &Value| {
        Some(format!("{} {}", find(mistake, "field")?, find(mistake, "message")?))
    };
    let all: Vec<_> = mistakes.iter().filter_map(words).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::macros::datetime;

    use super::*;

    fn entry(action: &str, detail: Value) -> TimelineEntry {
        TimelineEntry {
            at: datetime!(2026-11-21 14:02:09 UTC),
            actor: "cli:alice".into(),
            action: action.into(),
            detail,
        }
    }

    #[test]
    fn entries_read_as_sentences() {
        for (action, detail, wanted) in [
            (
                "receipt.accepted",
                json!({ "event_type": "invoice.paid", "effect_type": "credit_grant" }),
                "The app took invoice.paid; credit_grant is due.",
            ),
            (
                "result.failed",
                json!({ "error_code": "locked", "error_message": "Account 456 is locked" }),
                "The app reported a failure: locked, Account 456 is locked",
            ),
            (
                "incident.opened",
                json!({ "reason": "missing_result", "error_code": null }),
                "No result came in time: an incident was opened.",
            ),
            (
                "reprocess.requested",
                json!({ "replay_id": "rpl_1", "note": "the lock is gone" }),
                "Reprocess rpl_1 was requested. Note: the lock is gone",
            ),
            (
                "callback.delivered",
                json!({ "attempt": 1, "status": 200, "latency_ms": 12, "answer": "" }),
                "Callback attempt 1 (HTTP 200, 12 ms) delivered.",
            ),
            (
                "callback.failed",
                json!({ "attempt": 2, "status": null, "error": "connect" }),
                "Callback attempt 2 failed: connect",
            ),
            (
                "incident.resolved",
                json!({ "resolution": "reprocessed" }),
                "The incident is resolved: the reprocess worked.",
            ),
            ("moon.landed", json!({}), "moon.landed"),
        ] {
            assert_eq!(sentence(&entry(action, detail)), wanted);
        }
    }

    #[test]
    fn a_reason_is_told_in_whatever_form_it_was_written() {
        let why = json!({ "why": [{ "field": "status", "message": "is required" }] });
        let wanted = "A result was refused: status is required.";
        assert_eq!(sentence(&entry("result.refused", why)), wanted);
        let why = json!({ "replay_id": "rpl_1", "why": "the watch was canceled in Temporal" });
        let wanted = "Reprocess rpl_1 could not be delivered: the watch was canceled in Temporal.";
        assert_eq!(sentence(&entry("reprocess.undelivered", why)), wanted);
        let why = json!({ "replay_id": "rpl_1", "why": "the incident was resolved manually" });
        let wanted = "Reprocess rpl_1 was ended: the incident was resolved manually.";
        assert_eq!(sentence(&entry("reprocess.ended", why)), wanted);
    }

    #[test]
    fn a_redirect_is_told_with_its_target() {
        let target = "https://www.example.com/repair";
        let detail = json!({ "attempt": 1, "status": 308, "answer": "", "redirect_to": target });
        let wanted = format!("Callback attempt 1 (HTTP 308, redirects to {target}) failed.");
        assert_eq!(sentence(&entry("callback.failed", detail)), wanted);
    }

    #[test]
    fn every_known_action_has_words_even_without_its_detail() {
        for action in Action::ALL {
            assert!(WORDS.iter().any(|(known, _)| known == action), "{action}");
            assert!(!sentence(&entry(action.as_str(), json!({}))).is_empty(), "{action}");
        }
    }

    #[test]
    fn further_lines_of_an_answer_stand_below_the_first() {
        let told =
            tell(&[entry("callback.failed", json!({ "attempt": 1, "answer": "a\nb\u{1b}" }))]);
        assert_eq!(
            told,
            "  2026-11-21 14:02:09Z  cli:alice  Callback attempt 1 failed: a\n                                   b␛"
        );
    }

    #[test]
    fn the_json_shape_keeps_the_entry_as_it_was_written() {
        let shape = EntryShape::from(entry("result.failed", json!({ "error_code": "locked" })));
        assert_eq!(
            serde_json::to_string(&shape).expect("json"),
            r#"{"at":"2026-11-21T14:02:09Z","actor":"cli:alice","action":"result.failed","detail":{"error_code":"locked"}}"#
        );
    }
}
