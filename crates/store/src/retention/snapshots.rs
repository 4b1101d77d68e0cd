//! Snapshots that were kept for as many days as their project says. The event stays. One that a callback still has to
//! carry waits for its last attempt. How many went is counted by project and day as well, in the same transaction.

use uuid::Uuid;

use super::{Batch, MonthRows, begin_batch, begin_count};
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

pub(super) async fn delete_batch(pool: &PgPool, most: i64) -> Result<Batch, StoreError> {
    let mut tx = begin_batch(pool).await?;
    let due = lock_due(&mut tx, most).await?;
    let gone = delete(&mut tx, &due).await?;
    tx.commit().await?;
    Ok(Batch::of_at_most(most, gone, "payment_events"))
}

async fn lock_due(tx: &mut PgConnection, most: i64) -> Result<Vec<Uuid>, StoreError> {
    let due = sqlx::query_scalar!(
        r#"SELECT e.id AS "id!: Uuid" FROM projects p CROSS JOIN LATERAL (
               SELECT e.id FROM payment_events e
               WHERE e.project_id = p.id AND e.snapshot IS NOT NULL
                 AND e.received_at < now() - make_interval(days => p.snapshot_days)
                 AND NOT EXISTS (
                     SELECT FROM reprocesses r
                     WHERE r.event_id = e.id AND r.with_snapshot AND r.state IN ('requested', 'delivering'))
               ORDER BY e.received_at LIMIT $1 FOR UPDATE OF e SKIP LOCKED) AS e
           LIMIT $1"#,
        most,
    )
    .fetch_all(tx)
    .await?;
    Ok(due)
}

/// A reprocess that began before its event was locked is seen by this statement, though not by the one before.
async fn delete(tx: &mut PgConnection, due: &[Uuid]) -> Result<Vec<MonthRows>, StoreError> {
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
        due,
    )
    .fetch_all(tx)
    .await?;
    Ok(gone)
}
