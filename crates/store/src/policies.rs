//! Policies for automatic reprocesses, and the causes for which they stopped.
//!
//! A decision is made under the lock of the policy's row, so that of many incidents that open
//! concurrently each sees those before it, and the breaker stops at its number and not somewhere
//! above it. The lock comes after the event's, always.

use domain::catalogue::EffectType;
use domain::cause::Cause;
use domain::ids::{CauseId, ProjectId};
use domain::incident::Reason;
use domain::reprocess::ReprocessState;
use domain::reprocess_policy::{Breaker, PolicySettings, StopReason};
use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{PgConnection, StoreError};

/// A policy of a project.
#[derive(Debug, Clone)]
pub struct Policy {
    pub effect_type: EffectType,
    pub settings: PolicySettings,
    /// When it was turned on: its breaker counts from then.
    pub counts_since: OffsetDateTime,
}

/// A cause for which a policy stopped.
#[derive(Debug, Clone)]
pub struct PolicyStop {
    pub id: Uuid,
    pub effect_type: EffectType,
    pub cause_id: CauseId,
    pub event_type: String,
    pub reason: Reason,
    pub error_code: Option<String>,
    pub why: StopReason,
    pub stopped_at: OffsetDateTime,
}

/// Reads whole policies; what follows `FROM reprocess_policies` is the caller's.
macro_rules! query_policies {
    ($tail:literal, $($argument:expr),+) => {
        sqlx::query!(
            "SELECT effect_type, enabled, attempts, delay_seconds, stop_failed, stop_of, stop_customers, wait_alerts,
                 may_take, counts_since
             FROM reprocess_policies " + $tail,
            $($argument),+
        )
        .map(|row| Policy {
            effect_type: row.effect_type,
            settings: PolicySettings {
                enabled: row.enabled,
                attempts: row.attempts,
                delay_seconds: row.delay_seconds,
                stop_failed: row.stop_failed,
                stop_of: row.stop_of,
                stop_customers: row.stop_customers,
                wait_alerts: row.wait_alerts,
                may_take: row.may_take,
            },
            counts_since: row.counts_since,
        })
    };
}

/// Locks the policy of an effect type, if it is on.
pub async fn lock_enabled(
    tx: &mut PgConnection,
    project_id: ProjectId,
    effect_type: &EffectType,
) -> Result<Option<Policy>, StoreError> {
    let policy = query_policies!(
        "WHERE project_id = $1 AND effect_type = $2 AND enabled
             AND EXISTS (SELECT FROM projects WHERE id = $1 AND archived_at IS NULL) FOR NO KEY UPDATE",
        project_id.as_uuid(),
        effect_type.as_str()
    );
    Ok(policy.fetch_optional(tx).await?)
}

/// Locks the policy of an effect, on or off.
pub async fn lock_policy(
    tx: &mut PgConnection,
    project_id: ProjectId,
    effect_type: &EffectType,
) -> Result<Option<Policy>, StoreError> {
    let policy = query_policies!(
        "WHERE project_id = $1 AND effect_type = $2 FOR NO KEY UPDATE",
        project_id.as_uuid(),
        effect_type.as_str()
    );
    Ok(policy.fetch_optional(tx).await?)
}

pub async fn find_policy(
    db: impl PgExecutor<'_>,
    project_id: ProjectId,
    effect_type: &EffectType,
) -> Result<Option<Policy>, StoreError> {
    let policy = query_policies!(
        "WHERE project_id = $1 AND effect_type = $2",
        project_id.as_uuid(),
        effect_type.as_str()
    );
    Ok(policy.fetch_optional(db).await?)
}

/// The policies of a project that were ever set, by effect type.
pub async fn list_policies(
    db: impl PgExecutor<'_>,
    project_id: ProjectId,
) -> Result<Vec<Policy>, StoreError> {
    let policies =
        query_policies!("WHERE project_id = $1 ORDER BY effect_type", project_id.as_uuid());
    Ok(policies.fetch_all(db).await?)
}

/// Writes a policy, over the one that there was. One that is turned on counts from now; one that
/// stays on goes on counting.
pub async fn save_policy(
    db: impl PgExecutor<'_>,
    project_id: ProjectId,
    effect_type: &EffectType,
    settings: &PolicySettings,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO reprocess_policies (project_id, effect_type, enabled, attempts, delay_seconds, stop_failed, stop_of,
             stop_customers, wait_alerts, may_take)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT ON CONSTRAINT reprocess_policies_pkey DO UPDATE SET
             enabled = excluded.enabled, attempts = excluded.attempts, delay_seconds = excluded.delay_seconds,
             stop_failed = excluded.stop_failed, stop_of = excluded.stop_of, stop_customers = excluded.stop_customers,
             wait_alerts = excluded.wait_alerts, may_take = excluded.may_take,
             counts_since = CASE WHEN reprocess_policies.enabled THEN reprocess_policies.counts_since ELSE now() END",
        project_id.as_uuid(),
        effect_type.as_str(),
        settings.enabled,
        settings.attempts,
        settings.delay_seconds,
        settings.stop_failed,
        settings.stop_of,
        settings.stop_customers,
        settings.wait_alerts,
        settings.may_take,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Reads what the breaker of a policy knows of a cause, since the policy was turned on or the
/// breaker was last reset. Where it is stopped, nothing else is counted. No more is read than
/// `stop_of` reprocesses and `stop_customers` customers, but for reprocesses that still run.
///
/// A reprocess that ended because a person resolved the incident says nothing about the policy.
pub async fn read_breaker(
    tx: &mut PgConnection,
    cause_id: CauseId,
    policy: &Policy,
) -> Result<Breaker, StoreError> {
    let stops = sqlx::query!(
        r#"SELECT (SELECT reset_at FROM policy_stops WHERE cause = $1 AND reset_at IS NOT NULL
                   ORDER BY reset_at DESC LIMIT 1) AS "reset_at?",
                  EXISTS (SELECT FROM policy_stops WHERE cause = $1 AND reset_at IS NULL) AS "stopped!""#,
        cause_id.as_uuid(),
    )
    .fetch_one(&mut *tx)
    .await?;
    if stops.stopped {
        return Ok(Breaker { stopped: true, ..Breaker::default() });
    }
    let since = stops.reset_at.map_or(policy.counts_since, |at| at.max(policy.counts_since));
    count_since(tx, cause_id, policy, since).await
}

async fn count_since(
    tx: &mut PgConnection,
    cause_id: CauseId,
    policy: &Policy,
    since: OffsetDateTime,
) -> Result<Breaker, StoreError> {
    let counted = sqlx::query!(
        r#"WITH RECURSIVE ended AS (
               SELECT r.state FROM reprocesses r JOIN incidents i ON i.id = r.incident_id
               WHERE r.cause = $1 AND r.requested_at >= $2 AND r.finished_at IS NOT NULL
                   AND (i.resolution IS DISTINCT FROM 'manual' OR i.resolved_at <> r.finished_at)
               ORDER BY r.requested_at DESC LIMIT $3
           ), customers (reference, place) AS (
               (SELECT internal_reference, 1 FROM incidents
                WHERE cause = $1 AND state <> 'resolved' AND opened_at >= $2 ORDER BY internal_reference LIMIT 1)
               UNION ALL
               (SELECT next.internal_reference, place + 1 FROM customers CROSS JOIN LATERAL (
                    SELECT internal_reference FROM incidents
                    WHERE cause = $1 AND state <> 'resolved' AND opened_at >= $2 AND internal_reference > reference
                    ORDER BY internal_reference LIMIT 1) AS next
                WHERE place <= $4)
           )
           SELECT (SELECT count(*) FROM ended) AS "ended!",
                  (SELECT count(*) FROM ended WHERE state <> $5) AS "failed!",
                  (SELECT count(*) FROM customers) AS "customers!""#,
        cause_id.as_uuid(),
        since,
        i64::from(policy.settings.stop_of),
        policy.settings.stop_customers,
        ReprocessState::Succeeded.as_str(),
    )
    .fetch_one(tx)
    .await?;
    Ok(Breaker {
        stopped: false,
        ended: counted.ended,
        failed: counted.failed,
        customers: counted.customers,
    })
}

/// Notes that a policy stopped for a cause; the caller holds the policy's lock and knows that it
/// was not.
pub async fn insert_stop(
    db: impl PgExecutor<'_>,
    cause: &Cause,
    why: StopReason,
) -> Result<Uuid, StoreError> {
    let id = Uuid::now_v7();
    let (kind, counted, out_of) = match why {
        StopReason::Failed { failed, of } => ("failed", failed, of),
        StopReason::Customers { limit } => ("customers", i64::from(limit) + 1, i64::from(limit)),
    };
    sqlx::query!(
        "INSERT INTO policy_stops (id, project_id, effect_type, cause, event_type, reason, error_code, kind, counted, out_of)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        id,
        cause.project_id.as_uuid(),
        cause.effect_type.as_str(),
        cause.id().as_uuid(),
        cause.event_type,
        cause.reason.as_str(),
        cause.error_code,
        kind,
        counted,
        out_of,
    )
    .execute(db)
    .await?;
    Ok(id)
}

/// Reads stops; what follows `FROM policy_stops` is the caller's.
macro_rules! query_stops {
    ($tail:literal, $($argument:expr),+) => {
        sqlx::query!(
            "SELECT id, effect_type, cause, event_type, reason, error_code, kind, counted, out_of, stopped_at
             FROM policy_stops " + $tail,
            $($argument),+
        )
        .map(|row| PolicyStop {
            id: row.id,
            effect_type: row.effect_type,
            cause_id: row.cause,
            event_type: row.event_type,
            reason: row.reason,
            error_code: row.error_code,
            why: if row.kind == "failed" {
                StopReason::Failed { failed: row.counted, of: row.out_of }
            } else {
                StopReason::Customers { limit: i32::try_from(row.out_of).unwrap_or(i32::MAX) }
            },
            stopped_at: row.stopped_at,
        })
    };
}

/// The causes for which the policies of a project are stopped, the newest first, at most `limit`.
pub async fn list_stops(
    db: impl PgExecutor<'_>,
    project_id: ProjectId,
    limit: i64,
) -> Result<Vec<PolicyStop>, StoreError> {
    let stops = query_stops!(
        "WHERE project_id = $1 AND reset_at IS NULL ORDER BY stopped_at DESC LIMIT $2",
        project_id.as_uuid(),
        limit
    );
    Ok(stops.fetch_all(db).await?)
}

/// A stop that was not reset.
pub async fn find_stop(
    db: impl PgExecutor<'_>,
    id: Uuid,
) -> Result<Option<PolicyStop>, StoreError> {
    Ok(query_stops!("WHERE id = $1 AND reset_at IS NULL", id).fetch_optional(db).await?)
}

/// Resets the breaker of a policy for one cause, or for all. Returns the causes.
pub async fn reset_stops(
    db: impl PgExecutor<'_>,
    project_id: ProjectId,
    effect_type: &EffectType,
    cause_id: Option<CauseId>,
) -> Result<Vec<CauseId>, StoreError> {
    let causes = sqlx::query_scalar!(
        "UPDATE policy_stops SET reset_at = now()
         WHERE project_id = $1 AND effect_type = $2 AND reset_at IS NULL AND cause = coalesce($3, cause)
         RETURNING cause",
        project_id.as_uuid(),
        effect_type.as_str(),
        cause_id.map(CauseId::as_uuid),
    )
    .fetch_all(db)
    .await?;
    Ok(causes)
}
