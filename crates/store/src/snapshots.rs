//! Snapshots once they are kept: opening one, and what is known of those that are due or went.
//!
//! A snapshot is due when its project's days have passed since the receipt, whatever they were when it came. It
//! stays beyond that only while a callback that carries it is being delivered, so that every attempt sends the
//! same bytes. Retention deletes them.

use domain::ids::{EventId, ProjectId};
use sqlx::PgExecutor;
use time::{Date, OffsetDateTime};

use crate::seal::{Cell, Head, MasterKey, SealError, Version};
use crate::{PgConnection, StoreError, snapshot_keys};

/// So many due snapshots of a project are counted, and no more.
pub const COUNTED: i64 = 1_000;

/// The snapshot of an event, as the app sent it; `None` if none is kept.
///
/// # Errors
/// When the snapshot or its key does not open.
pub async fn find_snapshot(
    db: &mut PgConnection,
    key: &MasterKey,
    event_id: EventId,
) -> Result<Option<String>, StoreError> {
    let row = sqlx::query!(
        r#"SELECT project_id, snapshot AS "snapshot!" FROM payment_events WHERE id = $1 AND snapshot IS NOT NULL"#,
        event_id.as_uuid(),
    )
    .fetch_optional(&mut *db)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let cell = Cell::snapshot(row.project_id, event_id);
    let text = if Head::read(&row.snapshot)?.version == Version::Three {
        let mut keys = snapshot_keys::find(db, key, &[row.project_id]).await?;
        let key = keys.remove(&row.project_id).ok_or(SealError::Damaged)??;
        key.open(&cell, &row.snapshot)?
    } else {
        // As releases before sealed it.
        key.open(&cell, &row.snapshot)?
    };
    Ok(Some(String::from_utf8(text).map_err(|_| SealError::Damaged)?))
}

/// Until when the snapshot of an event is kept; `None` if none is.
pub async fn find_due_at(
    db: impl PgExecutor<'_>,
    event_id: EventId,
) -> Result<Option<OffsetDateTime>, StoreError> {
    let due_at = sqlx::query_scalar!(
        r#"SELECT e.received_at + make_interval(days => p.snapshot_days) AS "due_at!"
           FROM payment_events e JOIN projects p ON p.id = e.project_id
           WHERE e.id = $1 AND e.snapshot IS NOT NULL"#,
        event_id.as_uuid(),
    )
    .fetch_optional(db)
    .await?;
    Ok(due_at)
}

/// How many snapshots of a project are due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueSnapshots {
    pub project_id: ProjectId,
    /// Counted up to [`COUNTED`].
    pub snapshots: i64,
    /// Since when the oldest of them is due.
    pub since: OffsetDateTime,
}

/// The projects of which snapshots are due.
pub async fn count_due(db: impl PgExecutor<'_>) -> Result<Vec<DueSnapshots>, StoreError> {
    let due = sqlx::query_as!(
        DueSnapshots,
        r#"SELECT p.id AS project_id, count(*) AS "snapshots!", min(due.due_at) AS "since!"
           FROM projects p CROSS JOIN LATERAL (
               SELECT e.received_at + make_interval(days => p.snapshot_days) AS due_at FROM payment_events e
               WHERE e.project_id = p.id AND e.snapshot IS NOT NULL
                 AND e.received_at < now() - make_interval(days => p.snapshot_days)
               ORDER BY e.received_at LIMIT $1) AS due
           GROUP BY p.id ORDER BY p.id"#,
        COUNTED,
    )
    .fetch_all(db)
    .await?;
    Ok(due)
}

/// What was deleted of a project on its last day of deletions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotPurge {
    pub project_id: ProjectId,
    /// In UTC.
    pub day: Date,
    /// How many on that day.
    pub snapshots: i64,
    /// When the last ones were.
    pub last_at: OffsetDateTime,
    /// How many on all days together.
    pub total: i64,
}

/// The last deletions of each project that had any.
pub async fn list_last_purges(db: impl PgExecutor<'_>) -> Result<Vec<SnapshotPurge>, StoreError> {
    let purges = sqlx::query_as!(
        SnapshotPurge,
        r#"SELECT DISTINCT ON (project_id) project_id, day, snapshots, last_at,
               (sum(snapshots) OVER (PARTITION BY project_id))::bigint AS "total!"
           FROM snapshot_purges ORDER BY project_id, day DESC"#,
    )
    .fetch_all(db)
    .await?;
    Ok(purges)
}
