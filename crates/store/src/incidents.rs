//! Incidents.

use std::collections::BTreeSet;

use domain::app_error::AppError;
use domain::cause::Cause;
use domain::ids::{CauseId, EventId, IncidentId, ProjectId};
use domain::incident::{IncidentState, Reason, Resolution};
use domain::money::Amount;
use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::error::expect_one;
use crate::{PgConnection, StoreError};

#[derive(Debug, Clone)]
pub struct Incident {
    pub id: IncidentId,
    pub event_id: EventId,
    pub project_id: ProjectId,
    pub state: IncidentState,
    /// Why it was opened.
    pub reason: Reason,
    /// What it has in common with others; not known of those that an earlier release opened.
    pub cause_id: Option<CauseId>,
    /// The app's last error.
    pub error: AppError,
    /// Who sees to it, by address.
    pub owner: Option<String>,
    /// What was paid, where the receipt said so.
    pub amount: Option<Amount>,
    /// How it ended.
    pub resolution: Option<Resolution>,
    /// How much later than due the silence was judged, because of an outage of our own API.
    pub outage_grace_seconds: Option<i32>,
    pub opened_at: OffsetDateTime,
    /// When an operator last acknowledged it.
    pub acknowledged_at: Option<OffsetDateTime>,
    /// When it ended.
    pub resolved_at: Option<OffsetDateTime>,
}

/// An incident by its id, and its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IncidentRef {
    pub id: IncidentId,
    pub state: IncidentState,
}

impl Incident {
    #[must_use]
    pub fn reference(&self) -> IncidentRef {
        IncidentRef { id: self.id, state: self.state }
    }
}

/// An incident that opens.
#[derive(Clone, Copy)]
pub struct NewIncident<'a> {
    pub event_id: EventId,
    pub cause: &'a Cause,
    pub error: &'a AppError,
    /// How much later than due its silence was judged.
    pub outage_grace_seconds: Option<i32>,
}

/// Reads whole incidents; what follows `FROM incidents` is the caller's.
macro_rules! query_incidents {
    ($tail:literal, $($argument:expr),+) => {
        sqlx::query!(
            "SELECT id, event_id, project_id, state, reason, cause, error_code, error_message, amount_value, amount_currency, resolution,
                 outage_grace_seconds, opened_at, acknowledged_at, resolved_at,
                 (SELECT email FROM operators WHERE operators.id = incidents.owner) AS owner
             FROM incidents " + $tail,
            $($argument),+
        )
        .map(|row| Incident {
            id: row.id,
            event_id: row.event_id,
            project_id: row.project_id,
            state: row.state,
            reason: row.reason,
            cause_id: row.cause,
            error: AppError { code: row.error_code, message: row.error_message },
            owner: row.owner,
            amount: Amount::from_columns(row.amount_value, row.amount_currency),
            resolution: row.resolution,
            outage_grace_seconds: row.outage_grace_seconds,
            opened_at: row.opened_at,
            acknowledged_at: row.acknowledged_at,
            resolved_at: row.resolved_at,
        })
    };
}

/// Opens the incident of an event; the caller holds the event's lock and knows that there is none.
pub async fn insert_incident(
    tx: &mut PgConnection,
    new: NewIncident<'_>,
) -> Result<IncidentId, StoreError> {
    let NewIncident { event_id, cause, error, outage_grace_seconds } = new;
    let id = IncidentId::from_uuid(Uuid::now_v7());
    sqlx::query!(
        "INSERT INTO incidents (id, project_id, event_id, reason, error_code, error_message, cause, cause_code, outage_grace_seconds)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $5, $8)",
        id.as_uuid(),
        cause.project_id.as_uuid(),
        event_id.as_uuid(),
        cause.reason.as_str(),
        cause.error_code,
        error.message,
        cause.id().as_uuid(),
        outage_grace_seconds,
    )
    .execute(tx)
    .await?;
    Ok(id)
}

/// Says that the incident of an event was opened before its watch asked.
pub async fn mark_watch_late(db: impl PgExecutor<'_>, event_id: EventId) -> Result<(), StoreError> {
    sqlx::query!("UPDATE incidents SET watch_late = true WHERE event_id = $1", event_id.as_uuid())
        .execute(db)
        .await?;
    Ok(())
}

/// Says that the watch has come, or that it is looked for.
pub async fn clear_watch_late(
    db: impl PgExecutor<'_>,
    event_id: EventId,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE incidents SET watch_late = false WHERE event_id = $1 AND watch_late",
        event_id.as_uuid()
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The incident of an event.
pub async fn find_for_event(
    db: impl PgExecutor<'_>,
    event_id: EventId,
) -> Result<Option<Incident>, StoreError> {
    let incident = query_incidents!("WHERE event_id = $1", event_id.as_uuid());
    Ok(incident.fetch_optional(db).await?)
}

/// The error code that an incident was opened with, which its cause has. `None` of an incident that
/// an earlier release opened, whose cause is not known.
pub async fn find_cause_code(
    db: impl PgExecutor<'_>,
    id: IncidentId,
) -> Result<Option<Option<String>>, StoreError> {
    let row = sqlx::query!(
        "SELECT cause_code FROM incidents WHERE id = $1 AND cause IS NOT NULL",
        id.as_uuid(),
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| row.cause_code))
}

pub async fn find_incident(
    db: impl PgExecutor<'_>,
    id: IncidentId,
) -> Result<Option<Incident>, StoreError> {
    Ok(query_incidents!("WHERE id = $1", id.as_uuid()).fetch_optional(db).await?)
}

/// The incidents with these ids, in no particular order.
pub async fn list_by_ids(
    db: impl PgExecutor<'_>,
    ids: &[IncidentId],
) -> Result<Vec<Incident>, StoreError> {
    Ok(query_incidents!("WHERE id = ANY($1)", ids as &[IncidentId]).fetch_all(db).await?)
}

/// The incidents of those of these events that have one.
pub async fn list_for_events(
    db: impl PgExecutor<'_>,
    event_ids: &[EventId],
) -> Result<Vec<Incident>, StoreError> {
    let incidents = query_incidents!("WHERE event_id = ANY($1)", event_ids as &[EventId]);
    Ok(incidents.fetch_all(db).await?)
}

/// Moves an incident from the state that was read under the lock.
///
/// # Errors
/// When the state was another one.
pub async fn change_state(
    tx: &mut PgConnection,
    incident: &Incident,
    to: IncidentState,
) -> Result<(), StoreError> {
    let done = sqlx::query!(
        "UPDATE incidents SET state = $3,
             acknowledged_at = CASE WHEN $3 = 'acknowledged' THEN now() ELSE acknowledged_at END
         WHERE id = $1 AND state = $2",
        incident.id.as_uuid(),
        incident.state.as_str(),
        to.as_str(),
    )
    .execute(tx)
    .await?;
    expect_one("incidents", done.rows_affected())
}

/// Resolves an incident.
///
/// # Errors
/// When it was resolved already.
pub async fn resolve(
    tx: &mut PgConnection,
    id: IncidentId,
    resolution: Resolution,
    note: Option<&str>,
) -> Result<(), StoreError> {
    let done = sqlx::query!(
        "UPDATE incidents SET state = 'resolved', resolution = $2, resolution_note = $3, resolved_at = now()
         WHERE id = $1 AND state <> 'resolved'",
        id.as_uuid(),
        resolution.as_str(),
        note,
    )
    .execute(tx)
    .await?;
    expect_one("incidents", done.rows_affected())
}

/// Keeps the app's latest message about the failure.
pub async fn refresh_error(
    tx: &mut PgConnection,
    id: IncidentId,
    error: &AppError,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE incidents SET error_code = $2, error_message = $3 WHERE id = $1",
        id.as_uuid(),
        error.code,
        error.message,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Which of these events have an incident.
pub async fn list_events_with_incident(
    db: impl PgExecutor<'_>,
    event_ids: &[EventId],
) -> Result<BTreeSet<EventId>, StoreError> {
    if event_ids.is_empty() {
        return Ok(BTreeSet::new());
    }
    let found = sqlx::query_scalar!(
        "SELECT event_id FROM incidents WHERE event_id = ANY ($1)",
        event_ids as &[EventId]
    );
    Ok(found.fetch_all(db).await?.into_iter().collect())
}

/// How many incidents of a project are not resolved. So many rows are read.
pub async fn count_unresolved(
    db: impl PgExecutor<'_>,
    project_id: ProjectId,
) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM incidents WHERE project_id = $1 AND state IN ('open', 'acknowledged', 'reprocessing')"#,
        project_id.as_uuid(),
    );
    Ok(count.fetch_one(db).await?)
}
