//! What people do to a bulk reprocess: start it, pause it, let it go on, cancel it.
//!
//! Each is one transaction with its audit entry, under the lock that steps take. What had started
//! goes on by itself whatever is done here.

use domain::audit::detail::{BulkDetail, BulkEndDetail, BulkStartedDetail};
use domain::audit::{Actor, AuditEvent};
use domain::bulk::{BulkCounts, BulkSettings, BulkState, Steering};
use domain::ids::{BulkId, BulkSetId};

use super::step::settle;
use super::{Bulk, count_items, lock_bulk};
use crate::audit::{self, Subject};
use crate::{ChangeError, PgConnection, StoreError};

/// Why a bulk reprocess was not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SteerRejection {
    #[error("there is no such bulk reprocess")]
    NoBulk,
    #[error("it has no incident: nothing would be done")]
    Empty,
    #[error("it starts with its set {0}")]
    OfSet(BulkSetId),
    /// It is in a state that does not allow it.
    #[error("it is {0}")]
    State(BulkState),
}

/// Starts what was frozen, but for what belongs to a set. Its workflow is started once this is committed. Only what
/// keeps a pace takes the settings.
pub async fn start(
    tx: &mut PgConnection,
    id: BulkId,
    actor: &Actor,
    settings: BulkSettings,
    note: &str,
) -> Result<(), ChangeError<SteerRejection>> {
    let bulk = lock(tx, id).await?;
    if bulk.state != BulkState::Preview {
        return Err(ChangeError::Rejected(SteerRejection::State(bulk.state)));
    }
    if bulk.items == 0 {
        return Err(ChangeError::Rejected(SteerRejection::Empty));
    }
    if let Some(set_id) = bulk.set_id {
        return Err(ChangeError::Rejected(SteerRejection::OfSet(set_id)));
    }
    Ok(begin(tx, &bulk, actor, settings, note).await?)
}

/// The same of one that is locked and may start.
pub(super) async fn begin(
    tx: &mut PgConnection,
    bulk: &Bulk,
    actor: &Actor,
    settings: BulkSettings,
    note: &str,
) -> Result<(), StoreError> {
    let pace = bulk.action.is_paced().then_some(settings);
    sqlx::query!(
        "UPDATE bulk_reprocesses SET state = 'running', requested_by = $2, note = $3, canary = $4, per_minute = $5,
             stop_percent = $6, started_at = now(), next_at = now(), stepped_at = now(), dispatch_at = now() WHERE id = $1",
        bulk.id.as_uuid(),
        actor.to_string(),
        note,
        pace.map(|pace| pace.canary),
        pace.map(|pace| pace.per_minute),
        pace.map(|pace| pace.stop_percent),
    )
    .execute(&mut *tx)
    .await?;
    let started = AuditEvent::BulkStarted(BulkStartedDetail {
        bulk_id: bulk.id,
        action: pace.is_none().then_some(bulk.action),
        incidents: bulk.items.into(),
        cause_id: bulk.cause_id,
        pace,
        note: note.to_owned(),
    });
    audit::record(tx, actor, Subject::project(bulk.project_id), &started).await
}

/// Pauses, resumes or cancels. What is so already stays so and is no error, so that it may be said
/// twice.
pub async fn steer(
    tx: &mut PgConnection,
    id: BulkId,
    actor: &Actor,
    steering: Steering,
) -> Result<(), ChangeError<SteerRejection>> {
    let bulk = lock(tx, id).await?;
    steer_locked(tx, &bulk, actor, steering).await
}

/// The same of one that is locked.
pub(super) async fn steer_locked(
    tx: &mut PgConnection,
    bulk: &Bulk,
    actor: &Actor,
    steering: Steering,
) -> Result<(), ChangeError<SteerRejection>> {
    let done = match (steering, bulk.state) {
        (Steering::Pause, BulkState::Running) => pause(tx, bulk, actor, None).await,
        (Steering::Resume, BulkState::Paused) => resume(tx, bulk, actor).await,
        (Steering::Cancel, BulkState::Running | BulkState::Paused) => {
            let counts = count_settled(tx, bulk.id).await?;
            end(tx, bulk, actor, BulkState::Canceled, counts).await
        }
        (Steering::Pause, BulkState::Paused)
        | (Steering::Resume, BulkState::Running)
        | (Steering::Cancel, BulkState::Canceled) => Ok(()),
        (_, BulkState::Preview | BulkState::Done)
        | (Steering::Pause | Steering::Resume, BulkState::Canceled) => {
            return Err(ChangeError::Rejected(SteerRejection::State(bulk.state)));
        }
    };
    Ok(done?)
}

async fn lock(tx: &mut PgConnection, id: BulkId) -> Result<Bulk, ChangeError<SteerRejection>> {
    let bulk = lock_bulk(tx, id).await?;
    bulk.ok_or(ChangeError::Rejected(SteerRejection::NoBulk))
}

/// `why` where it pauses by itself.
pub(super) async fn pause(
    tx: &mut PgConnection,
    bulk: &Bulk,
    actor: &Actor,
    why: Option<String>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE bulk_reprocesses SET state = 'paused', why = $2 WHERE id = $1",
        bulk.id.as_uuid(),
        why,
    )
    .execute(&mut *tx)
    .await?;
    let paused = AuditEvent::BulkPaused(BulkDetail { bulk_id: bulk.id, why });
    audit::record(tx, actor, Subject::project(bulk.project_id), &paused).await
}

/// What has failed so far was seen by whoever lets it go on, also since the last step.
async fn resume(tx: &mut PgConnection, bulk: &Bulk, actor: &Actor) -> Result<(), StoreError> {
    let counts = count_settled(tx, bulk.id).await?;
    sqlx::query!(
        "UPDATE bulk_reprocesses SET state = 'running', why = NULL, seen_ended = $2, seen_failed = $3, next_at = now(),
             stepped_at = now(), dispatch_at = now() WHERE id = $1",
        bulk.id.as_uuid(),
        counts.ended(),
        counts.failed,
    )
    .execute(&mut *tx)
    .await?;
    let resumed = AuditEvent::BulkResumed(BulkDetail { bulk_id: bulk.id, why: None });
    audit::record(tx, actor, Subject::project(bulk.project_id), &resumed).await
}

/// What is in each state by now: a step may be a minute ago.
async fn count_settled(tx: &mut PgConnection, id: BulkId) -> Result<BulkCounts, StoreError> {
    settle(tx, id).await?;
    count_items(tx, id).await
}

pub(super) async fn end(
    tx: &mut PgConnection,
    bulk: &Bulk,
    actor: &Actor,
    state: BulkState,
    counts: BulkCounts,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE bulk_reprocesses SET state = $2, why = NULL, ended_at = now() WHERE id = $1",
        bulk.id.as_uuid(),
        state.as_str(),
    )
    .execute(&mut *tx)
    .await?;
    let ended = AuditEvent::BulkEnded(BulkEndDetail {
        bulk_id: bulk.id,
        state,
        succeeded: counts.succeeded,
        failed: counts.failed,
        skipped: counts.skipped,
        waiting: counts.waiting,
    });
    audit::record(tx, actor, Subject::project(bulk.project_id), &ended).await
}
