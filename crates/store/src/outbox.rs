//! The outbox: committed messages for Temporal ([`OutboxMessage`]).
//!
//! A message is written in the transaction of what it reports. A relay claims it for 30 s before it
//! dispatches it, so that two relays do not do the same concurrently, and deletes it when Temporal
//! has it. A relay that ends gives its claims up; one that dies leaves a claim that runs out. Dispatching a message twice is harmless:
//! the server knows its id. So claims, deletions and reschedules do not wait for the disk
//! (`synchronous_commit`): one that a crash of Postgres undoes is made again.

use std::time::Duration;

use domain::ids::{EventId, OutboxId};
use domain::outbox::{OutboxKind, OutboxMessage};
use serde_json::Value;
use sqlx::PgExecutor;
use uuid::Uuid;

use crate::{PgPool, StoreError, pool};

/// What Temporal should have within this time is never held back for what has more.
pub const NEEDED_SOON: Duration = Duration::from_mins(1);

/// Begins a claim. It is planned for what is asked for: a plan for any values, kept from when the
/// outbox was small, would read all of a large one. Set here rather than when the connection starts,
/// which poolers reject.
const BEGIN_CLAIM: &str =
    "BEGIN; SET LOCAL synchronous_commit = off; SET LOCAL plan_cache_mode = force_custom_plan";

/// A message that was claimed. Its payload goes on unchanged, so that what a newer release writes
/// reaches that release's watches.
#[derive(Debug, Clone)]
pub struct ClaimedMessage {
    /// Its id; also the id of the request to Temporal.
    pub id: OutboxId,
    pub event_id: EventId,
    /// The message to Temporal.
    pub kind: OutboxKind,
    /// The signal's input.
    pub payload: Value,
    /// How many attempts were made, this time included.
    pub attempts: i32,
}

/// How often a message is rejected before it is parked.
const MAX_REJECTIONS: i32 = 10;

/// What a rejection by Temporal makes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejected {
    TriedAgain,
    Parked,
    /// It was before, an hour ago.
    ParkedAgain,
}

/// A message that could not be dispatched.
#[derive(Debug, Clone)]
pub struct FailedMessage {
    pub id: OutboxId,
    /// Why not.
    pub error: String,
    /// Those of its event that were claimed with it and come after it.
    pub behind: Vec<OutboxId>,
}

/// Writes a message, in the transaction of what it reports.
pub async fn enqueue(
    db: impl PgExecutor<'_>,
    event_id: EventId,
    message: &OutboxMessage,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO outbox (id, event_id, wish, payload, due_by) VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5))",
        Uuid::now_v7(),
        event_id.as_uuid(),
        message.kind().as_str(),
        message.payload(),
        message.leeway().as_secs_f64(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Writes the message of an event whose incident was opened just now, in its transaction. One that no
/// other of its cause preceded is told immediately: it goes ahead of what others have waited with for five
/// minutes, so that a flood of one project keeps nobody's first alert waiting.
pub async fn enqueue_opened(
    db: impl PgExecutor<'_>,
    event_id: EventId,
    message: &OutboxMessage,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO outbox (id, event_id, wish, payload, due_by)
         SELECT $1, opened.event_id, $3, $4, now() - CASE WHEN EXISTS (
                SELECT FROM incidents other
                WHERE other.cause = opened.cause AND other.state <> 'resolved' AND other.id <> opened.id)
             THEN interval '0' ELSE interval '5 minutes' END
         FROM incidents opened WHERE opened.event_id = $2",
        Uuid::now_v7(),
        event_id.as_uuid(),
        message.kind().as_str(),
        message.payload(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Claims the most urgent messages, and with each the others of its event, in their order: those
/// that Temporal should have within a time, or all of them. At least one in `limit` is claimed where
/// so many are due. One of a kind that only a newer version knows is left to that one, and keeps no
/// other from being claimed. What lies minutes ahead was put off before the database's clock was set back, and is due.
pub async fn claim_due(
    pool: &PgPool,
    within: Option<Duration>,
    limit: i64,
) -> Result<Vec<ClaimedMessage>, StoreError> {
    let known: Vec<_> = OutboxKind::ALL.iter().map(|kind| kind.as_str().to_owned()).collect();
    let mut tx = pool.begin_with(BEGIN_CLAIM).await?;
    let mut claimed = sqlx::query_as!(
        ClaimedMessage,
        "WITH urgent AS (
             SELECT event_id FROM outbox
             WHERE parked_at IS NULL AND wish = ANY ($1)
                 AND (next_attempt_at <= now() OR next_attempt_at > now() + interval '5 minutes')
                 AND due_by < coalesce(now() + make_interval(secs => $2), 'infinity')
             ORDER BY due_by, id LIMIT $3 FOR UPDATE SKIP LOCKED)
         UPDATE outbox SET attempts = attempts + 1, next_attempt_at = now() + interval '30 seconds'
         WHERE id IN (
             SELECT id FROM outbox
             WHERE event_id IN (SELECT event_id FROM urgent)
                 AND parked_at IS NULL AND wish = ANY ($1)
                 AND (next_attempt_at <= now() OR next_attempt_at > now() + interval '5 minutes')
             FOR UPDATE SKIP LOCKED)
         RETURNING id, event_id, wish AS kind, payload, attempts",
        &known,
        within.map(|within| within.as_secs_f64()),
        limit,
    )
    .fetch_all(&mut *tx)
    .await?;
    pool::commit(tx).await?;
    claimed.sort_by_key(|message| message.id);
    Ok(claimed)
}

/// Forgets messages that Temporal has.
pub async fn delete_relayed(db: impl PgExecutor<'_>, ids: &[OutboxId]) -> Result<(), StoreError> {
    sqlx::query!(
        "DELETE FROM outbox WHERE id = ANY ($1) AND (SELECT set_config('synchronous_commit', 'off', true)) = 'off'",
        ids as &[OutboxId],
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Puts messages off after a failure, each with its error and a jittered back-off of 1 s to 60 s, and with each
/// those that follow it, so that they are claimed together again.
pub async fn reschedule(
    db: impl PgExecutor<'_>,
    failed: &[FailedMessage],
) -> Result<(), StoreError> {
    let (ids, errors): (Vec<_>, Vec<_>) =
        failed.iter().map(|message| (message.id, message.error.as_str())).unzip();
    let behind = failed.iter().flat_map(|it| it.behind.iter().map(|behind| (*behind, it.id)));
    let (behind, ahead): (Vec<_>, Vec<_>) = behind.unzip();
    sqlx::query!(
        "WITH failed AS (
             SELECT o.id, f.error, now() + make_interval(
                 secs => least(60, power(2, least(o.attempts, 6) - 1)) * (0.5 + random())) AS again
             FROM unnest($1::uuid[], $2::text[]) AS f (id, error) JOIN outbox o ON o.id = f.id),
         put_off AS (
             SELECT id, error, again FROM failed
             UNION ALL
             SELECT b.id, NULL, failed.again FROM unnest($3::uuid[], $4::uuid[]) AS b (id, ahead)
             JOIN failed ON failed.id = b.ahead)
         UPDATE outbox SET last_error = coalesce(put_off.error, last_error), next_attempt_at = put_off.again
         FROM put_off
         WHERE outbox.id = put_off.id AND (SELECT set_config('synchronous_commit', 'off', true)) = 'off'",
        &ids as &[OutboxId],
        &errors as &[&str],
        &behind as &[OutboxId],
        &ahead as &[OutboxId],
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Gives claims up that nothing was done about.
pub async fn release(db: impl PgExecutor<'_>, ids: &[OutboxId]) -> Result<(), StoreError> {
    if ids.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "UPDATE outbox SET attempts = attempts - 1, next_attempt_at = now()
         WHERE id = ANY ($1) AND (SELECT set_config('synchronous_commit', 'off', true)) = 'off'",
        ids as &[OutboxId],
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Counts a rejection by Temporal itself, and sets a message aside for a person that was rejected too often. One that had
/// another chance since is set aside by the next one.
pub async fn reject(
    db: impl PgExecutor<'_>,
    id: OutboxId,
    error: &str,
) -> Result<Rejected, StoreError> {
    let rejections = sqlx::query_scalar!(
        "UPDATE outbox SET refusals = refusals + 1, parked_at = CASE WHEN refusals + 1 >= $3 THEN now() END,
             last_error = CASE WHEN refusals + 1 >= $3 THEN $2 ELSE last_error END
         WHERE id = $1 RETURNING refusals",
        id.as_uuid(),
        error,
        MAX_REJECTIONS,
    )
    .fetch_optional(db)
    .await?;
    Ok(match rejections.unwrap_or_default() {
        ..MAX_REJECTIONS => Rejected::TriedAgain,
        MAX_REJECTIONS => Rejected::Parked,
        _ => Rejected::ParkedAgain,
    })
}

/// How many messages wait, and how many are parked.
pub async fn count_waiting(db: impl PgExecutor<'_>) -> Result<(i64, i64), StoreError> {
    let row = sqlx::query!(
        r#"SELECT count(*) FILTER (WHERE parked_at IS NULL) AS "waiting!", count(*) FILTER (WHERE parked_at IS NOT NULL) AS "parked!"
           FROM outbox"#,
    )
    .fetch_one(db)
    .await?;
    Ok((row.waiting, row.parked))
}

/// Whether any message of an event waits.
pub async fn has_messages(db: impl PgExecutor<'_>, event_id: EventId) -> Result<bool, StoreError> {
    let found = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM outbox WHERE event_id = $1) AS "found!""#,
        event_id.as_uuid(),
    )
    .fetch_one(db)
    .await?;
    Ok(found)
}

/// Gives messages that were parked an hour ago another chance, one each: the cause may be fixed.
pub async fn unpark_old(db: impl PgExecutor<'_>) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE outbox SET parked_at = NULL, attempts = 0, next_attempt_at = now()
         WHERE parked_at < now() - interval '1 hour'",
    )
    .execute(db)
    .await?;
    Ok(())
}
