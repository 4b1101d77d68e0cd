//! Callback attempts: a row before the request goes out, completed when it has ended.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::callback::AttemptTally;
use domain::ids::ReplayId;
use sqlx::PgExecutor;
use time::OffsetDateTime;

use crate::{PgConnection, StoreError};

/// One HTTP attempt of a callback.
#[derive(Debug, Clone)]
pub struct CallbackAttempt {
    /// Its number, from 1.
    pub attempt: i32,
    /// When it began.
    pub started_at: OffsetDateTime,
    pub status: Option<i32>,
    /// The class of the error, where there was no response.
    pub error: Option<String>,
    /// How long it took.
    pub latency_ms: Option<i64>,
    /// The beginning of the response.
    pub answer: Option<String>,
    /// Where a redirect leads, without credentials and query.
    pub redirect_to: Option<String>,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy)]
pub struct AttemptEnd<'a> {
    pub status: Option<u16>,
    /// The class of the error, where there was no response.
    pub error: Option<&'a str>,
    /// How long it took.
    pub latency_ms: i64,
    /// The beginning of the response, or the error's text.
    pub answer: Option<&'a str>,
    /// Where a redirect leads, without credentials and query.
    pub redirect_to: Option<&'a str>,
    /// How long the receiver asked to wait.
    pub retry_after: Option<Duration>,
    /// A random number from 0 to 1, for [`domain::callback::next_delay`].
    pub jitter: f64,
}

/// Begins the next attempt and gives its number. The caller holds the event's lock.
pub async fn begin_attempt(
    tx: &mut PgConnection,
    replay_id: ReplayId,
    nonce: &str,
) -> Result<i32, StoreError> {
    let attempt = sqlx::query_scalar!(
        "INSERT INTO callback_attempts (replay_id, attempt, nonce)
         SELECT $1, coalesce(max(attempt), 0) + 1, $2 FROM callback_attempts WHERE replay_id = $1
         RETURNING attempt",
        replay_id.as_uuid(),
        nonce,
    )
    .fetch_one(tx)
    .await?;
    Ok(attempt)
}

/// Completes attempts whose worker died, and says how many there were.
pub async fn end_interrupted(
    tx: &mut PgConnection,
    replay_id: ReplayId,
) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "UPDATE callback_attempts SET finished_at = now(), error = 'interrupted'
         WHERE replay_id = $1 AND finished_at IS NULL",
        replay_id.as_uuid(),
    )
    .execute(tx)
    .await?;
    Ok(done.rows_affected())
}

/// Completes an attempt.
pub async fn end_attempt(
    tx: &mut PgConnection,
    replay_id: ReplayId,
    attempt: i32,
    end: AttemptEnd<'_>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE callback_attempts SET finished_at = now(), status = $3, error = $4, latency_ms = $5, answer = $6,
             redirect_to = $7
         WHERE replay_id = $1 AND attempt = $2",
        replay_id.as_uuid(),
        attempt,
        end.status.map(i32::from),
        end.error,
        end.latency_ms,
        end.answer,
        end.redirect_to,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Counts the attempts that were not cut off by a crash of ours.
pub async fn count_made(
    db: impl PgExecutor<'_>,
    replay_id: ReplayId,
) -> Result<AttemptTally, StoreError> {
    let statuses = sqlx::query_scalar!(
        "SELECT status FROM callback_attempts
         WHERE replay_id = $1 AND finished_at IS NOT NULL AND error IS DISTINCT FROM 'interrupted'",
        replay_id.as_uuid(),
    )
    .fetch_all(db)
    .await?;
    Ok(AttemptTally::count(statuses.into_iter().map(known_status)))
}

/// A saved status, as the response had it.
fn known_status(status: Option<i32>) -> Option<u16> {
    status.and_then(|status| u16::try_from(status).ok())
}

/// The attempts of those of these reprocesses that have any, in order.
pub async fn list_for_reprocesses(
    db: impl PgExecutor<'_>,
    replay_ids: &[ReplayId],
) -> Result<BTreeMap<ReplayId, Vec<CallbackAttempt>>, StoreError> {
    let rows = sqlx::query!(
        "SELECT replay_id, attempt, started_at, status, error, latency_ms, answer, redirect_to
         FROM callback_attempts
         WHERE replay_id = ANY($1) ORDER BY attempt",
        replay_ids as &[ReplayId],
    )
    .fetch_all(db)
    .await?;
    let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for row in rows {
        all.entry(row.replay_id).or_default().push(CallbackAttempt {
            attempt: row.attempt,
            started_at: row.started_at,
            status: row.status,
            error: row.error,
            latency_ms: row.latency_ms,
            answer: row.answer,
            redirect_to: row.redirect_to,
        });
    }
    Ok(all)
}

/// The attempts of a reprocess, in order.
pub async fn list_for_reprocess(
    db: impl PgExecutor<'_>,
    replay_id: ReplayId,
) -> Result<Vec<CallbackAttempt>, StoreError> {
    let mut all = list_for_reprocesses(db, &[replay_id]).await?;
    Ok(all.remove(&replay_id).unwrap_or_default())
}
