//! Reprocesses: one at a time per incident, which a partial unique index guarantees.

use std::collections::BTreeMap;

use domain::audit::Actor;
use domain::ids::{EventId, IncidentId, ReplayId};
use domain::reprocess::ReprocessState;
use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::error::expect_one;
use crate::{PgConnection, StoreError};

/// One reprocess.
#[derive(Debug, Clone)]
pub struct Reprocess {
    /// Its id, stable over all attempts.
    pub id: ReplayId,
    pub incident_id: IncidentId,
    pub event_id: EventId,
    pub state: ReprocessState,
    /// Who asked for it.
    pub requested_by: String,
    pub note: Option<String>,
    /// When it was asked for.
    pub requested_at: OffsetDateTime,
    /// When it ended.
    pub finished_at: Option<OffsetDateTime>,
    /// What every attempt sends, byte for byte, but for the snapshot.
    pub body: String,
    /// Whether every attempt carries the event's snapshot.
    pub with_snapshot: bool,
    /// Until when the app may report on a delivered callback.
    pub result_due_at: Option<OffsetDateTime>,
    /// When the next attempt of the callback is due; `None` before the first one, and in rows of
    /// older releases.
    pub next_attempt_at: Option<OffsetDateTime>,
}

/// Reads reprocesses; what follows `FROM reprocesses` is the caller's.
macro_rules! query_reprocesses {
    ($tail:literal, $argument:expr) => {
        sqlx::query_as!(
            Reprocess,
            "SELECT id, incident_id, event_id, state, requested_by, note, requested_at, finished_at, body,
                 with_snapshot, result_due_at, next_attempt_at
             FROM reprocesses " + $tail,
            $argument
        )
    };
}

/// A reprocess that is about to be kept.
#[derive(Debug, Clone, Copy)]
pub struct NewReprocess<'a> {
    pub id: ReplayId,
    pub incident_id: IncidentId,
    pub event_id: EventId,
    /// Who asked for it.
    pub requested_by: &'a str,
    pub note: Option<&'a str>,
    /// The callback's body, without the snapshot.
    pub body: &'a str,
    /// Whether its attempts carry the snapshot.
    pub with_snapshot: bool,
}

impl Reprocess {
    /// Whether a policy started it.
    #[must_use]
    pub fn is_automatic(&self) -> bool {
        self.requested_by == Actor::Policy.to_string()
    }
}

/// A new reprocess id.
#[must_use]
pub fn new_id() -> ReplayId {
    ReplayId::from_uuid(Uuid::now_v7())
}

/// Keeps a reprocess; the caller holds the event's lock and knows that none is running. One that a
/// policy starts is found by its incident's cause.
pub async fn insert_reprocess(
    tx: &mut PgConnection,
    new: NewReprocess<'_>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO reprocesses (id, incident_id, event_id, requested_by, note, body, cause, with_snapshot)
         VALUES ($1, $2, $3, $4, $5, $6, (SELECT cause FROM incidents WHERE id = $2 AND $7), $8)",
        new.id.as_uuid(),
        new.incident_id.as_uuid(),
        new.event_id.as_uuid(),
        new.requested_by,
        new.note,
        new.body,
        new.requested_by == Actor::Policy.to_string(),
        new.with_snapshot,
    )
    .execute(tx)
    .await?;
    Ok(())
}

pub async fn find_reprocess(
    db: impl PgExecutor<'_>,
    id: ReplayId,
) -> Result<Option<Reprocess>, StoreError> {
    Ok(query_reprocesses!("WHERE id = $1", id.as_uuid()).fetch_optional(db).await?)
}

/// The reprocesses of an incident, oldest first.
pub async fn list_for_incident(
    db: impl PgExecutor<'_>,
    incident_id: IncidentId,
) -> Result<Vec<Reprocess>, StoreError> {
    let reprocesses = query_reprocesses!(
        "WHERE incident_id = $1 ORDER BY requested_at, id",
        incident_id.as_uuid()
    );
    Ok(reprocesses.fetch_all(db).await?)
}

/// The latest reprocess of an incident, and its last attempt.
#[derive(Debug, Clone)]
pub struct Latest {
    pub id: ReplayId,
    pub state: ReprocessState,
    /// How many attempts it made.
    pub attempts: i64,
    /// When the last attempt began.
    pub attempted_at: Option<OffsetDateTime>,
    pub status: Option<i32>,
    /// The class of its error, where there was no response.
    pub error: Option<String>,
}

/// The latest reprocess of those of these incidents that have one.
pub async fn list_latest(
    db: impl PgExecutor<'_>,
    incident_ids: &[IncidentId],
) -> Result<BTreeMap<IncidentId, Latest>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT latest.incident_id, latest.id, latest.state, last.attempted_at AS "attempted_at?", last.status, last.error,
               (SELECT count(*) FROM callback_attempts a WHERE a.replay_id = latest.id) AS "attempts!"
           FROM unnest($1::uuid[]) AS wanted (incident_id)
           CROSS JOIN LATERAL (
               SELECT r.incident_id, r.id, r.state FROM reprocesses r WHERE r.incident_id = wanted.incident_id
               ORDER BY r.requested_at DESC, r.id DESC LIMIT 1) AS latest
           LEFT JOIN LATERAL (
               SELECT a.started_at AS attempted_at, a.status, a.error FROM callback_attempts a
               WHERE a.replay_id = latest.id ORDER BY a.attempt DESC LIMIT 1) AS last ON true"#,
        incident_ids as &[IncidentId],
    )
    .fetch_all(db)
    .await?;
    let latest = rows.into_iter().map(|row| {
        let latest = Latest {
            id: row.id,
            state: row.state,
            attempts: row.attempts,
            attempted_at: row.attempted_at,
            status: row.status,
            error: row.error,
        };
        (row.incident_id, latest)
    });
    Ok(latest.collect())
}

/// Moves a reprocess from the state that was read under the lock; an ending keeps its time.
///
/// # Errors
/// When the state was another one.
pub async fn change_state(
    tx: &mut PgConnection,
    id: ReplayId,
    from: ReprocessState,
    to: ReprocessState,
) -> Result<(), StoreError> {
    let done = sqlx::query!(
        "UPDATE reprocesses SET state = $3, finished_at = CASE WHEN $4 THEN now() END WHERE id = $1 AND state = $2",
        id.as_uuid(),
        from.as_str(),
        to.as_str(),
        !to.is_running(),
    )
    .execute(tx)
    .await?;
    expect_one("reprocesses", done.rows_affected())
}

/// Notes when the next attempt of a callback is due.
pub async fn plan_attempt(
    tx: &mut PgConnection,
    id: ReplayId,
    due_at: OffsetDateTime,
) -> Result<(), StoreError> {
    let done = sqlx::query!(
        "UPDATE reprocesses SET next_attempt_at = $2 WHERE id = $1",
        id.as_uuid(),
        due_at,
    )
    .execute(tx)
    .await?;
    expect_one("reprocesses", done.rows_affected())
}

/// Records until when the app may report on a delivered callback: the project's time-out from now.
pub async fn await_result(
    tx: &mut PgConnection,
    id: ReplayId,
    timeout_minutes: i32,
) -> Result<(), StoreError> {
    let done = sqlx::query!(
        "UPDATE reprocesses SET state = 'awaiting_result', result_due_at = now() + make_interval(mins => $2)
         WHERE id = $1 AND state IN ('requested', 'delivering')",
        id.as_uuid(),
        timeout_minutes,
    )
    .execute(tx)
    .await?;
    expect_one("reprocesses", done.rows_affected())
}

/// Delivered callbacks whose result was due two minutes ago, the grace of outages counted.
pub async fn list_unanswered(
    db: impl PgExecutor<'_>,
    limit: i64,
) -> Result<Vec<(EventId, ReplayId)>, StoreError> {
    let rows = sqlx::query!(
        "SELECT event_id, id FROM reprocesses
         WHERE state = 'awaiting_result' AND result_due_at < now() - interval '2 minutes'
           AND judged_at(result_due_at) < now() - interval '2 minutes'
         ORDER BY result_due_at LIMIT $1",
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.event_id, row.id)).collect())
}
