//! Events that ended, with every row that belongs to them, by the owner's `purge_events`.
//!
//! Candidates are found by the moment of their last change, project by project. One whose incident was resolved later
//! than that, or about which something is still open, is passed over once in a run.

use domain::ids::{EventId, ProjectId};
use time::OffsetDateTime;
use uuid::Uuid;

use super::scan::{LastEvent, ProjectScan};
use super::{Batch, MonthRows, Tally, begin_batch, begin_count, count_of};
use crate::{PgConnection, PgPool, StoreError};

/// So many candidates are counted in one statement.
const COUNTED: i64 = 500;

/// The next candidates of a project.
async fn list_candidates(
    tx: &mut PgConnection,
    project_id: ProjectId,
    after: Option<LastEvent>,
    most: i64,
) -> Result<Vec<LastEvent>, StoreError> {
    let (settled_at, id) =
        after.unwrap_or((OffsetDateTime::UNIX_EPOCH, EventId::from_uuid(Uuid::nil())));
    let rows = sqlx::query!(
        r#"SELECT id, settled_at AS "settled_at!" FROM payment_events
           WHERE project_id = $1 AND (settled_at, id) > ($2, $3)
             AND settled_at < now() - make_interval(months => (SELECT retention_months FROM projects WHERE id = $1))
           ORDER BY settled_at, id LIMIT $4"#,
        project_id.as_uuid(),
        settled_at,
        id.as_uuid(),
        most,
    )
    .fetch_all(tx)
    .await?;
    Ok(rows.into_iter().map(|row| (row.settled_at, row.id)).collect())
}

pub(super) async fn delete_batch(
    pool: &PgPool,
    scan: &mut ProjectScan<LastEvent>,
    most: i64,
) -> Result<Batch, StoreError> {
    let mut tx = begin_batch(pool).await?;
    let ids = scan.next_events(&mut tx, most, list_candidates).await?;
    let gone = sqlx::query_as!(
        MonthRows,
        r#"SELECT purged AS "table!", month AS "month!", quantity AS "rows!" FROM purge_events($1)"#,
        &ids as &[EventId],
    )
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    // Of candidates that are not due, many are looked at in no time: as many that are would take seconds.
    let is_full = count_of("payment_events", &gone) * 4 >= most * 3;
    Ok(Batch { is_last: ids.is_empty(), is_full, gone })
}

pub(super) async fn count_due(pool: &PgPool) -> Result<Tally, StoreError> {
    let (mut tally, mut scan) = (Tally::default(), ProjectScan::default());
    loop {
        let mut tx = begin_count(pool).await?;
        let ids = scan.next_events(&mut tx, COUNTED, list_candidates).await?;
        if ids.is_empty() {
            return Ok(tally);
        }
        let rows =
            sqlx::query_file_as!(MonthRows, "src/retention/count_events.sql", &ids as &[EventId]);
        tally.add(rows.fetch_all(&mut *tx).await?);
    }
}
