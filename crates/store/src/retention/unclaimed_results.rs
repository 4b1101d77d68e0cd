//! Audit entries of results that never had an event, by the owner's `purge_unclaimed_results`.

use super::{MonthRows, begin_count};
use crate::{PgPool, StoreError};

pub(super) async fn count_due(pool: &PgPool) -> Result<Vec<MonthRows>, StoreError> {
    let mut tx = begin_count(pool).await?;
    let rows = sqlx::query_as!(
        MonthRows,
        r#"SELECT 'audit_entries' AS "table!", date_trunc('month', a.at AT TIME ZONE 'UTC')::date AS "month!",
               count(*) AS "rows!"
           FROM projects p JOIN audit_entries a
             ON coalesce(a.project_id, '00000000-0000-0000-0000-000000000000') = p.id AND a.actor = 'system'
               AND a.action = 'result.unclaimed' AND a.event_id IS NULL
               AND a.at < now() - make_interval(months => p.retention_months)
           GROUP BY 2"#,
    );
    Ok(rows.fetch_all(&mut *tx).await?)
}

super::macros::delete_by_owner!("purge_unclaimed_results", "audit_entries");
