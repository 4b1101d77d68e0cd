//! Audit entries of results that never had an event, by the owner's `purge_unclaimed_results`.

use time::OffsetDateTime;

use super::scan::ProjectScan;
use super::{Batch, GoneRows, MonthRows, begin_batch, begin_count};
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

/// Goes from project to project, each from its oldest entry on.
pub(super) async fn delete_batch(
    pool: &PgPool,
    scan: &mut ProjectScan<OffsetDateTime>,
    most: i64,
) -> Result<Batch, StoreError> {
    let mut tx = begin_batch(pool).await?;
    let Some(project_id) = scan.project(&mut tx).await? else {
        return Ok(Batch { is_last: true, is_full: false, gone: Vec::new() });
    };
    let mut since = scan.after.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let gone = sqlx::query_as!(
        GoneRows,
        r#"SELECT purged AS "table!", month AS "month!", quantity AS "rows!", latest AS last
           FROM purge_unclaimed_results($1, $2, $3)"#,
        most,
        since,
        project_id.as_uuid(),
    )
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    let Batch { is_last, is_full, gone } = Batch::since(&mut since, most, gone, "audit_entries");
    scan.after = Some(since);
    if is_last {
        scan.leave_project();
    }
    Ok(Batch { is_last: false, is_full, gone })
}
