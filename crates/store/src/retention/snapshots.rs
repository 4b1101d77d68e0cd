//! Snapshots that were kept for as many days as their project says. The event stays. One that a callback still has to
//! carry waits for its last attempt. How many went is counted by project and day as well, in the same transaction.

use domain::ids::{EventId, ProjectId};
use time::OffsetDateTime;
use uuid::Uuid;

use super::scan::{LastEvent, ProjectScan};
use super::{Batch, MonthRows, begin_batch, begin_count, count_of};
use crate::{PgConnection, PgPool, StoreError};

pub(super) async fn count_due(pool: &PgPool) -> Result<Vec<MonthRows>, StoreError> {
    let mut tx = begin_count(pool).await?;
    let rows = sqlx::query_as!(
        MonthRows,
        r#"SELECT 'payment_events' AS "table!", date_trunc('month', e.received_at AT TIME ZONE 'UTC')::date AS "month!",
               count(*) AS "rows!"
           FROM projects p CROSS JOIN LATERAL (
               SELECT e.received_at FROM payment_events e
               WHERE e.project_id = p.id AND e.snapshot IS NOT NULL
                 AND e.received_at < now() - make_interval(days => p.snapshot_days)
                 AND NOT EXISTS (
                     SELECT FROM reprocesses r
                     WHERE r.event_id = e.id AND r.with_snapshot AND r.state IN ('requested', 'delivering'))) AS e
           GROUP BY 2"#,
    );
    Ok(rows.fetch_all(&mut *tx).await?)
}

pub(super) async fn delete_batch(
    pool: &PgPool,
    scan: &mut ProjectScan<LastEvent>,
    most: i64,
) -> Result<Batch, StoreError> {
    let mut tx = begin_batch(pool).await?;
    let due = scan.next_events(&mut tx, most, lock_due).await?;
    let gone = delete(&mut tx, &due).await?;
    tx.commit().await?;
    let is_full = count_of("payment_events", &gone) >= most;
    Ok(Batch { is_last: due.is_empty(), is_full, gone })
}

/// The next of a project that are due, except those that another transaction has locked.
async fn lock_due(
    tx: &mut PgConnection,
    project_id: ProjectId,
    after: Option<LastEvent>,
    most: i64,
) -> Result<Vec<LastEvent>, StoreError> {
    let (received_at, id) =
        after.unwrap_or((OffsetDateTime::UNIX_EPOCH, EventId::from_uuid(Uuid::nil())));
    let due = sqlx::query!(
        "SELECT e.id, e.received_at FROM payment_events e
         WHERE e.project_id = $1 AND e.snapshot IS NOT NULL AND (e.received_at, e.id) > ($2, $3)
           AND e.received_at < now() - make_interval(days => (SELECT snapshot_days FROM projects WHERE id = $1))
           AND NOT EXISTS (
               SELECT FROM reprocesses r
               WHERE r.event_id = e.id AND r.with_snapshot AND r.state IN ('requested', 'delivering'))
         ORDER BY e.received_at, e.id LIMIT $4 FOR UPDATE OF e SKIP LOCKED",
        project_id.as_uuid(),
        received_at,
        id.as_uuid(),
        most,
    )
    .fetch_all(tx)
    .await?;
    Ok(due.into_iter().map(|row| (row.received_at, row.id)).collect())
}

/// A reprocess that began before its event was locked is seen by this statement, though not by the one before.
async fn delete(tx: &mut PgConnection, due: &[EventId]) -> Result<Vec<MonthRows>, StoreError> {
    let gone = sqlx::query_as!(
        MonthRows,
        r#"WITH gone AS (
               UPDATE payment_events e SET snapshot = NULL
               WHERE e.id = ANY ($1) AND NOT EXISTS (
                   SELECT FROM reprocesses r
                   WHERE r.event_id = e.id AND r.with_snapshot AND r.state IN ('requested', 'delivering'))
               RETURNING e.project_id, e.received_at
           ), counted AS (
               INSERT INTO snapshot_purges AS purges (project_id, day, snapshots)
               SELECT project_id, (now() AT TIME ZONE 'UTC')::date, count(*) FROM gone
               GROUP BY project_id ORDER BY project_id
               ON CONFLICT ON CONSTRAINT snapshot_purges_pkey DO UPDATE
               SET snapshots = purges.snapshots + excluded.snapshots, last_at = now()
           )
           SELECT 'payment_events' AS "table!", date_trunc('month', received_at AT TIME ZONE 'UTC')::date AS "month!",
               count(*) AS "rows!"
           FROM gone GROUP BY 2"#,
        due as &[EventId],
    )
    .fetch_all(tx)
    .await?;
    Ok(gone)
}
