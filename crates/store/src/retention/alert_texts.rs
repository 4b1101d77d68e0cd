//! What destinations responded to alerts that they took. The alert itself leaves with its event.

use time::OffsetDateTime;

use super::{Batch, GoneRows, begin_batch};
use crate::{PgPool, StoreError};

super::macros::count_by_age!(
    "alerts",
    "finished_at",
    "state = 'delivered' AND last_answer IS NOT NULL AND finished_at < now() - interval '30 days'"
);

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
