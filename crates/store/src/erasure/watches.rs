//! The watches of erased events, until Temporal knows nothing of their customers any more.
//!
//! A row is added in the transaction that erases its event, and goes when nothing is left. Who dispatches claims rows
//! for a while, so that two processes do not work on the same ones; a claim that is not kept runs out.

use std::time::Duration;

use domain::ids::{CustomerHash, EventId};
use sqlx::PgExecutor;

use crate::StoreError;

/// A message that was read before an erasure is dispatched after so long at most.
const SETTLED_AFTER_SECONDS: f64 = 10.0;
/// The longest that a watch rests that could not be erased.
const MAX_REST_SECONDS: f64 = 600.0;

/// A watch that Temporal may still have under the reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasedWatch {
    pub event_id: EventId,
    /// Whose tombstone its event has.
    pub customer: CustomerHash,
    /// When its event was erased last: seconds since 1970, by the database's clock.
    pub erased_at: i64,
    /// Whether whatever was read of the event before it was erased has been dispatched by now.
    pub is_settled: bool,
}

/// Claims watches that are due for so long, at most `most`.
pub async fn claim(
    db: impl PgExecutor<'_>,
    most: i64,
    period: Duration,
) -> Result<Vec<ErasedWatch>, StoreError> {
    let claimed = sqlx::query_as!(
        ErasedWatch,
        r#"UPDATE erased_watches w SET next_attempt_at = now() + make_interval(secs => $2), attempts = w.attempts + 1
           FROM erasures e WHERE e.id = w.erasure_id AND w.event_id = ANY (ARRAY(
               SELECT event_id FROM erased_watches WHERE next_attempt_at <= now()
               ORDER BY next_attempt_at LIMIT $1 FOR UPDATE SKIP LOCKED))
           RETURNING w.event_id AS "event_id: EventId", e.customer, extract(epoch FROM w.erased_at)::bigint AS "erased_at!",
               w.erased_at < now() - make_interval(secs => $3) AS "is_settled!""#,
        most,
        period.as_secs_f64(),
        SETTLED_AFTER_SECONDS,
    )
    .fetch_all(db)
    .await?;
    Ok(claimed)
}

/// Notes that Temporal has nothing of the customer at an event. Where that was erased again since the claim, as much is
/// left to look for as before.
pub async fn finish(db: impl PgExecutor<'_>, watch: &ErasedWatch) -> Result<(), StoreError> {
    sqlx::query!(
        "DELETE FROM erased_watches WHERE event_id = $1 AND extract(epoch FROM erased_at)::bigint = $2",
        watch.event_id.as_uuid(),
        watch.erased_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Lets a watch rest before it is looked at again: 2 s for the first twenty times, then twice as long each time, up to
/// 10 minutes.
pub async fn reschedule(db: impl PgExecutor<'_>, id: EventId) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE erased_watches SET next_attempt_at = now() + make_interval(secs => least($2, power(2, greatest(1, least(attempts - 19, 10)))))
         WHERE event_id = $1",
        id.as_uuid(),
        MAX_REST_SECONDS,
    )
    .execute(db)
    .await?;
    Ok(())
}
