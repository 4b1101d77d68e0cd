//! One line of the list: what the customer paid for, why it is here, and who acknowledged it.

use domain::alert::{format_duration, one_line};
use domain::ids::IncidentId;
use domain::incident::{IncidentState, Reason};
use domain::reprocess::ReprocessState;
use domain::timeline::{describe_outcome, short_actor_name, short_name};
use domain::urgency::{AtStake, Urgency};
use store::search::incidents::{IncidentRow, LastAttempt};
use time::{Duration, OffsetDateTime};

use crate::badge::{Badge, due};
use crate::layout::mode_word;
use crate::listing::ListQuery;
use crate::timeline_view;
use crate::when::When;

/// One line of the list.
#[derive(Debug)]
pub(super) struct IncidentItem {
    pub(super) id: IncidentId,
    /// Whether it was picked before.
    pub(super) is_ticked: bool,
    pub(super) due: String,
    pub(super) reference: String,
    /// What was paid, where the receipt said so.
    pub(super) amount: Option<String>,
    pub(super) event_type: String,
    pub(super) project: String,
    pub(super) mode: &'static str,
    pub(super) provider_event_id: String,
    /// Why it was opened, and the app's error code.
    pub(super) why: (String, Option<String>),
    /// What became of the last attempt to repair it, and when that was.
    pub(super) tried: Option<(String, When)>,
    pub(super) state: Badge,
    /// Where it is more urgent than usual.
    pub(super) urgency: Option<Badge>,
    /// Who sees to it, by name.
    pub(super) owner: Option<String>,
    pub(super) snoozed: Option<Snoozed>,
    pub(super) since: When,
}

/// That people are not told of it again until a time, or else until the next one of its cause.
#[derive(Debug)]
pub(super) struct Snoozed {
    pub(super) until: Option<When>,
}

impl IncidentItem {
    pub(super) fn new(row: IncidentRow, now: OffsetDateTime, query: &ListQuery) -> Self {
        Self {
            id: row.incident.id,
            is_ticked: query.has_ticked(row.incident.id),
            due: due(&row.effect_type),
            reference: one_line(&row.internal_reference),
            amount: row.incident.amount.map(|amount| amount.to_string()),
            why: why(&row),
            state: state(&row),
            urgency: urgency(&row, now),
            owner: row.incident.owner.as_deref().map(short_name),
            snoozed: snoozed(&row),
            since: When::ago(row.incident.opened_at, now),
            tried: row.last_attempt.map(|last| (outcome(&last), When::ago(last.at, now))),
            event_type: one_line(&row.event_type),
            project: one_line(&row.project_name),
            mode: mode_word(row.mode),
            provider_event_id: one_line(&row.provider_event_id),
        }
    }
}

fn why(row: &IncidentRow) -> (String, Option<String>) {
    let code = row.incident.error.code.as_deref().map(one_line);
    match row.incident.reason {
        Reason::MissingResult => {
            let wait = format_duration(Duration::minutes(i64::from(row.timeout_minutes)));
            (format!("No result within {wait}"), code)
        }
        Reason::FailedResult => ("Failed".to_owned(), code),
    }
}

/// What is resolved is told of no more anyhow.
fn snoozed(row: &IncidentRow) -> Option<Snoozed> {
    let stands = row.incident.state != IncidentState::Resolved;
    let snooze = row.snooze.as_ref().filter(|_| stands)?;
    Some(Snoozed { until: snooze.until.map(When::brief) })
}

fn urgency(row: &IncidentRow, now: OffsetDateTime) -> Option<Badge> {
    let incident = &row.incident;
    let age = now - incident.opened_at;
    let at_stake = AtStake::of_one(incident.state, age, incident.amount.as_ref());
    Badge::from_urgency(Urgency::decide(row.mode, &at_stake))
}

fn state(row: &IncidentRow) -> Badge {
    let Badge { class, text } = Badge::from_incident(row.incident.state);
    let text = match row.incident.state {
        IncidentState::Open => text,
        IncidentState::Acknowledged => match &row.acknowledged_by {
            Some(by) => format!("{text} by {}", short_actor_name(by)),
            None => text,
        },
        IncidentState::Reprocessing => match row.running {
            Some((_, state, attempts)) => {
                timeline_view::doing_in_short(state, usize::try_from(attempts).unwrap_or_default())
            }
            None => text,
        },
        IncidentState::Resolved => match row.incident.resolved_at {
            Some(at) => format!("{text} in {}", format_duration(at - row.incident.opened_at)),
            None => text,
        },
    };
    Badge { class, text }
}

/// A status alone could be taken for success: the work was promised, and no result said that it was
/// done.
fn outcome(last: &LastAttempt) -> String {
    let outcome = describe_outcome(last.status, None, last.error.as_deref());
    let outcome = outcome.map_or_else(|| "under way".to_owned(), |outcome| one_line(&outcome));
    match last.reprocess {
        ReprocessState::NoResult => format!("{outcome}, accepted but never confirmed"),
        ReprocessState::AwaitingResult => format!("{outcome}, accepted, waiting for the result"),
        ReprocessState::Requested
        | ReprocessState::Delivering
        | ReprocessState::Succeeded
        | ReprocessState::Failed
        | ReprocessState::Undelivered => outcome,
    }
}
