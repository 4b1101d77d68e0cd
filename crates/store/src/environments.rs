//! Which installation a database is, and which workers poll for it.
//!
//! The id is made by a migration and goes with every backup: a restored database is the same
//! installation, a fresh one is another. A worker's heartbeat says that it reached both the
//! database and Temporal a moment ago; one that was killed says nothing any more, one that ended in
//! order said so. [`purge_heartbeats`] forgets either after a day, but for the one that was seen
//! last. The clock is the database's.

use sqlx::PgExecutor;
use uuid::Uuid;

use crate::StoreError;

/// One run of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkerRun(Uuid);

impl WorkerRun {
    /// A run that begins now.
    #[must_use]
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }
}

impl Default for WorkerRun {
    fn default() -> Self {
        Self::new()
    }
}

/// The id of this database's installation.
///
/// # Errors
/// When the migration that makes the id has not run.
pub async fn find_id(db: impl PgExecutor<'_>) -> Result<String, StoreError> {
    let id = sqlx::query_scalar!("SELECT id FROM environments").fetch_optional(db).await?;
    Ok(id.ok_or(StoreError::Missing("environments"))?.to_string())
}

/// Says that a worker of this release polls this task queue.
pub async fn beat(
    db: impl PgExecutor<'_>,
    run: WorkerRun,
    namespace: &str,
    task_queue: &str,
    release: &str,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO worker_heartbeats (id, namespace, task_queue, release) VALUES ($1, $2, $3, $4)
         ON CONFLICT (id) DO UPDATE SET seen_at = now()",
        run.0,
        namespace,
        task_queue,
        release,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Whether a worker of this task queue said so within two beats and a half. That is sooner than it counts
/// as gone: who asks loses nothing by a worker that is only late.
pub async fn is_polled(
    db: impl PgExecutor<'_>,
    namespace: &str,
    task_queue: &str,
) -> Result<bool, StoreError> {
    let polled = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM worker_heartbeats WHERE namespace = $1 AND task_queue = $2
               AND ended_at IS NULL AND abs(extract(epoch FROM now() - seen_at)) < 25) AS "polled!""#,
        namespace,
        task_queue,
    )
    .fetch_one(db)
    .await?;
    Ok(polled)
}

/// Notes that a worker has ended in order.
pub async fn end_heartbeat(db: impl PgExecutor<'_>, run: WorkerRun) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE worker_heartbeats SET seen_at = now(), ended_at = now() WHERE id = $1",
        run.0,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Forgets workers that were last seen a day ago, but for the last one of each task queue.
pub async fn purge_heartbeats(db: impl PgExecutor<'_>) -> Result<(), StoreError> {
    sqlx::query!(
        "DELETE FROM worker_heartbeats old WHERE seen_at < now() - interval '1 day' AND EXISTS (
             SELECT FROM worker_heartbeats later
             WHERE later.namespace = old.namespace AND later.task_queue = old.task_queue
               AND (later.seen_at, later.id) > (old.seen_at, old.id))"
    )
    .execute(db)
    .await?;
    Ok(())
}
