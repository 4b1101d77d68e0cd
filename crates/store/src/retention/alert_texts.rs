//! What destinations responded to alerts that they took. The alert itself leaves with its event.

use time::OffsetDateTime;

use super::{Batch, GoneRows, MonthRows, begin_batch, begin_count};
use crate::{PgPool, StoreError};

pub(super) async fn count_due(pool: &PgPool) -> Result<Vec<MonthRows>, StoreError> {
    let mut tx = begin_count(pool).await?;
    let rows = sqlx::query_as!(
        MonthRows,
        r#"SELECT 'alerts' AS "table!", date_trunc('month', finished_at AT TIME ZONE 'UTC')::date AS "month!",
               count(*) AS "rows!"
           FROM alerts WHERE state = 'delivered' AND last_answer IS NOT NULL AND finished_at < now() - interval '30 days'
           GROUP BY 2"#,
    );
    Ok(rows.fetch_all(&mut *tx).await?)
}

pub(super) async fn delete_batch(
    pool: &PgPool,
    since: &mut OffsetDateTime,
    most: i64,
) -> Result<Batch, StoreError> {
    let mut tx = begin_batch(pool).await?;
    let gone = sqlx::query_as!(
        GoneRows,
        r#"WITH gone AS (
               UPDATE alerts SET last_answer = NULL WHERE id = ANY (ARRAY(
                   SELECT id FROM alerts
                   WHERE state = 'delivered' AND last_answer IS NOT NULL AND finished_at < now() - interval '30 days'
                     AND finished_at >= $2
                   ORDER BY finished_at LIMIT $1 FOR UPDATE SKIP LOCKED))
               RETURNING finished_at
           )
           SELECT 'alerts' AS "table!", date_trunc('month', finished_at AT TIME ZONE 'UTC')::date AS "month!",
               count(*) AS "rows!", max(finished_at) AS last
           FROM gone GROUP BY 2"#,
        most,
        *since,
    )
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(Batch::since(since, most, gone, "alerts"))
}
