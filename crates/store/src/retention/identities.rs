//! What is left of events that went, by the owner's `purge_identities`.

use super::{MonthRows, begin_count};
use crate::{PgPool, StoreError};

pub(super) async fn count_due(pool: &PgPool) -> Result<Vec<MonthRows>, StoreError> {
    let mut tx = begin_count(pool).await?;
    let rows = sqlx::query_as!(
        MonthRows,
        r#"WITH due AS MATERIALIZED (
               SELECT event_id, date_trunc('month', expired_at AT TIME ZONE 'UTC')::date AS month FROM expired_events
               WHERE expired_at < now() - interval '12 months'
           )
           SELECT 'expired_events' AS "table!", month AS "month!", count(*) AS "rows!" FROM due GROUP BY month
           UNION ALL SELECT 'event_keys', month, count(*) FROM due JOIN event_keys USING (event_id) GROUP BY month
           UNION ALL SELECT 'audit_entries', month, count(*) FROM due JOIN audit_entries USING (event_id) GROUP BY month"#,
    );
    Ok(rows.fetch_all(&mut *tx).await?)
}

super::macros::delete_by_owner!("purge_identities", "expired_events");
