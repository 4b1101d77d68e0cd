//! What each action says on a timeline: how it looks, what happened, and the rest of the sentence.

use domain::alert::{legible, one_line};
use domain::audit::Action;
use serde_json::Value;

use super::{Names, Tone};
use crate::frame::{Span, spans};

/// How an entry reads.
pub(super) fn of(action: Action, detail: &Value, names: &Names) -> (Tone, String, String) {
    let (tone, lead) = lead(action);
    let rest = rest(action, detail, names);
    (tone, lead.to_owned(), one_line(&rest))
}

#[expect(clippy::too_many_lines, reason = "a table: one line per action")]
pub(super) fn lead(action: Action) -> (Tone, &'static str) {
    use Action as A;
    use Tone::{Bad, Good, Plain, Warn, Work};
    match action {
        A::ReceiptAccepted => (Good, "Receipt accepted"),
        A::ResultSucceeded => (Good, "Success reported"),
        A::ResultFailed => (Bad, "Failure reported"),
        A::ResultRepeated => (Plain, "Reported again"),
        A::ResultContradicted => (Bad, "Contradiction reported"),
        A::ResultSuperseded => (Good, "Reported as superseded"),
        A::ResultAmbiguous => (Warn, "Result not assigned"),
        A::ResultUnclaimed => (Bad, "A result never found its receipt"),
        A::ResultRefused => (Plain, "Result rejected"),
        A::IncidentOpened => (Bad, "Incident opened"),
        A::IncidentAcknowledged => (Work, "Acknowledged"),
        A::IncidentResolved => (Good, "Resolved"),
        A::ReprocessRequested => (Work, "Reprocess requested"),
        A::ReprocessRefused => (Plain, "Reprocess rejected"),
        A::ReprocessSucceeded => (Good, "Reprocess succeeded"),
        A::ReprocessFailed => (Bad, "Reprocess failed"),
        A::ReprocessNoResult => (Bad, "Reprocess got no result"),
        A::ReprocessUndelivered => (Bad, "Reprocess was not delivered"),
        A::ReprocessEnded => (Plain, "Reprocess ended"),
        A::ReprocessInterrupted => (Plain, "Callback attempt interrupted"),
        A::ResolveRefused => (Plain, "Resolve rejected"),
        A::CallbackDelivered => (Good, "Callback delivered"),
        A::CallbackFailed => (Bad, "Callback failed"),
        A::AlertDelivered => (Good, "Alert delivered"),
        A::AlertGivenUp => (Bad, "Alert given up"),
        A::AlertSuperseded => (Plain, "Alert not sent"),
        A::DestinationBroken => (Bad, "Destination broken"),
        A::WatchRestarted => (Plain, "Watch restarted"),
        A::WatchPaused => (Bad, "Paused in Temporal"),
        A::WatchStuck => (Bad, "Stuck in Temporal"),
        A::SignalAdjusted => (Plain, "Part of a signal ignored"),
        A::RelayParked => (Bad, "Message to Temporal parked"),
        A::ProjectCreated => (Plain, "Project created"),
        A::ProjectUpdated => (Plain, "Project changed"),
        A::ProjectDeclared => (Plain, "Name declared"),
        A::ProjectNameRemoved => (Plain, "Declared name removed"),
        A::KeyCreated => (Plain, "API key created"),
        A::KeyRevoked => (Plain, "API key revoked"),
        A::DestinationAdded => (Plain, "Destination added"),
        A::DestinationRemoved => (Plain, "Destination removed"),
        A::DestinationTested => (Plain, "Destination tested"),
        A::OperatorAdded => (Plain, "Operator added"),
        A::ProofLinkCreated => (Plain, "Proof link created"),
        A::ProofLinkRevoked => (Plain, "Proof link revoked"),
        A::SecretRotated => (Plain, "Signing secret rotated"),
        A::SecretRevoked => (Plain, "Signing secret revoked"),
        A::OperatorSignedIn => (Plain, "Signed in"),
        A::OperatorSignedOut => (Plain, "Signed out"),
        A::OperatorLockedOut => (Bad, "Sign-in locked"),
        A::OperatorPasswordChanged => (Plain, "Password changed"),
        A::OperatorRoleChanged => (Plain, "Role changed"),
        A::OperatorRemoved => (Plain, "Operator removed"),
        A::TokenCreated => (Plain, "Operator token created"),
        A::TokenRevoked => (Plain, "Operator token revoked"),
    }
}

#[expect(clippy::too_many_lines, reason = "a table: one arm per action that says more")]
fn rest(action: Action, detail: &Value, names: &Names) -> String {
    let said = |key: &str| find(detail, key).unwrap_or_default();
    match action {
        Action::ReceiptAccepted => {
            format!("{}, {} is due", said("event_type"), said("effect_type"))
        }
        Action::ResultFailed | Action::ResultContradicted => said("error_code"),
        Action::ResultAmbiguous => match said("settled_event_id").as_str() {
            "" => format!("your app reported {} that fits several events.", reported(detail)),
            settled => format!("it fits this event too, and settled {settled}"),
        },
        Action::ResultUnclaimed => [said("status"), said("provider_event_id"), said("error_code")]
            .join(" ")
            .trim()
            .to_owned(),
        Action::IncidentOpened => match said("reason").as_str() {
            "missing_result" => "no result in time".to_owned(),
            _ => said("error_code"),
        },
        Action::IncidentResolved => match said("resolution").as_str() {
            "reprocessed" => "the reprocess succeeded".to_owned(),
            "late_success" => "the success came late".to_owned(),
            "superseded" => "nothing is due any more".to_owned(),
            _ => "manually".to_owned(),
        },
        Action::AlertDelivered | Action::DestinationAdded | Action::DestinationRemoved => {
            place(detail, names)
        }
        Action::AlertSuperseded => {
            let place = place(detail, names);
            if place.is_empty() {
                "a newer one says more".into()
            } else {
                format!("{place}: a newer one says more")
            }
        }
        Action::AlertGivenUp | Action::DestinationBroken => {
            let why = [place(detail, names), said("why")];
            why.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(": ")
        }
        Action::ResultRefused
        | Action::ReprocessRefused
        | Action::ResolveRefused
        | Action::ReprocessUndelivered
        | Action::ReprocessEnded
        | Action::SignalAdjusted => said("why"),
        Action::WatchPaused => format!("the {}. To let it go on:", said("what")),
        Action::WatchStuck => format!("{}. To see why:", said("what")),
        Action::CallbackDelivered | Action::CallbackFailed => {
            format!("attempt {}", said("attempt"))
        }
        Action::ProofLinkCreated => match said("days").as_str() {
            "" => String::new(),
            "1" => "for 1 day".to_owned(),
            days => format!("for {days} days"),
        },
        Action::KeyCreated | Action::KeyRevoked | Action::TokenCreated | Action::TokenRevoked => {
            said("label")
        }
        Action::DestinationTested => match said("delivered").as_str() {
            "true" => format!("{} accepted the message", place(detail, names)),
            _ => format!("{} did not accept the message: {}", place(detail, names), said("answer")),
        },
        Action::ProjectCreated | Action::ProjectDeclared | Action::ProjectNameRemoved => {
            said("name")
        }
        Action::ProjectUpdated => changes(detail),
        Action::OperatorAdded | Action::OperatorRemoved | Action::OperatorLockedOut => {
            said("email")
        }
        Action::OperatorRoleChanged => format!("{} is now {}", said("email"), said("to")),
        _ => String::new(),
    }
}

/// The next step, behind the rest of the sentence: commands and names of fields are told from prose.
pub(super) fn next(action: Action, detail: &Value) -> Vec<Span> {
    match action {
        Action::WatchPaused | Action::WatchStuck => {
            let command = find(detail, "cure").map(|cure| one_line(&cure));
            command.map(|text| Span { code: true, text }).into_iter().collect()
        }
        Action::ResultAmbiguous if find(detail, "settled_event_id").is_none() => {
            spans("Send it again with `event_id`, `internal_reference` or `effect_key`.")
        }
        _ => Vec::new(),
    }
}

/// What a result said, with its article.
fn reported(detail: &Value) -> String {
    let status = find(detail, "status").unwrap_or_default();
    let what = match status.as_str() {
        "failed" => "a failure",
        "success" => "a success",
        _ => "a result",
    };
    find(detail, "error_code").map_or(what.to_owned(), |code| format!("{what} ({code})"))
}

/// Each setting that changed, before and after.
fn changes(detail: &Value) -> String {
    let shown = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => "none".to_owned(),
        other => other.to_string(),
    };
    let changed = detail.as_object().into_iter().flatten();
    let changed = changed.map(|(name, change)| {
        let name = name.replace('_', " ");
        match (change.get("set"), change.get("removed")) {
            (Some(set), Some(removed)) => listed(&name, set, removed),
            _ => format!("{name} from {} to {}", shown(&change["from"]), shown(&change["to"])),
        }
    });
    changed.collect::<Vec<_>>().join(", ")
}

/// Things that have names, and values that nobody sees: which were set, and which removed.
fn listed(name: &str, set: &Value, removed: &Value) -> String {
    let names = |list: &Value| {
        let names = list.as_array().into_iter().flatten().filter_map(Value::as_str);
        names.collect::<Vec<_>>().join(", ")
    };
    let parts = [("set", names(set)), ("removed", names(removed))];
    let parts = parts.iter().filter(|(_, names)| !names.is_empty());
    let parts: Vec<_> = parts.map(|(what, names)| format!("{what} {names}")).collect();
    format!("{name}: {}", parts.join(", "))
}

/// Where a message went: what people call it, or the id where that is all there is.
fn place(detail: &Value, names: &Names) -> String {
    let written = ["destination", "address"].iter().find_map(|key| find(detail, key));
    let id = || find(detail, "destination_id");
    let known = || names.destinations.get(&id()?.parse().ok()?).cloned();
    known().or(written).or_else(id).unwrap_or_default()
}

/// Other people's words, as they wrote them.
pub(super) fn quotes(detail: &Value) -> Vec<String> {
    ["error_message", "note"]
        .iter()
        .filter_map(|key| find(detail, key))
        .map(|text| legible(&text))
        .collect()
}

/// A detail as text; `None` where it is absent, null or empty.
pub(super) fn find(detail: &Value, key: &str) -> Option<String> {
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
