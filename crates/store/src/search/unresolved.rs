//! What is not resolved, in numbers: how many incidents, how many customers wait for what they are about, what they paid.
//!
//! All of it is of one moment. What is read is as much as is not resolved, through an index that has all that is counted.
//! A customer is one reference of one project, however many incidents they have.

use domain::catalogue::EffectType;
use domain::ids::ProjectId;
use domain::money::Amount;
use domain::project::Mode;
use sqlx::PgExecutor;
use time::OffsetDateTime;

use super::at_risk::sum_at_risk;
use super::reading;
use crate::{PgPool, StoreError};

/// What is not resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unresolved {
    /// Open incidents.
    pub open: i64,
    /// Acknowledged ones.
    pub acknowledged: i64,
    /// Those that are being reprocessed.
    pub reprocessing: i64,
    /// Since when the oldest of all these waits.
    pub oldest_opened_at: Option<OffsetDateTime>,
    pub customers: Customers,
    /// What was paid, one sum per currency, as far as receipts said so; the largest number first.
    pub at_risk: Vec<Amount>,
}

/// Customers who do not have what they should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Customers {
    /// Who paid and got nothing.
    pub without: i64,
    /// Who still have what they should have lost.
    pub with_too_much: i64,
}

/// What is not resolved of one project, or of all of a mode that are not archived.
pub async fn read_unresolved(
    db: &PgPool,
    project_id: Option<ProjectId>,
    mode: Option<Mode>,
) -> Result<Unresolved, StoreError> {
    let mut tx = reading::begin(db).await?;
    let counted = count(&mut *tx, project_id, mode).await?;
    let at_risk = sum_at_risk(&mut *tx, project_id, mode).await?;
    tx.commit().await?;
    Ok(Unresolved { at_risk, ..counted })
}

/// All but what is at risk.
async fn count(
    db: impl PgExecutor<'_>,
    project_id: Option<ProjectId>,
    mode: Option<Mode>,
) -> Result<Unresolved, StoreError> {
    let taking: Vec<_> = EffectType::TAKING.iter().map(ToString::to_string).collect();
    let counted = sqlx::query!(
        r#"SELECT coalesce(sum(n.open), 0)::bigint AS "open!", coalesce(sum(n.acknowledged), 0)::bigint AS "acknowledged!",
               coalesce(sum(n.reprocessing), 0)::bigint AS "reprocessing!", min(n.oldest_opened_at) AS oldest_opened_at,
               coalesce(sum(n.without), 0)::bigint AS "without!", coalesce(sum(n.with_too_much), 0)::bigint AS "with_too_much!"
           FROM projects p CROSS JOIN LATERAL (
               SELECT sum(c.open) AS open, sum(c.acknowledged) AS acknowledged, sum(c.reprocessing) AS reprocessing,
                   min(c.oldest_opened_at) AS oldest_opened_at, count(*) FILTER (WHERE c.without) AS without,
                   count(*) FILTER (WHERE c.with_too_much) AS with_too_much
               FROM (SELECT count(*) FILTER (WHERE i.state = 'open') AS open, count(*) FILTER (WHERE i.state = 'acknowledged') AS acknowledged,
                         count(*) FILTER (WHERE i.state = 'reprocessing') AS reprocessing, min(i.opened_at) AS oldest_opened_at,
                         NOT bool_and(i.effect_type = ANY ($3)) AS without, bool_or(i.effect_type = ANY ($3)) AS with_too_much
                     FROM incidents i WHERE i.project_id = p.id AND i.state <> 'resolved'
                     GROUP BY i.internal_reference) AS c) AS n
           WHERE ($1::uuid IS NULL AND p.archived_at IS NULL OR p.id = $1) AND ($2::text IS NULL OR p.mode = $2)"#,
        project_id.map(ProjectId::as_uuid),
        mode.map(Mode::as_str),
        &taking,
    );
    let counted = counted.fetch_one(db).await?;
    Ok(Unresolved {
        open: counted.open,
        acknowledged: counted.acknowledged,
        reprocessing: counted.reprocessing,
        oldest_opened_at: counted.oldest_opened_at,
        customers: Customers { without: counted.without, with_too_much: counted.with_too_much },
        at_risk: Vec::new(),
    })
}
