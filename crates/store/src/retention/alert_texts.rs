//! What destinations responded to alerts that they took. The alert itself leaves with its event.

use super::{Batch, MonthRows, begin_batch, begin_count};
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

pub(super) async fn delete_batch(pool: &PgPool, most: i64) -> Result<Batch, StoreError> {
    let mut tx = begin_batch(pool).await?;
    let gone = sqlx::query_as!(
        MonthRows,
        r#"WITH gone AS (
               UPDATE alerts SET last_answer = NULL WHERE id = ANY (ARRAY(
                   SELECT id FROM alerts
                   WHERE state = 'delivered' AND last_answer IS NOT NULL AND finished_at < now() - interval '30 days'
                   ORDER BY finished_at LIMIT $1 FOR UPDATE SKIP LOCKED))
               RETURNING finished_at
           )
           SELECT 'alerts' AS "table!", date_trunc('month', finished_at AT TIME ZONE 'UTC')::date AS "month!",
               count(*) AS "rows!"
           FROM gone GROUP BY 2"#,
        most,
    )
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(Batch::of_at_most(most, gone, "alerts"))
}
