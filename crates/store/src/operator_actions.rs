//! What an operator does to an incident: acknowledge it, have it reprocessed, resolve it. The
//! console, the API and the command line all come through here.
//!
//! Each is one transaction with its audit entry and its outbox message, judged under the event's
//! lock. A rejection changes nothing; who was faster is read from the timeline afterwards, so what
//! it says is as true as the timeline, but it may be about a state that has changed again. After a
//! change the caller may wake the relay; if it does not, the sweep dispatches the message within
//! seconds.

use domain::audit::{Action, Actor, AuditEvent};
use domain::ids::{CallId, EventId, ReplayId};
use domain::rejection::{Earlier, Rejection};
use time::OffsetDateTime;

use crate::incidents::Incident;
use crate::pool::transaction;
use crate::transitions::acknowledge::{AcknowledgeRequest, acknowledge_incident};
use crate::transitions::reprocess::{ReprocessRequest, request_reprocess};
use crate::transitions::resolve::{ResolveRequest, resolve_incident};
use crate::{ChangeError, PgPool, StoreError, reprocesses, timeline};

/// What is acted on, by whom, and why.
#[derive(Debug, Clone, Copy)]
pub struct OperatorAction<'a> {
    pub incident: &'a Incident,
    pub actor: &'a Actor,
    pub note: Option<&'a str>,
}

/// Why an action changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum ActionError {
    #[error(transparent)]
    Rejected(#[from] Rejection),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl OperatorAction<'_> {
    /// Acknowledges the incident, which must be open.
    pub async fn acknowledge(self, pool: &PgPool) -> Result<(), ActionError> {
        let Self { incident, actor, note } = self;
        let acknowledged = transaction(pool, async |tx| {
            let request = AcknowledgeRequest { actor, note, bulk_id: None };
            acknowledge_incident(tx, incident.event_id, request).await
        });
        self.explain(pool, acknowledged.await).await
    }

    /// Asks the app, by a callback, to do the work again. It is rejected while a reprocess runs,
    /// once the incident is resolved, and without a repair URL.
    pub async fn request_reprocess(self, pool: &PgPool) -> Result<ReplayId, ActionError> {
        let Self { incident, actor, note } = self;
        let replay_id = reprocesses::new_id();
        let request = ReprocessRequest { replay_id, actor, note, bulk_id: None, signal: true };
        let requested =
            transaction(pool, async |tx| request_reprocess(tx, incident.event_id, request).await);
        self.explain(pool, requested.await).await.map(|()| replay_id)
    }

    /// Resolves the incident manually, unless it is resolved: by the evidence that this call of an
    /// extension gave, if one is named. A reprocess that runs ends with it.
    pub async fn resolve(self, pool: &PgPool, evidence: Option<CallId>) -> Result<(), ActionError> {
        let Self { incident, actor, note } = self;
        let resolving = ResolveRequest { actor, note, evidence, bulk_id: None, signal: true };
        let resolved =
            transaction(pool, async |tx| resolve_incident(tx, incident.event_id, resolving).await);
        self.explain(pool, resolved.await).await
    }

    /// Adds to a rejection who was faster.
    pub(crate) async fn explain(
        self,
        pool: &PgPool,
        change: Result<(), ChangeError<Rejection>>,
    ) -> Result<(), ActionError> {
        let Err(error) = change else { return Ok(()) };
        let rejection = error.rejection()?;
        let event_id = self.incident.event_id;
        Err(ActionError::Rejected(match rejection {
            Rejection::Resolved(_) => {
                let is = |event: &AuditEvent| event.kind() == Some(Action::IncidentResolved);
                Rejection::Resolved(find_earlier(pool, event_id, is).await?)
            }
            Rejection::Acknowledged(_) => {
                let is = |event: &AuditEvent| event.kind() == Some(Action::IncidentAcknowledged);
                Rejection::Acknowledged(find_earlier(pool, event_id, is).await?)
            }
            Rejection::Reprocessing(id, _) => {
                let is = |event: &AuditEvent| match event {
                    AuditEvent::ReprocessRequested(of) => id.is_none_or(|id| id == of.replay_id),
                    _ => false,
                };
                Rejection::Reprocessing(id, find_earlier(pool, event_id, is).await?)
            }
            Rejection::NoIncident | Rejection::NoRepairUrl | Rejection::NoEvidence(_) => rejection,
        }))
    }
}

/// Who last did the action that is searched for.
async fn find_earlier(
    pool: &PgPool,
    event_id: EventId,
    is: impl Fn(&AuditEvent) -> bool,
) -> Result<Option<Earlier>, StoreError> {
    let found = timeline::find_latest(pool, event_id, is).await?;
    Ok(found.map(|entry| Earlier { actor: entry.actor, ago: OffsetDateTime::now_utc() - entry.at }))
}
