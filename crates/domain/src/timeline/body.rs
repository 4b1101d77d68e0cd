//! How the sentence of each entry goes on behind its title, what to do about it, and what it
//! quotes.

use std::collections::BTreeMap;

use serde_json::Value;

use super::messages::{
    destination_name, every_incident, held, message, reminded, snooze_end, test,
};
use super::project_changes::changes;
use super::{Advice, Names, attempt, incident, many};
use crate::alert::{Quote, format_timestamp, one_line, sanitize};
use crate::audit::AuditEvent;
use crate::audit::detail::{
    AlertDetail, AmbiguityDetail, AnsweredDetail, NotificationKind, PlannedDetail, PolicyDetail,
    PolicyStopDetail, ResolvedDetail, ResultDetail, RotatedKeyDetail, SignOutDetail,
    UnclaimedDetail,
};
use crate::effect_result::Outcome;
use crate::extension::{CallOutcome, describe_evidence};
use crate::ids::ReplayId;
use crate::incident::Reason;
use crate::project::unresolved_phrase;
use crate::reprocess_policy::PolicySettings;

#[expect(clippy::too_many_lines, reason = "a table: one arm per kind of entry")]
pub(super) fn body(event: &AuditEvent, names: &Names) -> String {
    use AuditEvent as E;
    match event {
        E::ReceiptAccepted(of) => {
            let amount = of.amount.map(|amount| format!(" for {amount}")).unwrap_or_default();
            format!("{}, {} is due{amount}", of.event_type, of.effect_type)
        }
        E::ResultFailed(of) => code(of),
        E::ResultRepeated(of) | E::ResultContradicted(of) => list([&code(of), "nothing changed"]),
        E::ResultSuperseded(of) => list([&code(of), "nothing is due any more"]),
        E::ResultAmbiguous(of) => ambiguity(of),
        E::ResultUnclaimed(of) => unclaimed(of),
        E::ResultRefused(of) | E::ResolveRefused(of) | E::ReprocessSkipped(of) => of.why.clone(),
        E::IncidentOpened(of) => match of.reason {
            Reason::MissingResult => incident::silence(of.outage_grace_seconds),
            Reason::FailedResult => of.error.code.clone().unwrap_or_default(),
        },
        E::IncidentAcknowledged(of) => many::one_of(of.bulk_id),
        E::ReprocessRequested(of) => many::one_of(of.bulk_id),
        E::IncidentAssigned(of) => incident::assigned(of),
        E::IncidentReleased(of) => format!("{} owned it", one_line(&of.from)),
        E::IncidentCommented(of) | E::CauseCommented(of) => incident::comment(of),
        E::MentionGivenUp(of) => reasoned(&one_line(&of.to), Some(&of.why)),
        E::IncidentResolved(of) => incident::resolution(of),
        E::ReprocessRefused(of) => of.why.clone(),
        E::ReprocessSucceeded(of)
        | E::ReprocessFailed(of)
        | E::ReprocessNoResult(of)
        | E::ReprocessUndelivered(of)
        | E::ReprocessEnded(of) => of.why.clone().unwrap_or_default(),
        E::ReprocessPlanned(of) => planned(of),
        E::PolicyChanged(of) => policy(of),
        E::PolicyStopped(of) => format!("{} ({})", of.why, stop_cause(of)),
        E::PolicyReset(of) => of.effect_type.to_string(),
        E::BulkStarted(of) => many::started(of),
        E::BulkPaused(of) | E::BulkResumed(of) => {
            reasoned(&of.bulk_id.to_string(), of.why.as_deref())
        }
        E::BulkEnded(of) => many::ended(of),
        E::ReprocessInterrupted(_) => "it is made again".to_owned(),
        E::CallbackDelivered(of) | E::CallbackFailed(of) => attempt::describe(of),
        E::AlertDelivered(of) => message(of, names),
        E::AlertGivenUp(of) => reasoned(&message(of, names), of.why.as_deref()),
        E::AlertTold(of) => {
            let alert = AlertDetail::new(NotificationKind::Alert(of.alert), of.destination_id);
            format!("{} ({})", message(&alert, names), of.told_by)
        }
        E::AlertHeld(of) => held(of, names),
        E::IncidentReminded(of) => reminded(of, names),
        E::IncidentSnoozed(of) => match of.until {
            Some(until) => format!("until {}", format_timestamp(until)),
            None => "until the next one of its cause".to_owned(),
        },
        E::IncidentSnoozeEnded(of) => snooze_end(of.ended_by).to_owned(),
        E::AlertRulesChanged(of) => match of.rules.phrases() {
            phrases if phrases.is_empty() => "everything is told at once".to_owned(),
            phrases => phrases.join(", "),
        },
        E::MaintenanceStarted(of) => format!("until {}", format_timestamp(of.ends_at)),
        E::MaintenanceEnded(of) => of.maintenance_id.to_string(),
        E::AlertSuperseded(of) => reasoned(&message(of, names), Some("a newer one says more")),
        E::DestinationBroken(of) => {
            reasoned(&destination_name(of.destination_id, names), of.why.as_deref())
        }
        E::WatchRestarted(_) => "it was gone, and a new run was started".to_owned(),
        E::WatchPaused(of) => {
            format!("the {}, while something is overdue. To let it go on:", of.what)
        }
        E::WatchStuck(of) => format!("something is overdue, and {}. To see why:", of.what),
        E::SignalAdjusted(of) => format!("{}: {}", of.signal, of.why),
        E::RelayParked(of) => format!("{}: {}", of.wish, of.why),
        E::ProjectCreated(of) => of.name.clone(),
        E::ProjectUpdated(of) => changes(of),
        E::ProjectDeclared(of) | E::ProjectNameRemoved(of) => of.name.clone(),
        E::ProjectArchived(of) if of.unresolved > 0 => {
            format!("with {}", unresolved_phrase(of.unresolved))
        }
        E::KeyCreated(of) | E::KeyRevoked(of) => of.label.clone(),
        E::DestinationAdded(of) => {
            names.destinations.get(&of.destination_id).unwrap_or(&of.address).clone()
        }
        E::DestinationRemoved(of) => destination_name(of.destination_id, names),
        E::DestinationUpdated(of) => every_incident(of, names),
        E::DestinationRenamed(of) => format!("{} is now {}", one_line(&of.from), one_line(&of.to)),
        E::DestinationTested(of) => test(of, names),
        E::SecretRotated(of) | E::SecretRevoked(of) => {
            of.destination_id.map(|id| destination_name(id, names)).unwrap_or_default()
        }
        E::MasterKeyRotationStarted(of) => format!("key {}", one_line(&of.master_key_id)),
        E::MasterKeyRotated(of) => rotated(of),
        E::CustomerErased(of) => {
            let rows = match of.erased.values().sum() {
                1_u64 => "1 row".to_owned(),
                more => format!("{more} rows"),
            };
            format!("now {}, {rows}{}", of.tombstone, by_table(&of.erased))
        }
        E::CustomerTextsErased(of) => match of.entries.len() {
            1 => format!("of {}, at 1 entry", of.tombstone),
            more => format!("of {}, at {more} entries", of.tombstone),
        },
        E::CustomerReturned(of) => format!("as {}, and is a customer again", of.tombstone),
        E::ExtensionAdded(of) => {
            format!("{} at {}, trusted to {}", one_line(&of.name), of.point, of.trust)
        }
        E::ExtensionPaused(of) | E::ExtensionResumed(of) | E::ExtensionRemoved(of) => {
            one_line(&of.name)
        }
        E::ExtensionTried(of) if of.valid => {
            format!(
                "{} gave a valid answer, which would count as {}",
                one_line(&of.name),
                of.outcome
            )
        }
        E::ExtensionTried(of) => {
            reasoned(&format!("{} gave no valid answer", one_line(&of.name)), Some(&of.outcome))
        }
        E::ExtensionAnswered(of) => answered(of),
        E::ExtensionUnanswered(of) => reasoned(&one_line(&of.name), Some(&of.silence.to_string())),
        E::ProofLinkCreated(of) => match of.days {
            None => String::new(),
            Some(1) => "for 1 day".to_owned(),
            Some(days) => format!("for {days} days"),
        },
        E::OperatorAdded(of) => format!("{} as {}", of.email, of.role),
        E::OperatorRemoved(of) => of.email.clone(),
        E::OperatorRoleChanged(of) => format!("{} is now {}", of.email, of.to),
        E::OperatorSlackUserChanged(of) => match &of.slack_user_id {
            Some(user) => format!("{} is {user} in Slack", of.email),
            None => format!("{} is unknown in Slack", of.email),
        },
        E::OperatorPasswordChanged(of) => list([&of.email, &sessions_ended(of.sessions_ended)]),
        E::OperatorSignedOut(SignOutDetail::All { email, sessions_ended: count, .. }) => {
            list([email.as_deref().unwrap_or_default(), &sessions_ended(*count)])
        }
        E::OperatorLockedOut(of) => {
            format!("{} until {}", of.email, format_timestamp(of.locked_until))
        }
        E::TokenCreated(of) | E::TokenRevoked(of) => of.label.clone(),
        E::FilterShared(of) => {
            let was = of.was.as_deref().map(|was| format!(", until then {}", one_line(was)));
            format!("{} ({}){}", one_line(&of.name), of.list, was.unwrap_or_default())
        }
        E::FilterRemoved(of) => format!("{} ({})", one_line(&of.name), of.list),
        E::ResultSucceeded(_)
        | E::SnapshotViewed(_)
        | E::SnapshotDownloaded(_)
        | E::ProjectArchived(_)
        | E::ProjectRestored(_)
        | E::ProofLinkRevoked(_)
        | E::OperatorSignedIn(_)
        | E::OperatorSignedOut(SignOutDetail::One { .. }) => String::new(),
        E::Unknown { detail, .. } => pairs(detail),
    }
}

pub(super) fn next_step(event: &AuditEvent) -> Option<Advice> {
    match event {
        AuditEvent::WatchPaused(of) | AuditEvent::WatchStuck(of) => {
            Some(Advice::Command(one_line(&of.cure)))
        }
        AuditEvent::ResultAmbiguous(AmbiguityDetail::Candidates { .. }) => Some(Advice::Text(
            "Send it again with `event_id`, `internal_reference` or `effect_key`.",
        )),
        _ => None,
    }
}

/// The app's message and the operator's note.
pub(super) fn quotes(event: &AuditEvent) -> Vec<Quote> {
    use AuditEvent as E;
    let quote = |label, text: Option<&str>| {
        let text = text.map(str::trim).filter(|text| !text.is_empty())?;
        Some(Quote { label, text: sanitize(text) })
    };
    let message = |text: &Option<String>| quote(MESSAGE, text.as_deref());
    let note = |text: &Option<String>| quote(NOTE, text.as_deref());
    let one = match event {
        E::ResultFailed(of)
        | E::ResultRepeated(of)
        | E::ResultContradicted(of)
        | E::ResultSuperseded(of) => of.error.as_ref().and_then(|error| message(&error.message)),
        E::ResultUnclaimed(of) => message(&of.error.message),
        E::ResultAmbiguous(AmbiguityDetail::Candidates { error, .. }) => message(&error.message),
        E::IncidentOpened(of) => message(&of.error.message),
        E::IncidentAcknowledged(of) => note(&of.note),
        E::IncidentCommented(of) | E::CauseCommented(of) => quote(COMMENT, Some(&of.note)),
        E::MaintenanceStarted(of) => note(&of.note),
        E::IncidentSnoozed(of) => note(&of.note),
        E::IncidentResolved(ResolvedDetail::Manually { note: text, .. }) => note(text),
        E::ReprocessRequested(of) => note(&of.note),
        E::ExtensionAnswered(of) => note(&of.note),
        E::ReprocessRefused(of) => note(&of.note),
        E::Unknown { detail, .. } => {
            let text = |key: &str| detail.get(key).and_then(Value::as_str);
            let both = [quote(MESSAGE, text("error_message")), quote(NOTE, text("note"))];
            return both.into_iter().flatten().collect();
        }
        _ => None,
    };
    one.into_iter().collect()
}

const MESSAGE: &str = "Message";
const NOTE: &str = "Note";
const COMMENT: &str = "Comment";

/// The reprocess that began or ended.
pub(super) fn ended_or_requested(event: &AuditEvent) -> Option<ReplayId> {
    match event {
        AuditEvent::ReprocessRequested(of) => Some(of.replay_id),
        AuditEvent::ReprocessSucceeded(of)
        | AuditEvent::ReprocessFailed(of)
        | AuditEvent::ReprocessNoResult(of)
        | AuditEvent::ReprocessUndelivered(of)
        | AuditEvent::ReprocessEnded(of) => Some(of.replay_id),
        _ => None,
    }
}

fn planned(of: &PlannedDetail) -> String {
    let at = format_timestamp(of.at);
    match of.alerts_wait_until {
        Some(until) => format!("{at}; alerts wait for it until {}", format_timestamp(until)),
        None => at,
    }
}

fn policy(of: &PolicyDetail) -> String {
    let PolicySettings {
        enabled,
        attempts,
        delay_seconds,
        stop_failed,
        stop_of,
        stop_customers,
        wait_alerts,
        may_take,
    } = of.settings;
    if !enabled {
        return format!("{}: off", of.effect_type);
    }
    let alerts = if wait_alerts { "alerts wait" } else { "" };
    let taking = if may_take { "may take it from customers" } else { "" };
    let on = list([
        "on",
        &format!("attempts {attempts}"),
        &format!("delay {delay_seconds} s"),
        &format!("stops at {stop_failed} of {stop_of} failed"),
        &format!("and above {stop_customers} customers"),
        alerts,
        taking,
    ]);
    format!("{}: {on}", of.effect_type)
}

/// What the incidents have in common for which a policy stopped.
fn stop_cause(of: &PolicyStopDetail) -> String {
    let why = match (of.reason, &of.error_code) {
        (Reason::MissingResult, _) => "no result in time".to_owned(),
        (Reason::FailedResult, Some(code)) => one_line(code),
        (Reason::FailedResult, None) => "a failure without an error code".to_owned(),
    };
    format!("{} after {}, {why}", of.effect_type, one_line(&of.event_type))
}

fn code(of: &ResultDetail) -> String {
    of.error.as_ref().and_then(|error| error.code.clone()).unwrap_or_default()
}

fn list<const N: usize>(parts: [&str; N]) -> String {
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

pub(super) fn reasoned(what: &str, why: Option<&str>) -> String {
    match why.filter(|why| !why.trim().is_empty()) {
        Some(why) => format!("{what}: {why}"),
        None => what.to_owned(),
    }
}

/// What an extension said, what follows from it, and its evidence.
fn answered(of: &AnsweredDetail) -> String {
    let said = match of.outcome {
        CallOutcome::Settled => "says that it was applied, which counts as a result",
        CallOutcome::Proposed => "says that it was applied; resolve the incident if that is right",
        CallOutcome::NotSettled => "says that it was not applied",
        CallOutcome::Undecided => "cannot tell",
        CallOutcome::Applied => "applied it",
        CallOutcome::Accepted => "will apply it and report",
        CallOutcome::Failed => "could not apply it",
        CallOutcome::Declined => "leaves it to the callback",
        CallOutcome::Unanswered | CallOutcome::Ignored => "came too late to matter",
    };
    let name = one_line(&of.name);
    let late = if of.late { ", after the deadline" } else { "" };
    let evidence = describe_evidence(&of.evidence);
    let evidence = evidence.iter().map(|(name, value)| format!("{name} {value}"));
    let evidence = evidence.collect::<Vec<_>>().join(", ");
    reasoned(&format!("{name} {said}{late}"), Some(&evidence))
}

fn ambiguity(of: &AmbiguityDetail) -> String {
    match of {
        AmbiguityDetail::Taken { settled_event_id } => {
            format!("it fits this event too, and settled {settled_event_id}")
        }
        AmbiguityDetail::Candidates { status, error, .. } => {
            let what = reported(*status, error.code.as_deref());
            format!("your app reported {what} that fits several events.")
        }
    }
}

fn unclaimed(of: &UnclaimedDetail) -> String {
    let what = reported(of.status, of.error.code.as_deref());
    let about = of.provider_event_id.as_ref().map(|id| format!(" for {id}")).unwrap_or_default();
    format!("{what}{about} was kept for 24 hours")
}

/// What a result said, with its article.
fn reported(status: Outcome, error_code: Option<&str>) -> String {
    let what = match status {
        Outcome::Failed => "a failure",
        Outcome::Succeeded => "a success",
        Outcome::Superseded => "a result",
    };
    error_code.map_or(what.to_owned(), |code| format!("{what} ({code})"))
}

/// What was sent and where: `incident opened, to bob@cometcart.test`.
fn sessions_ended(count: u64) -> String {
    match count {
        0 => String::new(),
        1 => "1 session ended".to_owned(),
        count => format!("{count} sessions ended"),
    }
}

/// What an entry of another release says, key by key, without what is quoted.
fn pairs(detail: &Value) -> String {
    let quoted = |key: &str| matches!(key, "note" | "error_message");
    let keys = detail.as_object().into_iter().flatten().filter(|(key, _)| !quoted(key));
    let pairs = keys.filter_map(|(key, value)| {
        let text = match value {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => return None,
        };
        (!text.is_empty()).then(|| format!("{} {text}", key.replace('_', " ")))
    });
    pairs.collect::<Vec<_>>().join(", ")
}

/// Each table with its count, in parentheses; nothing where there is none.
fn by_table(counts: &BTreeMap<String, u64>) -> String {
    let tables = counts.iter().map(|(table, rows)| format!("{} {rows}", one_line(table)));
    let tables = tables.collect::<Vec<_>>().join(", ");
    if tables.is_empty() { tables } else { format!(" ({tables})") }
}

fn rotated(of: &RotatedKeyDetail) -> String {
    let values = match of.resealed.values().sum() {
        1_u64 => "1 value".to_owned(),
        more => format!("{more} values"),
    };
    let tables = by_table(&of.resealed);
    let unopened = match of.unopened {
        0 => String::new(),
        1 => ", 1 did not open".to_owned(),
        more => format!(", {more} did not open"),
    };
    format!("key {}, {values}{tables}{unopened}", one_line(&of.master_key_id))
}
