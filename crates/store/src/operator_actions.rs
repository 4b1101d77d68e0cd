//! What an operator does to an incident: acknowledge it, have it reprocessed, resolve it. The console, the API
//! and the command line all come through here.
//!
//! Each is one transaction with its audit entry and its outbox message, judged under the event's lock. A
//! rejection changes nothing; who was faster is read from the timeline afterwards, so what it says is as true
//! as the timeline, but it may be about a state that has changed again. After a change the caller may wake the
//! relay; if nobody does, its sweep dispatches the message within seconds.

use domain::audit::{Action, Actor, AuditEvent};
use domain::ids::{EventId, ReplayId};
use domain::rejection::{Earlier, Rejection};
use time::OffsetDateTime;

use crate::incidents::Incident;
use crate::transitions::acknowledge::acknowledge_incident;
use crate::transitions::reprocess::{Wanted, request_reprocess};
use crate::transitions::resolve::{ResolveAnswer, Resolving, resolve_incident};
use crate::{PgPool, StoreError, pool, reprocesses, timeline};

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
    /// Says that the operator looks after the incident.
    ///
    /// # Errors
    /// [`ActionError::Rejected`] unless it is open.
    pub async fn acknowledge(self, pool: &PgPool) -> Result<(), ActionError> {
        let Self { incident, actor, note } = self;
        let mut tx = pool::begin(pool).await?;
        match acknowledge_incident(&mut tx, incident.event_id, actor, note).await? {
            Ok(()) => Ok(pool::commit(tx).await?),
            Err(refusal) => self.reject(pool, refusal.into()).await,
        }
    }

    /// Asks the app, by a callback, to do the work again.
    ///
    /// # Errors
    /// [`ActionError::Rejected`] while a reprocess runs, once the incident is resolved, and without a repair URL.
    pub async fn request_reprocess(self, pool: &PgPool) -> Result<ReplayId, ActionError> {
        let Self { incident, actor, note } = self;
        let replay_id = reprocesses::new_id();
        let wanted = Wanted { replay_id, actor, note, signal: true };
        let mut tx = pool::begin(pool).await?;
        match request_reprocess(&mut tx, incident.event_id, wanted).await? {
            Ok(()) => {
                pool::commit(tx).await?;
                Ok(replay_id)
            }
            Err(refusal) => self.reject(pool, refusal.into()).await,
        }
    }

    /// Resolves the incident manually. A reprocess that runs ends with it.
    ///
    /// # Errors
    /// [`ActionError::Rejected`] if it is resolved.
    pub async fn resolve(self, pool: &PgPool) -> Result<(), ActionError> {
        let Self { incident, actor, note } = self;
        let resolving = Resolving { actor, note, signal: true };
        let mut tx = pool::begin(pool).await?;
        match resolve_incident(&mut tx, incident.event_id, resolving).await? {
            ResolveAnswer::Resolved => Ok(pool::commit(tx).await?),
            ResolveAnswer::AlreadyResolved => self.reject(pool, Rejection::Resolved(None)).await,
            ResolveAnswer::NoIncident => Err(Rejection::NoIncident.into()),
        }
    }

    /// Adds who was faster.
    async fn reject<T>(self, pool: &PgPool, rejection: Rejection) -> Result<T, ActionError> {
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
            Rejection::NoIncident | Rejection::NoRepairUrl => rejection,
        }))
    }
}

/// Who did last what is looked for.
async fn find_earlier(
    pool: &PgPool,
    event_id: EventId,
    is: impl Fn(&AuditEvent) -> bool,
) -> Result<Option<Earlier>, StoreError> {
    let found = timeline::find_latest(pool, event_id, is).await?;
    Ok(found.map(|entry| Earlier { actor: entry.actor, ago: OffsetDateTime::now_utc() - entry.at }))
}
