//! Telling a project's destinations what no single incident tells: that results never found their
//! receipt, or that another destination broke. Each is told once a day at most.
//!
//! A notice about results tells what the audit took in since the notice before, so that nothing is told
//! twice and nothing of the last seven days is left out. Whoever sends one claims it first: two processes send it
//! once, and one that dies after it sent sends it once more, with the same message id.

use std::time::Duration;

use domain::audit::{Action, Actor};
use domain::effect_result::Outcome;
use domain::ids::{DestinationId, ProjectId};
use domain::notice::NoticeKind;
use sqlx::PgExecutor;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::StoreError;
use crate::error::read_text;

/// A notice that its reader claimed.
#[derive(Debug, Clone)]
pub struct Notice {
    pub id: Uuid,
    /// What it tells.
    pub kind: NoticeKind,
    /// Where it goes.
    pub destination_id: DestinationId,
    /// The day of it, in UTC.
    pub day: Date,
    pub project_id: ProjectId,
    /// The destination that broke, for that kind.
    pub about: Option<DestinationId>,
    /// It tells of entries after this.
    pub since: OffsetDateTime,
    /// It tells of entries up to this.
    pub until: OffsetDateTime,
    /// Whether 24 hours have passed, so that this attempt is the last one.
    pub last: bool,
}

/// Results that never found their receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unclaimed {
    /// How many.
    pub count: i64,
    /// How many of them said that the effect failed.
    pub failures: i64,
    /// The provider's ids of some of them: failures first, and of each the newest.
    pub provider_event_ids: Vec<String>,
}

/// Writes the notices that are due: of each project in which a result was given up since the last
/// notice, unless that was less than 24 hours ago. How many destinations are told.
pub async fn enqueue_notices(db: impl PgExecutor<'_>) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "WITH told AS (
             SELECT p.id AS project_id, max(n.created_at) AS told_at,
                    greatest(max(n.until), now() - interval '7 days') AS since
             FROM projects p LEFT JOIN notices n ON n.project_id = p.id AND n.kind = $3 GROUP BY p.id
         ), untold AS (
             SELECT t.project_id, t.since,
                    (SELECT max(a.at) FROM audit_entries a
                     WHERE coalesce(a.project_id, '00000000-0000-0000-0000-000000000000') = t.project_id
                       AND a.actor = $1 AND a.action = $2 AND a.at > t.since) AS until
             FROM told t WHERE t.told_at IS NULL OR t.told_at < now() - interval '24 hours'
         )
         INSERT INTO notices (destination_id, kind, day, project_id, since, until)
         SELECT d.id, $3, (now() AT TIME ZONE 'UTC')::date, u.project_id, u.since, u.until
         FROM untold u JOIN destinations d ON d.project_id = u.project_id
         WHERE u.until IS NOT NULL AND d.removed_at IS NULL AND d.broken_at IS NULL
         ON CONFLICT ON CONSTRAINT notices_occasion_key DO NOTHING",
        Actor::System.to_string(),
        Action::ResultUnclaimed.as_str(),
        NoticeKind::ResultsUnclaimed.as_str(),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Tells the project's other destinations that one of them broke, unless they were told today.
pub async fn enqueue_broken(
    db: impl PgExecutor<'_>,
    project_id: ProjectId,
    broken: DestinationId,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO notices (destination_id, kind, day, project_id, about_id, since, until)
         SELECT id, $3, (now() AT TIME ZONE 'UTC')::date, project_id, $2, now(), now() FROM destinations
         WHERE project_id = $1 AND id <> $2 AND removed_at IS NULL AND broken_at IS NULL
         ON CONFLICT ON CONSTRAINT notices_occasion_key DO NOTHING",
        project_id.as_uuid(),
        broken.as_uuid(),
        NoticeKind::DestinationBroken.as_str(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Claims a notice that is due, for one attempt; it is due again after `pause` unless it is finished.
pub async fn claim_notice(
    db: impl PgExecutor<'_>,
    pause: Duration,
) -> Result<Option<Notice>, StoreError> {
    let row = sqlx::query!(
        r#"UPDATE notices SET attempts = attempts + 1, due_at = now() + make_interval(secs => $1)
           WHERE id = (
               SELECT id FROM notices WHERE state = 'pending' AND due_at <= now()
               ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
           RETURNING id, kind, destination_id, day, project_id, about_id, since, until,
               created_at < now() - interval '24 hours' AS "last!""#,
        pause.as_secs_f64(),
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        Ok(Notice {
            id: row.id,
            kind: read_text("notices", "kind", row.id, &row.kind)?,
            destination_id: DestinationId::from_uuid(row.destination_id),
            day: row.day,
            project_id: ProjectId::from_uuid(row.project_id),
            about: row.about_id.map(DestinationId::from_uuid),
            since: row.since,
            until: row.until,
            last: row.last,
        })
    })
    .transpose()
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptEnd<'a> {
    /// The message was taken; what the other side answered.
    Delivered(&'a str),
    /// It was not, and is tried again; what the other side answered.
    Failed(&'a str),
    /// It was not, and that was the last attempt.
    GivenUp(&'a str),
}

/// Notes how an attempt ended. `false` if the notice was finished before.
pub async fn note_attempt(
    db: impl PgExecutor<'_>,
    notice: &Notice,
    end: AttemptEnd<'_>,
) -> Result<bool, StoreError> {
    let (state, answer) = match end {
        AttemptEnd::Delivered(answer) => ("delivered", answer),
        AttemptEnd::Failed(answer) => ("pending", answer),
        AttemptEnd::GivenUp(answer) => ("given_up", answer),
    };
    let done = sqlx::query!(
        "UPDATE notices SET state = $2, last_answer = $3,
             finished_at = CASE WHEN $2 = 'pending' THEN NULL ELSE now() END
         WHERE id = $1 AND state = 'pending'",
        notice.id,
        state,
        answer,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The results of one project, or of all, that were given up after `since` and up to `until`, with the
/// ids of five.
pub async fn find_unclaimed(
    db: impl PgExecutor<'_>,
    project_id: Option<ProjectId>,
    since: OffsetDateTime,
    until: OffsetDateTime,
) -> Result<Unclaimed, StoreError> {
    let row = sqlx::query!(
        r#"WITH given_up AS (
               SELECT entry.at, entry.detail ->> 'provider_event_id' AS id, entry.detail ->> 'status' AS status
               FROM projects p CROSS JOIN LATERAL (
                   SELECT at, detail FROM audit_entries
                   WHERE coalesce(project_id, '00000000-0000-0000-0000-000000000000') = p.id
                     AND actor = $2 AND action = $3 AND at > $4 AND at <= $5) AS entry
               WHERE $1::uuid IS NULL OR p.id = $1
           )
           SELECT (SELECT count(*) FROM given_up) AS "count!",
                  (SELECT count(*) FROM given_up WHERE status = $6) AS "failures!",
                  ARRAY(SELECT id FROM given_up WHERE id IS NOT NULL
                      ORDER BY coalesce(status = $6, false) DESC, at DESC LIMIT 5) AS "ids!""#,
        project_id.map(ProjectId::as_uuid),
        Actor::System.to_string(),
        Action::ResultUnclaimed.as_str(),
        since,
        until,
        Outcome::Failed.as_str(),
    )
    .fetch_one(db)
    .await?;
    Ok(Unclaimed { count: row.count, failures: row.failures, provider_event_ids: row.ids })
}

/// Forgets finished notices after 30 days.
pub async fn delete_old(db: impl PgExecutor<'_>) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "DELETE FROM notices WHERE state <> 'pending' AND created_at < now() - interval '30 days'"
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
