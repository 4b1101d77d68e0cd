//! What incidents have in common, for those who look at two hundred of them at once.
//!
//! A cause is not a row: it is what its incidents say, so it opens with the first of them and is
//! over with the last. Of incidents that a release opened which knew no causes, none is known; they
//! are in the lists alone.

use domain::catalogue::EffectType;
use domain::cause::Cause;
use domain::ids::{CauseId, ProjectId};
use domain::money::Amount;
use domain::project::Mode;
use domain::urgency::{AtStake, Urgency};
use sqlx::PgExecutor;
use time::OffsetDateTime;

use super::at_risk::sum_by_cause;
use super::{project_names, reading};
use crate::{PgPool, StoreError};

/// The most causes that are listed; those with the most customers come first.
pub const MAX_CAUSES: usize = 100;

/// A cause with incidents that are not resolved.
#[derive(Debug, Clone)]
pub struct CauseRow {
    pub id: CauseId,
    pub cause: Cause,
    pub project_name: String,
    pub mode: Mode,
    /// How many incidents are not resolved.
    pub incidents: i64,
    /// How many of them wait for an operator: neither acknowledged nor being reprocessed.
    pub open: i64,
    /// How many references they are about.
    pub customers: i64,
    /// What they paid, one sum per currency, as far as receipts said so.
    pub at_risk: Vec<Amount>,
    pub urgency: Urgency,
    /// How many of them opened within the last fifteen minutes.
    pub opened_lately: i64,
    pub oldest_opened_at: OffsetDateTime,
    pub newest_opened_at: OffsetDateTime,
}

/// The causes of what is not resolved, of one project or of all of a mode: live projects first, and in each
/// mode the one with the most customers. What is read is as much as is not resolved.
#[expect(clippy::too_many_lines, reason = "one question to the database, whose text is most of it")]
pub async fn list_causes(
    db: &PgPool,
    project_id: Option<ProjectId>,
    mode: Option<Mode>,
) -> Result<Vec<CauseRow>, StoreError> {
    let mut tx = reading::begin(db).await?;
    let rows = sqlx::query!(
        r#"SELECT i.cause AS "cause!: CauseId", i.project_id, i.reason, i.cause_code, i.event_type AS "event_type!",
               i.effect_type AS "effect_type!: EffectType",
               count(*) AS "incidents!", count(*) FILTER (WHERE i.state = 'open') AS "open!",
               count(DISTINCT i.internal_reference) AS "customers!",
               count(*) FILTER (WHERE i.opened_at > now() - interval '15 minutes') AS "opened_lately!",
               min(i.opened_at) AS "oldest_opened_at!", max(i.opened_at) AS "newest_opened_at!", now() AS "now!"
           FROM incidents i JOIN projects p ON p.id = i.project_id
           WHERE i.state <> 'resolved' AND i.cause IS NOT NULL AND ($1::uuid IS NULL AND p.archived_at IS NULL OR p.id = $1)
           GROUP BY i.cause, i.project_id, i.reason, i.cause_code, i.event_type, i.effect_type"#,
        project_id.map(ProjectId::as_uuid),
    )
    .fetch_all(&mut *tx)
    .await?;
    let projects = project_names(&mut tx).await?;
    let mut at_risk = sum_by_cause(&mut *tx, project_id).await?;
    tx.commit().await?;
    let mut causes: Vec<_> = rows
        .into_iter()
        .filter_map(|row| {
            let (project_name, mode) = projects.get(&row.project_id)?.clone();
            let at_risk = at_risk.remove(&row.cause).unwrap_or_default();
            let (age, customers) = (row.now - row.oldest_opened_at, row.customers);
            let at_stake = AtStake { age, customers, at_risk: &at_risk };
            Some(CauseRow {
                id: row.cause,
                cause: Cause {
                    project_id: row.project_id,
                    reason: row.reason,
                    error_code: row.cause_code,
                    event_type: row.event_type,
                    effect_type: row.effect_type,
                },
                project_name,
                mode,
                incidents: row.incidents,
                open: row.open,
                customers: row.customers,
                urgency: Urgency::decide(mode, &at_stake),
                at_risk,
                opened_lately: row.opened_lately,
                oldest_opened_at: row.oldest_opened_at,
                newest_opened_at: row.newest_opened_at,
            })
        })
        .collect();
    causes.retain(|row| mode.is_none_or(|mode| row.mode == mode));
    causes.sort_by_key(|row| (row.mode != Mode::Live, -row.customers, -row.incidents, row.id));
    causes.truncate(MAX_CAUSES);
    Ok(causes)
}

/// How many incidents of a cause are not resolved, counted no further than `most`.
pub async fn count_waiting(
    db: impl PgExecutor<'_>,
    id: CauseId,
    most: i64,
) -> Result<i64, StoreError> {
    let waiting = sqlx::query_scalar!(
        r#"SELECT count(*) AS "waiting!" FROM (
               SELECT FROM incidents WHERE cause = $1 AND state <> 'resolved' LIMIT $2) AS waiting"#,
        id.as_uuid(),
        most,
    );
    Ok(waiting.fetch_one(db).await?)
}

/// What an incident has in common with others.
pub async fn find_cause(db: impl PgExecutor<'_>, id: CauseId) -> Result<Option<Cause>, StoreError> {
    let row = sqlx::query!(
        r#"SELECT project_id, reason, cause_code, event_type AS "event_type!", effect_type AS "effect_type!: EffectType"
           FROM incidents WHERE cause = $1 ORDER BY cause, state, id LIMIT 1"#,
        id.as_uuid(),
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Cause {
        project_id: row.project_id,
        reason: row.reason,
        error_code: row.cause_code,
        event_type: row.event_type,
        effect_type: row.effect_type,
    }))
}
