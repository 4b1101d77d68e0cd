//! How many receipts came in which hour, by project and event type: what a silence is told by.
//!
//! They are added up from the events as the daily figures are ([`crate::roll_ups`]), so that
//! receipts themselves cost nothing more. What came in the last quarter of an hour is not in them.

use std::collections::BTreeMap;

use domain::ids::ProjectId;
use domain::silence::HISTORY;
use sqlx::PgExecutor;
use time::{Duration, OffsetDateTime};

use crate::search::floor_id;
use crate::{PgPool, StoreError, roll_ups};

/// How much is counted in one statement. After an upgrade eight weeks are, of whatever size.
const STRETCH: Duration = Duration::minutes(10);

/// Adds up the next stretch of time, at most ten minutes. `true` if there may be more to do.
pub async fn roll_up(pool: &PgPool) -> Result<bool, StoreError> {
    let next = roll_ups::begin(pool, "receipt_hours", STRETCH).await?;
    let Some(mut stretch) = next else { return Ok(false) };
    sqlx::query!(
        "INSERT INTO receipt_hours AS known (project_id, event_type, hour, receipts)
         SELECT project_id, event_type, date_trunc('hour', received_at, 'UTC'), count(*)
         FROM payment_events WHERE id >= $1 AND id < $2 GROUP BY 1, 2, 3
         ON CONFLICT ON CONSTRAINT receipt_hours_pkey DO UPDATE SET receipts = known.receipts + excluded.receipts",
        floor_id(stretch.from),
        floor_id(stretch.until),
    )
    .execute(&mut *stretch.tx)
    .await?;
    stretch.end().await
}

/// The counts of an event type, or of a whole project, by the hour's begin.
pub(crate) async fn load(
    db: impl PgExecutor<'_>,
    project_id: ProjectId,
    event_type: Option<&str>,
) -> Result<BTreeMap<OffsetDateTime, i64>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT hour, sum(receipts)::bigint AS "receipts!" FROM receipt_hours
           WHERE project_id = $1 AND ($2::text IS NULL OR event_type = $2) GROUP BY hour"#,
        project_id.as_uuid(),
        event_type,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.hour, row.receipts)).collect())
}

/// What is already added up, and until when.
#[derive(Debug)]
pub(crate) struct RolledUp {
    pub until: OffsetDateTime,
    /// How many receipts of a project came in the hour that began then.
    pub hours: Vec<ReceiptHour>,
}

/// How many events of a project were received in an hour.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReceiptHour {
    /// Its begin, in UTC.
    pub hour: OffsetDateTime,
    pub project_id: ProjectId,
    pub receipts: i64,
}

/// The counts of all projects since an hour, as far as they are added up.
pub(crate) async fn list_rolled_up(
    db: impl PgExecutor<'_>,
    since: OffsetDateTime,
) -> Result<RolledUp, StoreError> {
    // One statement, so that nothing is added between reading the one and the other.
    let rows = sqlx::query!(
        r#"SELECT r.rolled_until, h.hour AS "hour?", h.project_id AS "project_id?: ProjectId", h.receipts AS "receipts?"
           FROM roll_ups r LEFT JOIN (
               SELECT hour, project_id, sum(receipts)::bigint AS receipts FROM receipt_hours
               WHERE hour >= $1 GROUP BY hour, project_id) AS h ON true
           WHERE r.name = 'receipt_hours'"#,
        since,
    )
    .fetch_all(db)
    .await?;
    let until = rows.first().ok_or(StoreError::Missing("roll_ups"))?.rolled_until;
    let hours = rows.into_iter().filter_map(|row| {
        Some(ReceiptHour { hour: row.hour?, project_id: row.project_id?, receipts: row.receipts? })
    });
    Ok(RolledUp { until, hours: hours.collect() })
}

/// The counts of what has come since a moment.
pub(crate) async fn list_since(
    db: impl PgExecutor<'_>,
    since: OffsetDateTime,
) -> Result<Vec<ReceiptHour>, StoreError> {
    let hours = sqlx::query_as!(
        ReceiptHour,
        r#"SELECT date_trunc('hour', received_at, 'UTC') AS "hour!", project_id, count(*) AS "receipts!"
           FROM payment_events WHERE id >= $1 GROUP BY 1, 2"#,
        floor_id(since),
    )
    .fetch_all(db)
    .await?;
    Ok(hours)
}

/// Of the events received since a moment, those that still wait for their result.
pub(crate) async fn list_pending(
    db: impl PgExecutor<'_>,
    since: OffsetDateTime,
) -> Result<Vec<ReceiptHour>, StoreError> {
    let hours = sqlx::query_as!(
        ReceiptHour,
        r#"SELECT waiting.hour AS "hour!", p.id AS "project_id!: ProjectId", waiting.receipts AS "receipts!"
           FROM projects p CROSS JOIN LATERAL (
               SELECT date_trunc('hour', e.received_at, 'UTC') AS hour, count(*) AS receipts FROM payment_events e
               WHERE e.project_id = p.id AND e.effect = 'pending' AND e.id > $1 GROUP BY 1) AS waiting"#,
        floor_id(since),
    )
    .fetch_all(db)
    .await?;
    Ok(hours)
}

/// Forgets counts that nothing looks back to.
pub async fn delete_old(db: impl PgExecutor<'_>) -> Result<(), StoreError> {
    sqlx::query!(
        "DELETE FROM receipt_hours WHERE hour < now() - make_interval(secs => $1)",
        HISTORY.as_seconds_f64(),
    )
    .execute(db)
    .await?;
    Ok(())
}
