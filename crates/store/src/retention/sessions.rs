//! Sessions that ended, expired or were left alone.

use uuid::Uuid;

use super::{Batch, MonthRows, begin_batch, begin_count};
use crate::sessions::MAX_IDLE_HOURS;
use crate::{PgPool, StoreError};

pub(super) async fn count_due(pool: &PgPool) -> Result<Vec<MonthRows>, StoreError> {
    let mut tx = begin_count(pool).await?;
    let rows = sqlx::query_as!(
        MonthRows,
        r#"SELECT 'sessions' AS "table!", date_trunc('month', over_at AT TIME ZONE 'UTC')::date AS "month!", count(*) AS "rows!"
           FROM (SELECT least(ended_at, expires_at, last_seen_at + make_interval(hours => $1)) AS over_at FROM sessions) AS ends
           WHERE over_at < now() - interval '30 days' GROUP BY 2"#,
        MAX_IDLE_HOURS,
    );
    Ok(rows.fetch_all(&mut *tx).await?)
}

/// What ends is not in an order that an index has, so sessions are gone through by their id, once in a run.
pub(super) async fn delete_batch(
    pool: &PgPool,
    after: &mut Uuid,
    most: i64,
) -> Result<Batch, StoreError> {
    let mut tx = begin_batch(pool).await?;
    let gone = sqlx::query!(
        r#"WITH gone AS (
               DELETE FROM sessions WHERE id = ANY (ARRAY(
                   SELECT id FROM sessions
                   WHERE least(ended_at, expires_at, last_seen_at + make_interval(hours => $2)) < now() - interval '30 days'
                       AND id > $3
                   ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED))
               RETURNING id, least(ended_at, expires_at, last_seen_at + make_interval(hours => $2)) AS over_at
           )
           SELECT 'sessions' AS "table!", date_trunc('month', over_at AT TIME ZONE 'UTC')::date AS "month!", count(*) AS "rows!",
               (array_agg(id ORDER BY id DESC))[1] AS "last!: Uuid"
           FROM gone GROUP BY 2"#,
        most,
        MAX_IDLE_HOURS,
        *after,
    )
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    *after = gone.iter().map(|rows| rows.last).chain([*after]).max().unwrap_or(*after);
    let months = gone.into_iter().map(|rows| MonthRows {
        table: rows.table,
        month: rows.month,
        rows: rows.rows,
    });
    Ok(Batch::of_at_most(most, months.collect(), "sessions"))
}
