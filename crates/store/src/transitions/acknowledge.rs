//! Acknowledging an incident: an operator says "I see it". The watch is signalled, so that it shows
//! the state to searches and queries and tells the services whose own state follows ours; what it
//! does next stays the same.

use domain::audit::detail::AcknowledgedDetail;
use domain::audit::{Actor, AuditEvent};
use domain::ids::{BulkId, EventId};
use domain::incident::IncidentState;
use domain::outbox::OutboxMessage;
use domain::rejection::Rejection;
use domain::verdict;

use crate::audit;
use crate::event_state::LockedEvent;
use crate::outbox;
use crate::transitions::policy;
use crate::{ChangeError, PgConnection, alerts, incidents};

/// A request to acknowledge.
#[derive(Debug, Clone, Copy)]
pub struct AcknowledgeRequest<'a> {
    /// Who sees to it.
    pub actor: &'a Actor,
    pub note: Option<&'a str>,
    /// The bulk of which it is one.
    pub bulk_id: Option<BulkId>,
}

/// Acknowledges the incident of an event.
///
/// # Errors
/// When there is nothing to acknowledge, no such event, or the database fails.
pub async fn acknowledge_incident(
    tx: &mut PgConnection,
    event_id: EventId,
    request: AcknowledgeRequest<'_>,
) -> Result<(), ChangeError<Rejection>> {
    let locked = LockedEvent::lock_existing(tx, event_id).await?;
    verdict::judge_acknowledge(locked.event_state()).map_err(ChangeError::Rejected)?;
    let Some(incident) = &locked.incident else {
        return Err(ChangeError::Rejected(Rejection::NoIncident));
    };
    incidents::change_state(tx, incident, IncidentState::Acknowledged).await?;
    let AcknowledgeRequest { actor, note, bulk_id } = request;
    let detail = AcknowledgedDetail { note: note.map(str::to_owned), bulk_id };
    let acknowledged = AuditEvent::IncidentAcknowledged(detail);
    audit::record(&mut *tx, actor, locked.subject(), &acknowledged).await?;
    policy::let_alerts_go(&mut *tx, &locked, incident).await?;
    let failed_before = locked.reprocesses.last().map(|reprocess| reprocess.id);
    alerts::insert_acknowledgements(&mut *tx, locked.ids(incident.id), failed_before).await?;
    outbox::enqueue(tx, event_id, &OutboxMessage::Acknowledged).await?;
    Ok(())
}
