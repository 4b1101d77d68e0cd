//! What Prometheus is shown of the database beside [`crate::health`]: what waits, told apart.
//!
//! Each question costs the same however much there is: of events and messages the first [`COUNTED`]
//! are told apart, those that are needed first. No address and no id but a project's leaves here.

use domain::ids::ProjectId;
use domain::outage::OUTAGE;
use domain::outbox::OutboxKind;
use sqlx::PgExecutor;

use crate::StoreError;

/// So many events and messages are told apart, and no more.
pub const COUNTED: i64 = 5_000;

/// Events that wait for their result, by how long ago their receipt came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PendingAges {
    pub under_5m: i64,
    pub under_1h: i64,
    pub under_1d: i64,
    pub older: i64,
}

/// Counts the pending events with the earliest deadlines by their age.
pub async fn count_pending_by_age(db: impl PgExecutor<'_>) -> Result<PendingAges, StoreError> {
    let ages = sqlx::query_as!(
        PendingAges,
        r#"SELECT count(*) FILTER (WHERE age < interval '5 minutes') AS "under_5m!",
               count(*) FILTER (WHERE age >= interval '5 minutes' AND age < interval '1 hour') AS "under_1h!",
               count(*) FILTER (WHERE age >= interval '1 hour' AND age < interval '1 day') AS "under_1d!",
               count(*) FILTER (WHERE age >= interval '1 day') AS "older!"
           FROM (SELECT now() - received_at AS age FROM payment_events WHERE effect = 'pending'
                 ORDER BY timeout_at LIMIT $1) AS pending"#,
        COUNTED,
    )
    .fetch_one(db)
    .await?;
    Ok(ages)
}

/// Counts the most urgent messages that wait for Temporal by their kind. One that only a newer
/// release knows is left out.
pub async fn count_waiting_by_kind(
    db: impl PgExecutor<'_>,
) -> Result<Vec<(OutboxKind, i64)>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT concat(wish) AS "kind!", count(*) AS "waiting!"
           FROM (SELECT wish FROM outbox WHERE parked_at IS NULL ORDER BY due_by, id LIMIT $1) AS waiting
           GROUP BY wish"#,
        COUNTED,
    )
    .fetch_all(db)
    .await?;
    let of = |kind: OutboxKind| {
        let row = rows.iter().find(|row| row.kind == kind.as_str());
        (kind, row.map_or(0, |row| row.waiting))
    };
    Ok(OutboxKind::ALL.iter().map(|kind| of(*kind)).collect())
}

/// A kind of destination of a project, and for how many seconds one of those fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailingDestinations {
    pub project_id: ProjectId,
    /// A [`domain::destination::DestinationKind`].
    pub kind: String,
    /// Of the one that fails for longest; 0 where none does.
    pub seconds: i64,
}

/// For how long destinations fail, for each kind that a project has: those that failed twice and more, or are broken. One
/// failure may be the last that is ever tried there, because the message is out of date by then, or was a test. An archived
/// project has none: nothing more may go there that would end it.
pub async fn list_failing_destinations(
    db: impl PgExecutor<'_>,
) -> Result<Vec<FailingDestinations>, StoreError> {
    let failing = sqlx::query_as!(
        FailingDestinations,
        r#"SELECT project_id, kind, coalesce(extract(epoch FROM now() - min(failing_since)
               FILTER (WHERE failures >= 2 OR broken_at IS NOT NULL)), 0)::bigint AS "seconds!"
           FROM destinations d WHERE removed_at IS NULL
               AND NOT EXISTS (SELECT FROM projects p WHERE p.id = d.project_id AND p.archived_at IS NOT NULL)
           GROUP BY project_id, kind ORDER BY project_id, kind"#,
    )
    .fetch_all(db)
    .await?;
    Ok(failing)
}

/// The outages of our own API that are noted: those of the last 90 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutagesNoted {
    pub outages: i64,
    /// How long they were together, in seconds; one that lasts counts until now.
    pub seconds: i64,
    /// For how many seconds deadlines still wait because of them, at most; 0 where none does.
    pub grace: i64,
    /// For how many seconds no API has taken requests; 0 where one does, and before the first one did.
    pub away: i64,
}

/// Counts the outages of our own API. That none runs now is seen by the heartbeat, noted or not.
pub async fn count_outages(db: impl PgExecutor<'_>) -> Result<OutagesNoted, StoreError> {
    let noted = sqlx::query_as!(
        OutagesNoted,
        r#"SELECT count(*) AS "outages!",
               coalesce(extract(epoch FROM sum(coalesce(ended_at, now()) - began_at)), 0)::bigint AS "seconds!",
               coalesce(greatest(extract(epoch FROM max(judged_at) - now()), 0), 0)::bigint AS "grace!",
               coalesce((SELECT extract(epoch FROM now() - beat_at) FROM api_heartbeats
                         WHERE beat_at < now() - make_interval(secs => $1)), 0)::bigint AS "away!"
           FROM outages"#,
        OUTAGE.as_seconds_f64(),
    )
    .fetch_one(db)
    .await?;
    Ok(noted)
}

/// The silences of a project that last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SilentFlows {
    pub project_id: ProjectId,
    /// 1 where nothing of the whole project comes.
    pub whole: i64,
    /// How many of its event types are silent.
    pub event_types: i64,
}

/// Counts the silences of the projects that expect receipts, without archived ones.
pub async fn count_silences(db: impl PgExecutor<'_>) -> Result<Vec<SilentFlows>, StoreError> {
    let counts = sqlx::query_as!(
        SilentFlows,
        r#"SELECT p.id AS project_id, count(s.id) FILTER (WHERE s.event_type IS NULL) AS "whole!",
               count(s.event_type) AS "event_types!"
           FROM projects p LEFT JOIN silences s ON s.project_id = p.id AND s.ended_at IS NULL
           WHERE p.expected_receipts <> 'off' AND p.archived_at IS NULL GROUP BY p.id ORDER BY p.id"#,
    )
    .fetch_all(db)
    .await?;
    Ok(counts)
}
