//! Starting a reprocess.

use domain::audit::detail::{ReprocessDetail, ReprocessRejectionDetail};
use domain::audit::{Actor, AuditEvent};
use domain::callback::{CallbackBody, CallbackKind, CallbackReason};
use domain::extension::Point;
use domain::ids::{BulkId, EventId, ReplayId};
use domain::incident::IncidentState;
use domain::outbox::{OutboxMessage, RecordedReprocess};
use domain::rejection::Rejection;
use domain::verdict;

use crate::audit;
use crate::event_state::LockedEvent;
use crate::incidents::Incident;
use crate::outbox;
use crate::projects::Project;
use crate::reprocesses::{self, NewReprocess};
use crate::transitions::policy;
use crate::{ChangeError, PgConnection, StoreError, extensions, incidents, projects};

/// A request to reprocess.
#[derive(Debug, Clone, Copy)]
pub struct ReprocessRequest<'a> {
    /// The id that the reprocess gets; the key of repeated calls.
    pub replay_id: ReplayId,
    /// Who asks.
    pub actor: &'a Actor,
    pub note: Option<&'a str>,
    /// The bulk of which it is one.
    pub bulk_id: Option<BulkId>,
    /// Whether the watch still has to be signalled.
    pub signal: bool,
}

/// Starts a reprocess. The same `replay_id` again changes nothing.
///
/// # Errors
/// When none may be started, there is no such event, or the database fails.
pub async fn request_reprocess(
    tx: &mut PgConnection,
    event_id: EventId,
    request: ReprocessRequest<'_>,
) -> Result<(), ChangeError<Rejection>> {
    let locked = LockedEvent::lock_existing(tx, event_id).await?;
    if locked.reprocesses.iter().any(|known| known.id == request.replay_id) {
        return Ok(());
    }
    verdict::judge_reprocess(locked.event_state()).map_err(ChangeError::Rejected)?;
    let Some(incident) = &locked.incident else {
        return Err(ChangeError::Rejected(Rejection::NoIncident));
    };
    let project = projects::find_project(&mut *tx, locked.event.project_id)
        .await?
        .ok_or(StoreError::Missing("projects"))?;
    let point = Point::Reprocess;
    if project.repair_url.is_none()
        && extensions::list_for_event(&mut *tx, &locked.event, point).await?.is_empty()
    {
        return Err(ChangeError::Rejected(Rejection::NoRepairUrl));
    }
    let body = callback_body(&locked, incident, &project, request.replay_id)?;
    let callback = NewCallback { body: &body, with_snapshot: project.snapshot_in_callback };
    Ok(start(tx, &locked, incident, request, callback).await?)
}

/// What the attempts of a new reprocess send.
#[derive(Clone, Copy)]
struct NewCallback<'a> {
    body: &'a str,
    with_snapshot: bool,
}

async fn start(
    tx: &mut PgConnection,
    locked: &LockedEvent,
    incident: &Incident,
    request: ReprocessRequest<'_>,
    callback: NewCallback<'_>,
) -> Result<(), StoreError> {
    let requested_by = request.actor.to_string();
    let new = NewReprocess {
        id: request.replay_id,
        incident_id: incident.id,
        event_id: locked.event.id,
        requested_by: &requested_by,
        note: request.note,
        body: callback.body,
        with_snapshot: callback.with_snapshot,
    };
    reprocesses::insert_reprocess(tx, new).await?;
    incidents::change_state(tx, incident, IncidentState::Reprocessing).await?;
    let note = request.note.map(str::to_owned);
    let detail = ReprocessDetail { replay_id: request.replay_id, note, bulk_id: request.bulk_id };
    let requested = AuditEvent::ReprocessRequested(detail);
    audit::record(&mut *tx, request.actor, locked.subject(), &requested).await?;
    if *request.actor != Actor::Policy {
        policy::give_way(tx, locked, incident).await?;
    }
    if request.signal {
        let recorded = RecordedReprocess { replay_id: request.replay_id };
        outbox::enqueue(tx, locked.event.id, &OutboxMessage::Reprocess(recorded)).await?;
    }
    Ok(())
}

/// Keeps on the timeline that a request entered manually was rejected.
///
/// # Errors
/// When there is no such event.
pub async fn note_rejection(
    tx: &mut PgConnection,
    event_id: EventId,
    request: ReprocessRequest<'_>,
    why: &str,
) -> Result<(), StoreError> {
    let locked = LockedEvent::lock_existing(tx, event_id).await?;
    let (why, note) = (why.to_owned(), request.note.map(str::to_owned));
    let rejected = AuditEvent::ReprocessRefused(ReprocessRejectionDetail { why, note });
    audit::record_once(tx, request.replay_id.as_uuid(), request.actor, locked.subject(), &rejected)
        .await
}

/// What every attempt of this reprocess sends, but for the snapshot, which is kept sealed and nowhere else.
fn callback_body(
    locked: &LockedEvent,
    incident: &Incident,
    project: &Project,
    replay_id: ReplayId,
) -> Result<String, StoreError> {
    let event = &locked.event;
    let body = CallbackBody {
        kind: CallbackKind::Reprocess,
        replay_id,
        incident_id: incident.id,
        event_id: event.id,
        project_id: project.id,
        mode: project.mode,
        provider: event.provider.clone(),
        provider_event_id: event.provider_event_id.clone(),
        event_type: event.event_type.clone(),
        effect_type: event.effect_type.clone(),
        internal_reference: event.internal_reference.clone(),
        effect_key: event.effect_key.clone(),
        occurred_at: event.occurred_at,
        shopify_shop_domain: event.shopify_shop_domain.clone(),
        reason: CallbackReason { kind: incident.reason, error: incident.error.clone() },
        requested_at: locked.now,
    };
    serde_json::to_string(&body)
        .map_err(|error| StoreError::Driver(sqlx::Error::Encode(error.into())))
}
