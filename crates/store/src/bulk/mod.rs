//! Bulk reprocesses: what is frozen in them, how far they are, and who steers them. So are many
//! incidents acknowledged and resolved; those keep no pace.
//!
//! Everything that decides is here, under the lock of the bulk reprocess: its workflow in Temporal
//! only asks again and again for the next [`step`]. Each incident is started in a transaction of its
//! own, together with its item, so that a process which dies anywhere has started it or has not. One
//! that is lost with Temporal's data is started again by the sweep ([`dispatch`]).
//!
//! What concerns several projects is a *set* ([`create_set`]): a bulk for each of them, frozen together and started
//! together. From then on each goes its own way.

mod change;
mod create;
pub mod dispatch;
mod items;
mod set;
mod steer;
mod step;
mod summary;

use std::collections::BTreeMap;

use domain::bulk::{BulkAction, BulkCounts, BulkSettings, BulkState, SeenBefore};
use domain::ids::{BulkId, BulkSetId, CauseId, ProjectId};
use sqlx::PgExecutor;
use time::OffsetDateTime;

pub use create::{NewBulk, Preview, PreviewRejection, Selection, create_preview};
pub use items::{BulkItem, list_failed, list_items, list_set_items};
pub use set::{NewSet, create_set, list_failures_of, start_set, steer_set};
pub use steer::{SteerRejection, start, steer};
pub use step::{Step, step};
pub use summary::{Summary, summarize_items};

use crate::StoreError;

/// How many bulk reprocesses of a project are listed.
pub const MAX_LISTED: i64 = 100;

/// A bulk reprocess.
#[derive(Debug, Clone)]
pub struct Bulk {
    pub id: BulkId,
    pub project_id: ProjectId,
    /// What is done to each incident.
    pub action: BulkAction,
    /// What all of its incidents have in common, if it was made of a cause.
    pub cause_id: Option<CauseId>,
    /// The one whose failures it takes up.
    pub retry_of: Option<BulkId>,
    /// The others that it was frozen with, and starts with.
    pub set_id: Option<BulkSetId>,
    pub state: BulkState,
    /// Who made it, as in the audit.
    pub requested_by: String,
    pub note: Option<String>,
    /// Why it is paused, if it paused by itself.
    pub why: Option<String>,
    /// How many incidents it has.
    pub items: i32,
    pub excluded: Excluded,
    /// How many more there were than one takes.
    pub left_over: i64,
    /// Of one that was started and keeps a pace.
    pub settings: Option<BulkSettings>,
    seen: SeenBefore,
    pub created_at: OffsetDateTime,
    pub started_at: Option<OffsetDateTime>,
    pub ended_at: Option<OffsetDateTime>,
}

/// How many were left out of the preview, and why.
#[derive(Debug, Clone, Copy)]
pub struct Excluded {
    /// Their reprocess ran.
    pub running: i64,
    /// Their reprocess takes something from the customer.
    pub taking: i64,
    /// They were named, and resolved already.
    pub resolved: i64,
    /// They were acknowledged already, where that is what would be done.
    pub acknowledged: i64,
    /// They are of a set, and their project cannot reprocess.
    pub no_repair_url: i64,
}

/// Reads bulk reprocesses; what follows `FROM bulk_reprocesses` is the caller's.
macro_rules! query_bulks {
    ($tail:literal, $($argument:expr),+) => {
        sqlx::query!(
            "SELECT id, project_id, action, cause, retry_of, set_id, state, requested_by, note, why, items, excluded_running,
                 excluded_taking, excluded_resolved, excluded_acknowledged, excluded_no_repair_url, left_over, canary, per_minute, stop_percent, seen_ended, seen_failed, created_at, started_at, ended_at
             FROM bulk_reprocesses " + $tail,
            $($argument),+
        )
        .map(|row| Bulk {
            id: row.id,
            project_id: row.project_id,
            action: row.action,
            cause_id: row.cause,
            retry_of: row.retry_of,
            set_id: row.set_id,
            state: row.state,
            requested_by: row.requested_by,
            note: row.note,
            why: row.why,
            items: row.items,
            excluded: Excluded {
                running: row.excluded_running,
                taking: row.excluded_taking,
                resolved: row.excluded_resolved,
                acknowledged: row.excluded_acknowledged,
                no_repair_url: row.excluded_no_repair_url,
            },
            left_over: row.left_over,
            settings: match (row.canary, row.per_minute, row.stop_percent) {
                (Some(canary), Some(per_minute), Some(stop_percent)) => {
                    Some(BulkSettings { canary, per_minute, stop_percent })
                }
                _ => None,
            },
            seen: SeenBefore { ended: row.seen_ended, failed: row.seen_failed },
            created_at: row.created_at,
            started_at: row.started_at,
            ended_at: row.ended_at,
        })
    };
}

pub async fn find_bulk(db: impl PgExecutor<'_>, id: BulkId) -> Result<Option<Bulk>, StoreError> {
    Ok(query_bulks!("WHERE id = $1", id.as_uuid()).fetch_optional(db).await?)
}

/// Those of a set, in the order in which they were frozen. None of one that is not there, or was forgotten.
pub async fn list_set(db: impl PgExecutor<'_>, id: BulkSetId) -> Result<Vec<Bulk>, StoreError> {
    Ok(query_bulks!("WHERE set_id = $1 ORDER BY id", id.as_uuid()).fetch_all(db).await?)
}

/// The same, to be changed.
async fn lock_set(db: impl PgExecutor<'_>, id: BulkSetId) -> Result<Vec<Bulk>, StoreError> {
    let bulks = query_bulks!("WHERE set_id = $1 ORDER BY id FOR NO KEY UPDATE", id.as_uuid());
    Ok(bulks.fetch_all(db).await?)
}

/// Those of a project that were started, the newest first, at most [`MAX_LISTED`].
pub async fn list_bulks(
    db: impl PgExecutor<'_>,
    project_id: ProjectId,
) -> Result<Vec<Bulk>, StoreError> {
    let bulks = query_bulks!(
        "WHERE project_id = $1 AND started_at IS NOT NULL ORDER BY id DESC LIMIT $2",
        project_id.as_uuid(),
        MAX_LISTED
    );
    Ok(bulks.fetch_all(db).await?)
}

/// Those of these projects that run or are paused, the newest first, at most so many.
pub async fn list_under_way(
    db: impl PgExecutor<'_>,
    project_ids: &[ProjectId],
    limit: i64,
) -> Result<Vec<Bulk>, StoreError> {
    let bulks = query_bulks!(
        "WHERE project_id = ANY ($1) AND state IN ('running', 'paused') ORDER BY id DESC LIMIT $2",
        project_ids as &[ProjectId],
        limit
    );
    Ok(bulks.fetch_all(db).await?)
}

/// A bulk reprocess, to be changed: whoever locks it waits for a step that is under way.
async fn lock_bulk(db: impl PgExecutor<'_>, id: BulkId) -> Result<Option<Bulk>, StoreError> {
    Ok(query_bulks!("WHERE id = $1 FOR NO KEY UPDATE", id.as_uuid()).fetch_optional(db).await?)
}

/// How many of its incidents are in each state.
pub async fn count_items(db: impl PgExecutor<'_>, id: BulkId) -> Result<BulkCounts, StoreError> {
    Ok(count_items_of(db, &[id]).await?.remove(&id).unwrap_or_default())
}

/// The same for each of these; one without incidents is left out.
pub async fn count_items_of(
    db: impl PgExecutor<'_>,
    ids: &[BulkId],
) -> Result<BTreeMap<BulkId, BulkCounts>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT bulk_id, state, count(*) AS "items!"
           FROM bulk_reprocess_items WHERE bulk_id = ANY ($1) GROUP BY bulk_id, state"#,
        ids as &[BulkId],
    )
    .fetch_all(db)
    .await?;
    let mut counts = BTreeMap::<BulkId, BulkCounts>::new();
    for row in rows {
        *counts.entry(row.bulk_id).or_default().of_mut(row.state) = row.items;
    }
    Ok(counts)
}

/// Deletes what was never started within a day, sets as a whole: whoever starts one in the meantime has all of it
/// or none.
pub async fn purge_previews(db: impl PgExecutor<'_>) -> Result<u64, StoreError> {
    let purged = sqlx::query!(
        "WITH old AS (
             SELECT id, set_id FROM bulk_reprocesses WHERE state = 'preview' AND created_at < now() - interval '1 day'
             ORDER BY created_at LIMIT 10),
         due AS (
             SELECT id FROM bulk_reprocesses
             WHERE state = 'preview' AND (id IN (SELECT id FROM old) OR set_id IN (SELECT set_id FROM old))
             ORDER BY id FOR UPDATE)
         DELETE FROM bulk_reprocesses WHERE id IN (SELECT id FROM due)",
    );
    Ok(purged.execute(db).await?.rows_affected())
}
