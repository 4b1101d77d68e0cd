//! What each run of a rule did: a row from when it begins, so that a run that was cut off shows too.

use std::time::{Duration, Instant};

use domain::audit::Actor;
use domain::retention::Rule;
use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::StoreError;

/// How often a run says how far it has come.
const NOTE_EVERY: Duration = Duration::from_secs(5);

/// A run that goes on.
#[derive(Debug)]
pub(super) struct Progress {
    id: Uuid,
    noted_at: Instant,
}

/// The last run of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastRun {
    pub rule: Rule,
    /// Who began it, as the audit names actors.
    pub started_by: String,
    pub started_at: OffsetDateTime,
    /// `None` while it runs, and for good where it was cut off.
    pub ended_at: Option<OffsetDateTime>,
    /// Whether it has no end and was not seen for a minute.
    pub was_cut_off: bool,
    /// Rows that went, also where it failed.
    pub deleted: i64,
    pub error: Option<String>,
    /// When a run of the rule last came to its end without an error.
    pub succeeded_at: Option<OffsetDateTime>,
}

pub(super) async fn begin(
    db: impl PgExecutor<'_>,
    rule: Rule,
    by: &Actor,
) -> Result<Progress, StoreError> {
    let id = Uuid::now_v7();
    sqlx::query!(
        "INSERT INTO retention_runs (id, rule, started_by) VALUES ($1, $2, $3)",
        id,
        rule.as_str(),
        by.to_string(),
    )
    .execute(db)
    .await?;
    Ok(Progress { id, noted_at: Instant::now() })
}

impl Progress {
    /// Says now and then how much is deleted.
    pub(super) async fn note(
        &mut self,
        db: impl PgExecutor<'_>,
        deleted: i64,
    ) -> Result<(), StoreError> {
        if self.noted_at.elapsed() < NOTE_EVERY {
            return Ok(());
        }
        self.noted_at = Instant::now();
        sqlx::query!(
            "UPDATE retention_runs SET seen_at = now(), deleted = $2 WHERE id = $1",
            self.id,
            deleted,
        )
        .execute(db)
        .await?;
        Ok(())
    }

    pub(super) async fn end(
        self,
        db: impl PgExecutor<'_>,
        deleted: i64,
        error: Option<&str>,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "UPDATE retention_runs SET seen_at = now(), ended_at = now(), deleted = $2, error = $3 WHERE id = $1",
            self.id,
            deleted,
            error,
        )
        .execute(db)
        .await?;
        Ok(())
    }
}

/// The last run of each rule that ever ran, in the order of the rules. One that only another release knows is left
/// out.
pub async fn list_last(db: impl PgExecutor<'_>) -> Result<Vec<LastRun>, StoreError> {
    let runs = sqlx::query_as!(
        LastRun,
        r#"SELECT wanted.rule AS "rule!: Rule", last.started_by, last.started_at, last.ended_at,
               last.ended_at IS NULL AND last.seen_at < now() - interval '1 minute' AS "was_cut_off!",
               last.deleted, last.error, (SELECT r.ended_at FROM retention_runs r
                   WHERE r.rule = wanted.rule AND r.error IS NULL AND r.ended_at IS NOT NULL
                   ORDER BY r.started_at DESC LIMIT 1) AS succeeded_at
           FROM unnest($1::text[]) WITH ORDINALITY AS wanted (rule, place) CROSS JOIN LATERAL (
               SELECT * FROM retention_runs r WHERE r.rule = wanted.rule ORDER BY r.started_at DESC LIMIT 1) AS last
           ORDER BY wanted.place"#,
        &names(),
    )
    .fetch_all(db)
    .await?;
    Ok(runs)
}

/// How long a rule has gone without a run that came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastSuccess {
    pub rule: Rule,
    pub succeeded_at: Option<OffsetDateTime>,
    /// Seconds since then, or since rules are expected to run.
    pub silent_for: i64,
}

/// The last success of every rule, in the order of the rules.
pub async fn list_successes(db: impl PgExecutor<'_>) -> Result<Vec<LastSuccess>, StoreError> {
    let successes = sqlx::query_as!(
        LastSuccess,
        r#"SELECT wanted.rule AS "rule!: Rule", last.ended_at AS "succeeded_at?",
               extract(epoch FROM now() - greatest(last.ended_at, e.retention_since))::bigint AS "silent_for!"
           FROM environments e CROSS JOIN unnest($1::text[]) WITH ORDINALITY AS wanted (rule, place)
           LEFT JOIN LATERAL (
               SELECT r.ended_at FROM retention_runs r
               WHERE r.rule = wanted.rule AND r.error IS NULL AND r.ended_at IS NOT NULL
               ORDER BY r.started_at DESC LIMIT 1) AS last ON true
           ORDER BY wanted.place"#,
        &names(),
    )
    .fetch_all(db)
    .await?;
    Ok(successes)
}

fn names() -> Vec<String> {
    Rule::ALL.iter().map(|rule| rule.as_str().to_owned()).collect()
}

super::macros::delete_by_age!(
    "retention_runs",
    "id",
    "started_at",
    "started_at < now() - interval '90 days'"
);
