//! The changes that span several tables. Each takes the event's lock first, asks `domain::verdict`,
//! and writes the change, its audit entry, its alerts and its outbox message in one transaction.

pub mod acknowledge;
pub mod callback;
pub mod extension;
pub mod policy;
pub mod receipt;
pub mod receipts;
pub mod reprocess;
pub mod resolve;
pub mod result;
pub mod results;
pub mod signal_notes;
pub mod silence;
pub mod stalled;

use domain::alert::AlertKind;
use domain::app_error::AppError;
use domain::audit::detail::{OpenedDetail, ReprocessEndDetail};
use domain::audit::{Actor, AuditEvent};
use domain::incident::{IncidentState, Reason};
use domain::reprocess::ReprocessState;

use crate::audit::{self, Subject};
use crate::event_state::LockedEvent;
use crate::incidents::{IncidentRef, NewIncident};
use crate::reprocesses::Reprocess;
use crate::{PgConnection, StoreError, alerts, incidents, reprocesses};

/// Opens the incident of an event that has none, lets the project's policy see to it, and writes the
/// alerts that notify people, unless they wait for what the policy does.
async fn open_incident(
    tx: &mut PgConnection,
    locked: &LockedEvent,
    reason: Reason,
    error: &AppError,
) -> Result<IncidentRef, StoreError> {
    let (project_id, event_id) = (locked.event.project_id, locked.event.id);
    let cause = policy::cause(&locked.event, reason, error.code.clone());
    let silence = locked.deadline.filter(|_| reason == Reason::MissingResult);
    let outage_grace_seconds = silence.and_then(|deadline| deadline.grace_seconds());
    let new = NewIncident { event_id, cause: &cause, error, outage_grace_seconds };
    let id = incidents::insert_incident(tx, new).await?;
    let opened = OpenedDetail { reason, outage_grace_seconds, error: error.clone() };
    let opened = AuditEvent::IncidentOpened(opened);
    let subject = Subject::incident(project_id, event_id, id);
    audit::record(&mut *tx, &Actor::System, subject, &opened).await?;
    let done = policy::after_opening(tx, locked, id, &cause).await?;
    if !done.alerts_wait {
        alerts::insert_alerts(tx, locked.ids(id), AlertKind::IncidentOpened, None).await?;
    }
    Ok(IncidentRef { id, state: done.state })
}

/// A reprocess that has just ended.
#[derive(Clone, Copy)]
struct EndedReprocess<'a> {
    /// As it was before.
    reprocess: &'a Reprocess,
    /// How it ended.
    state: ReprocessState,
    /// What an operator is told beside that.
    why: Option<&'a str>,
}

impl<'a> EndedReprocess<'a> {
    fn new(reprocess: &'a Reprocess, state: ReprocessState) -> Self {
        Self { reprocess, state, why: None }
    }
}

/// Ends a running reprocess badly: the incident falls back to open and people are notified. What a
/// policy started, it may start again, and alerts may wait for that. The incident's state afterwards.
async fn fail_reprocess(
    tx: &mut PgConnection,
    locked: &LockedEvent,
    ended: EndedReprocess<'_>,
) -> Result<Option<IncidentState>, StoreError> {
    let Some(incident) = &locked.incident else {
        return Ok(None);
    };
    let reprocess = ended.reprocess;
    reprocesses::change_state(tx, reprocess.id, reprocess.state, ended.state).await?;
    if fallen_back(incident.state) != incident.state {
        incidents::change_state(tx, incident, fallen_back(incident.state)).await?;
    }
    note_ending(tx, locked, ended).await?;
    let done = policy::after_failure(tx, locked, incident, reprocess).await?;
    if !done.alerts_wait {
        let kind = AlertKind::ReprocessFailed;
        alerts::insert_alerts(tx, locked.ids(incident.id), kind, Some(reprocess.id)).await?;
    }
    Ok(Some(done.state))
}

/// The state of an incident once the reprocess that ran has ended badly.
fn fallen_back(state: IncidentState) -> IncidentState {
    match state {
        IncidentState::Reprocessing => IncidentState::Open,
        IncidentState::Open | IncidentState::Acknowledged | IncidentState::Resolved => state,
    }
}

async fn note_ending(
    tx: &mut PgConnection,
    locked: &LockedEvent,
    EndedReprocess { reprocess, state, why }: EndedReprocess<'_>,
) -> Result<(), StoreError> {
    let detail = ReprocessEndDetail { replay_id: reprocess.id, why: why.map(str::to_owned) };
    let ended = match state {
        ReprocessState::Succeeded => AuditEvent::ReprocessSucceeded(detail),
        ReprocessState::NoResult => AuditEvent::ReprocessNoResult(detail),
        ReprocessState::Undelivered => AuditEvent::ReprocessUndelivered(detail),
        ReprocessState::Failed
        | ReprocessState::Requested
        | ReprocessState::Delivering
        | ReprocessState::AwaitingResult => AuditEvent::ReprocessFailed(detail),
    };
    audit::record(tx, &Actor::System, locked.subject(), &ended).await
}
