//! Resolving an incident manually.

use domain::alert::AlertKind;
use domain::audit::detail::{EvidenceDetail, ReprocessEndDetail, ResolvedDetail, WhyDetail};
use domain::audit::{Actor, AuditEvent};
use domain::ids::{AuditId, BulkId, CallId, EventId};
use domain::incident::{IncidentState, Resolution};
use domain::outbox::OutboxMessage;
use domain::rejection::Rejection;
use domain::reprocess::ReprocessState;

use crate::audit;
use crate::event_state::LockedEvent;
use crate::outbox;
use crate::proposals::{self, Proposal};
use crate::transitions::policy;
use crate::{ChangeError, PgConnection, StoreError, alerts, incidents, reprocesses};

/// A request to resolve manually.
#[derive(Debug, Clone, Copy)]
pub struct ResolveRequest<'a> {
    /// Who resolves.
    pub actor: &'a Actor,
    /// Why it is right now.
    pub note: Option<&'a str>,
    /// The call of an extension whose evidence says so.
    pub evidence: Option<CallId>,
    /// The bulk of which it is one.
    pub bulk_id: Option<BulkId>,
    /// Whether the watch still has to be signalled.
    pub signal: bool,
}

/// Resolves the incident of an event. A reprocess that runs ends with it, without another alert.
///
/// # Errors
/// When there is nothing to resolve, no such event, or the database fails.
pub async fn resolve_incident(
    tx: &mut PgConnection,
    event_id: EventId,
    request: ResolveRequest<'_>,
) -> Result<(), ChangeError<Rejection>> {
    let locked = LockedEvent::lock_existing(tx, event_id).await?;
    let Some(incident) = &locked.incident else {
        return Err(ChangeError::Rejected(Rejection::NoIncident));
    };
    if incident.state == IncidentState::Resolved {
        return Err(ChangeError::Rejected(Rejection::Resolved(None)));
    }
    let evidence = match request.evidence {
        Some(call_id) => Some(find_evidence(tx, event_id, call_id).await?),
        None => None,
    };
    end_running(tx, &locked, request.actor).await?;
    incidents::resolve(tx, incident.id, Resolution::Manual, request.note).await?;
    let (resolution, note) = (Resolution::Manual, request.note.map(str::to_owned));
    let resolved =
        ResolvedDetail::Manually { resolution, note, evidence, bulk_id: request.bulk_id };
    let resolved = AuditEvent::IncidentResolved(resolved);
    audit::record(&mut *tx, request.actor, locked.subject(), &resolved).await?;
    if !policy::end_plan(tx, event_id).await? {
        let kind = AlertKind::IncidentResolved;
        alerts::insert_alerts(tx, locked.ids(incident.id), kind, None).await?;
    }
    if request.signal {
        outbox::enqueue(tx, event_id, &OutboxMessage::Resolve).await?;
    }
    Ok(())
}

/// The evidence that a call of this event gave for a person to decide by.
async fn find_evidence(
    tx: &mut PgConnection,
    event_id: EventId,
    call_id: CallId,
) -> Result<EvidenceDetail, ChangeError<Rejection>> {
    let mut proposals = proposals::list_proposals(tx, event_id).await?.into_iter();
    let found = proposals.find(|proposal| proposal.call_id == call_id);
    let found = found.ok_or(ChangeError::Rejected(Rejection::NoEvidence(call_id)))?;
    let Proposal { extension_id, name, .. } = found;
    Ok(EvidenceDetail { extension_id, name, call_id })
}

/// Ends a reprocess that runs. Its state says what it had come to; the timeline says who ended it,
/// since its callback did not fail.
async fn end_running(
    tx: &mut PgConnection,
    locked: &LockedEvent,
    actor: &Actor,
) -> Result<(), StoreError> {
    let Some(running) = locked.running() else {
        return Ok(());
    };
    let delivered = running.state == ReprocessState::AwaitingResult;
    let ending = if delivered { ReprocessState::NoResult } else { ReprocessState::Undelivered };
    reprocesses::change_state(tx, running.id, running.state, ending).await?;
    let why = Some("the incident was resolved manually".to_owned());
    let ended = AuditEvent::ReprocessEnded(ReprocessEndDetail { replay_id: running.id, why });
    audit::record(tx, actor, locked.subject(), &ended).await
}

/// Keeps on the timeline that a resolution entered manually was rejected.
///
/// # Errors
/// When there is no such event.
pub async fn note_rejection(
    tx: &mut PgConnection,
    event_id: EventId,
    actor: &Actor,
    entry_id: AuditId,
    why: &str,
) -> Result<(), StoreError> {
    let locked = LockedEvent::lock_existing(tx, event_id).await?;
    let rejected = AuditEvent::ResolveRefused(WhyDetail { why: why.to_owned() });
    audit::record_once(tx, entry_id.as_uuid(), actor, locked.subject(), &rejected).await
}
