//! What policies still have to do: a reprocess after its delay, alerts that waited for one.
//!
//! A row is written in the transaction of the decision, and whatever dies afterwards, a process that
//! finds it due does it. It goes with the incident's end, and when a person is faster.

use domain::ids::EventId;
use sqlx::PgExecutor;
use time::OffsetDateTime;

use crate::StoreError;

/// What is planned for the incident of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolicyPlan {
    /// When a reprocess starts.
    pub try_at: Option<OffsetDateTime>,
    /// When alerts go out that wait; nothing was told of the incident so far.
    pub alerts_at: Option<OffsetDateTime>,
}

/// Writes what is planned from now on, over what was; nothing planned deletes the row.
pub async fn save_plan(
    db: impl PgExecutor<'_>,
    event_id: EventId,
    plan: PolicyPlan,
) -> Result<(), StoreError> {
    if (plan.try_at, plan.alerts_at) == (None, None) {
        return delete_plan(db, event_id).await;
    }
    sqlx::query!(
        "INSERT INTO policy_plans (event_id, try_at, alerts_at) VALUES ($1, $2, $3)
         ON CONFLICT ON CONSTRAINT policy_plans_pkey DO UPDATE SET try_at = excluded.try_at, alerts_at = excluded.alerts_at",
        event_id.as_uuid(),
        plan.try_at,
        plan.alerts_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What is planned; the caller holds the event's lock.
pub async fn find_plan(
    db: impl PgExecutor<'_>,
    event_id: EventId,
) -> Result<Option<PolicyPlan>, StoreError> {
    let plan = sqlx::query_as!(
        PolicyPlan,
        "SELECT try_at, alerts_at FROM policy_plans WHERE event_id = $1",
        event_id.as_uuid(),
    )
    .fetch_optional(db)
    .await?;
    Ok(plan)
}

pub async fn delete_plan(db: impl PgExecutor<'_>, event_id: EventId) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM policy_plans WHERE event_id = $1", event_id.as_uuid())
        .execute(db)
        .await?;
    Ok(())
}

/// The events for which something is due, the most overdue first.
pub async fn list_due(db: impl PgExecutor<'_>, limit: i64) -> Result<Vec<EventId>, StoreError> {
    let ids = sqlx::query_scalar!(
        "SELECT event_id FROM policy_plans WHERE due_at <= now() ORDER BY due_at LIMIT $1",
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(ids)
}
