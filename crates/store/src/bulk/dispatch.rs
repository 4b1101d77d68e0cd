//! Which bulk reprocesses Temporal has to be told of.
//!
//! `dispatch_at` is set in the transaction that starts or resumes one, and cleared once Temporal has
//! its workflow; whoever claims it moves it ahead, so that it is told again if the process dies. One
//! that runs, or was canceled and still has something that runs, and was not seen to for two minutes may have lost its
//! workflow. Where the workflow is there and its steps fail, no worker takes them or it is paused, each wake is one more
//! signal in its history, of which Temporal takes no more than ten thousand: `woken_at` keeps when the last one was.

use std::time::Duration;

use domain::ids::BulkId;
use sqlx::PgExecutor;

use crate::StoreError;
use crate::health::COUNT_LIMIT;

/// Bulks that run, although nothing sees to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StuckBulks {
    pub bulks: i64,
    /// For how many seconds nothing has seen to the first of them.
    pub longest: Option<i64>,
}

/// Claims those that are due, for half a minute.
pub async fn claim_due(db: impl PgExecutor<'_>) -> Result<Vec<BulkId>, StoreError> {
    let due = sqlx::query_scalar!(
        r#"UPDATE bulk_reprocesses SET dispatch_at = now() + interval '30 seconds' WHERE id IN (
               SELECT id FROM bulk_reprocesses WHERE dispatch_at <= now() ORDER BY dispatch_at LIMIT 8 FOR UPDATE SKIP LOCKED)
           RETURNING id AS "id: BulkId""#,
    );
    Ok(due.fetch_all(db).await?)
}

/// Temporal has its workflow. What was said since the claim is dispatched again.
pub async fn note_dispatched(db: impl PgExecutor<'_>, id: BulkId) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE bulk_reprocesses SET dispatch_at = NULL WHERE id = $1 AND dispatch_at > now()",
        id.as_uuid(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Has those dispatched again that nothing has seen to for two minutes though they run, or were canceled within a week and
/// what had started is not over. Where that does not help, it is done again after twice as long each time, at last once an hour;
/// the next step, or whoever steers it, begins this again. One that another transaction has locked is seen to: who
/// steers a set has locked one of its bulks and waits for the next, and must not be waited for under the lock of that one.
pub async fn wake_forgotten(db: impl PgExecutor<'_>) -> Result<u64, StoreError> {
    let woken = sqlx::query!(
        "UPDATE bulk_reprocesses SET dispatch_at = now(), woken_at = now() WHERE id = ANY (ARRAY(
             SELECT b.id FROM bulk_reprocesses b
             WHERE b.stepped_at < now() - interval '2 minutes' AND b.dispatch_at IS NULL
               AND (b.woken_at IS NULL OR b.woken_at < b.stepped_at
                   OR b.woken_at < now() - least(b.woken_at - b.stepped_at, interval '1 hour'))
               AND (b.state = 'running' OR (b.state = 'canceled' AND b.ended_at > now() - interval '7 days'
                   AND EXISTS (SELECT FROM bulk_reprocess_items i WHERE i.bulk_id = b.id AND i.state = 'started')))
             FOR NO KEY UPDATE OF b SKIP LOCKED))",
    );
    Ok(woken.execute(db).await?.rows_affected())
}

/// Counts those that run and that nothing has seen to for so long.
pub async fn count_stuck(
    db: impl PgExecutor<'_>,
    since: Duration,
) -> Result<StuckBulks, StoreError> {
    let stuck = sqlx::query_as!(
        StuckBulks,
        r#"SELECT count(*) AS "bulks!", extract(epoch FROM now() - min(stepped_at))::bigint AS longest
           FROM (SELECT stepped_at FROM bulk_reprocesses
                 WHERE state = 'running' AND stepped_at < now() - make_interval(secs => $1)
                 ORDER BY stepped_at LIMIT $2) AS stuck"#,
        since.as_secs_f64(),
        COUNT_LIMIT,
    )
    .fetch_one(db)
    .await?;
    Ok(stuck)
}
