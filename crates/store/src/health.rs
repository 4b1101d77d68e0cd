//! What the health checks ask the database. Each question is one statement, cheap enough to be
//! asked every few seconds: counts stop at [`COUNT_LIMIT`], each has an order so that Postgres
//! follows an index to that many and no further, and no address or id leaves here.

use std::time::Instant;

use sqlx::PgExecutor;
use time::OffsetDateTime;

use crate::outbox::NEEDED_SOON;
use crate::{MasterKey, StoreError};

/// Nothing is counted further than this.
pub const COUNT_LIMIT: i64 = 1_000;

/// How well the work gets done. Ages are in seconds; `None` where there is nothing of that kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WorkHealth {
    /// Pending events whose deadline passed more than two minutes ago.
    pub overdue_events: i64,
    /// How long ago the earliest of those deadlines was.
    pub overdue_for: Option<i64>,
    /// Messages that wait in the outbox.
    pub waiting: i64,
    /// The age of the oldest of them.
    pub waiting_for: Option<i64>,
    /// For how long one has waited that Temporal should have: what is due within a minute, since then, and
    /// what Temporal does not take. What has time may be held back on purpose.
    pub needed_for: Option<i64>,
    /// Messages that Temporal rejected and that are set aside.
    pub parked: i64,
    /// Destinations that stopped taking messages.
    pub broken_destinations: i64,
    /// Destinations that failed twice and more since the last message that they took: for half a
    /// minute at least, as they are left alone for longer each time.
    pub failing_destinations: i64,
    /// For how long the first of them has been failing.
    pub failing_for: Option<i64>,
    /// Live projects that have no destination.
    pub untold_projects: i64,
    /// E-mail destinations.
    pub email_destinations: i64,
}

/// The workers of this database, by their heartbeats.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WorkerHealth {
    /// Workers of the namespace and task queue that were seen a moment ago.
    pub polling: i64,
    /// The releases that they are of; `None` where one does not say.
    pub releases: Vec<Option<String>>,
    /// How many seconds ago the last one of them was seen.
    pub last_seen: Option<i64>,
    /// A namespace and task queue that other workers of this database were just seen in.
    pub elsewhere: Option<(String, String)>,
}

/// Asks how well the work gets done.
///
/// The oldest message is found without reading all, of which there are 100,000 after a burst: it is among
/// the first by id, because ids grow with time, or among the most urgent. The former are not those of messages
/// that an operator inserts as `docs/temporal.md` says; such a one is due when it is written.
pub async fn read_work(db: impl PgExecutor<'_>) -> Result<WorkHealth, StoreError> {
    let work = sqlx::query_as!(
        WorkHealth,
        r#"WITH used AS (
             SELECT d.* FROM destinations d JOIN projects p ON p.id = d.project_id
             WHERE d.removed_at IS NULL AND p.archived_at IS NULL),
           urgent AS (SELECT created_at, due_by, next_attempt_at, last_error FROM outbox
             WHERE parked_at IS NULL ORDER BY due_by, id LIMIT $1),
           oldest AS (SELECT created_at, due_by, next_attempt_at, last_error FROM outbox
             WHERE parked_at IS NULL ORDER BY id LIMIT $1),
           seen AS (SELECT * FROM urgent UNION ALL SELECT * FROM oldest)
           SELECT
             overdue.events AS "overdue_events!", extract(epoch FROM overdue.longest)::bigint AS overdue_for,
             (SELECT count(*) FROM urgent) AS "waiting!",
             (SELECT extract(epoch FROM now() - min(created_at))::bigint FROM seen) AS waiting_for,
             (SELECT extract(epoch FROM now() - min(CASE WHEN due_by < now() + make_interval(secs => $2)
                     THEN greatest(created_at, due_by - make_interval(secs => $2)) ELSE created_at END))::bigint
                  FROM seen WHERE due_by < now() + make_interval(secs => $2)
                      OR last_error IS NOT NULL AND next_attempt_at > now()) AS needed_for,
             (SELECT count(*) FROM (SELECT FROM outbox WHERE parked_at IS NOT NULL ORDER BY parked_at LIMIT $1) AS parked) AS "parked!",
             (SELECT count(*) FROM used WHERE broken_at IS NOT NULL) AS "broken_destinations!",
             (SELECT count(*) FROM used WHERE broken_at IS NULL AND failures >= 2) AS "failing_destinations!",
             (SELECT extract(epoch FROM now() - min(failing_since))::bigint FROM used
                  WHERE broken_at IS NULL AND failures >= 2) AS failing_for,
             (SELECT count(*) FROM projects p WHERE p.mode = 'live' AND p.archived_at IS NULL
                  AND NOT EXISTS (SELECT FROM used WHERE used.project_id = p.id)) AS "untold_projects!",
             (SELECT count(*) FROM destinations WHERE removed_at IS NULL AND kind = 'email') AS "email_destinations!"
           FROM (SELECT count(*) AS events, now() - min(due_at) AS longest FROM (
                  SELECT judged_at(timeout_at) AS due_at FROM payment_events
                  WHERE effect = 'pending' AND timeout_at < now() - interval '2 minutes'
                    AND judged_at(timeout_at) < now() - interval '2 minutes'
                  ORDER BY timeout_at LIMIT $1) AS late) AS overdue"#,
        COUNT_LIMIT,
        NEEDED_SOON.as_secs_f64(),
    )
    .fetch_one(db)
    .await?;
    Ok(work)
}

/// Asks which workers poll. One that ended in order, or was not seen for 45 s, four times its beat,
/// is gone; so is one that was seen later than now, by a clock that was set back since.
pub async fn read_workers(
    db: impl PgExecutor<'_>,
    namespace: &str,
    task_queue: &str,
) -> Result<WorkerHealth, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT namespace, task_queue, namespace = $1 AND task_queue = $2 AS "here!",
               count(*) FILTER (WHERE ended_at IS NULL AND abs(extract(epoch FROM now() - seen_at)) < 45) AS "polling!",
               coalesce(array_agg(DISTINCT coalesce(release, ''))
                   FILTER (WHERE ended_at IS NULL AND abs(extract(epoch FROM now() - seen_at)) < 45), '{}') AS "releases!",
               extract(epoch FROM now() - max(seen_at))::bigint AS "last_seen!"
           FROM worker_heartbeats GROUP BY namespace, task_queue ORDER BY max(seen_at) DESC"#,
        namespace,
        task_queue,
    )
    .fetch_all(db)
    .await?;
    let mut health = WorkerHealth::default();
    for row in rows {
        if row.here {
            (health.polling, health.last_seen) = (row.polling, Some(row.last_seen));
            let releases = row.releases.into_iter();
            health.releases = releases.map(|it| (!it.is_empty()).then_some(it)).collect();
        } else if row.polling > 0 {
            health.elsewhere.get_or_insert((row.namespace, row.task_queue));
        }
    }
    Ok(health)
}

/// By how many whole seconds the clock of this process is ahead of the database's; negative where it is behind. It is off by
/// half of what the question takes at most.
pub async fn read_clock_offset(db: impl PgExecutor<'_>) -> Result<i64, StoreError> {
    let (asked_at, asked) = (OffsetDateTime::now_utc(), Instant::now());
    let theirs = sqlx::query_scalar!(r#"SELECT clock_timestamp() AS "now!""#).fetch_one(db).await?;
    let ours = asked_at + asked.elapsed() / 2;
    Ok((ours - theirs).whole_seconds())
}

/// How many secrets that callbacks and alerts need are sealed with a key that is not among these.
/// Envelopes name their key. Of snapshots the keys of their projects are counted.
pub async fn count_foreign_secrets(
    db: impl PgExecutor<'_>,
    key: &MasterKey,
) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM (
               SELECT sealed FROM signing_secrets WHERE expires_at IS NULL OR expires_at > now()
               UNION ALL SELECT sealed FROM destinations WHERE sealed IS NOT NULL AND removed_at IS NULL
               UNION ALL SELECT s.sealed FROM destination_secrets s JOIN destinations d ON d.id = s.destination_id
               WHERE d.removed_at IS NULL AND (s.expires_at IS NULL OR s.expires_at > now())
               UNION ALL SELECT sealed FROM extensions WHERE sealed IS NOT NULL AND removed_at IS NULL
               UNION ALL SELECT sealed FROM callback_headers
               UNION ALL SELECT sealed FROM snapshot_keys
               UNION ALL SELECT sealed FROM reference_keys) AS secrets
           WHERE substring(sealed FROM 2 FOR 4) <> ALL ($1)"#,
        &key.ids().map(|id| id.as_bytes().to_vec()).collect::<Vec<_>>(),
    )
    .fetch_one(db)
    .await?;
    Ok(count)
}
