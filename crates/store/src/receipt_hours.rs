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
