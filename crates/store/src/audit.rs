//! The audit: who did what, in the transaction of what was done. Entries are only ever added. What people and apps wrote
//! freely is kept apart from its entry by a trigger, see [`domain::audit::texts`]; readers put both together.

use std::collections::BTreeMap;

use domain::audit::{Action, Actor, AuditEvent};
use domain::ids::{AuditId, EventId, IncidentId, ProjectId};
use serde_json::Value;
use sqlx::PgExecutor;
use uuid::Uuid;

use crate::{StoreError, column};

/// What an entry is about.
#[derive(Debug, Clone, Copy, Default)]
pub struct Subject {
    pub project_id: Option<ProjectId>,
    /// The event, whose timeline then shows the entry.
    pub event_id: Option<EventId>,
    pub incident_id: Option<IncidentId>,
}

impl Subject {
    /// Something about a project as a whole.
    #[must_use]
    pub const fn project(project_id: ProjectId) -> Self {
        Self { project_id: Some(project_id), event_id: None, incident_id: None }
    }

    /// Something about an event.
    #[must_use]
    pub const fn event(project_id: ProjectId, event_id: EventId) -> Self {
        Self { project_id: Some(project_id), event_id: Some(event_id), incident_id: None }
    }

    /// Something about an incident of an event.
    #[must_use]
    pub const fn incident(
        project_id: ProjectId,
        event_id: EventId,
        incident_id: IncidentId,
    ) -> Self {
        Self {
            project_id: Some(project_id),
            event_id: Some(event_id),
            incident_id: Some(incident_id),
        }
    }
}

/// A new entry id.
#[must_use]
pub fn new_id() -> AuditId {
    AuditId::from_uuid(Uuid::now_v7())
}

/// Adds an entry.
pub async fn record(
    db: impl PgExecutor<'_>,
    actor: &Actor,
    subject: Subject,
    event: &AuditEvent,
) -> Result<(), StoreError> {
    record_once(db, Uuid::now_v7(), actor, subject, event).await
}

/// Adds an entry under an id that the caller chose, once. For entries that are all that a repeated
/// step writes.
pub async fn record_once(
    db: impl PgExecutor<'_>,
    id: Uuid,
    actor: &Actor,
    subject: Subject,
    event: &AuditEvent,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO audit_entries (id, actor, action, project_id, event_id, incident_id, detail)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT ON CONSTRAINT audit_entries_pkey DO NOTHING",
        id,
        actor.to_string(),
        event.action(),
        subject.project_id.map(ProjectId::as_uuid),
        subject.event_id.map(EventId::as_uuid),
        subject.incident_id.map(IncidentId::as_uuid),
        event.detail(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Adds many entries at once.
pub async fn record_all(
    db: impl PgExecutor<'_>,
    actor: &Actor,
    entries: &[(Subject, AuditEvent)],
) -> Result<(), StoreError> {
    let ids = column(entries, |_| Uuid::now_v7());
    let actions = column(entries, |(_, event)| event.action().to_owned());
    let project_ids = column(entries, |(of, _)| of.project_id.map(ProjectId::as_uuid));
    let event_ids = column(entries, |(of, _)| of.event_id.map(EventId::as_uuid));
    let incident_ids = column(entries, |(of, _)| of.incident_id.map(IncidentId::as_uuid));
    let details = column(entries, |(_, event)| event.detail());
    sqlx::query!(
        "INSERT INTO audit_entries (id, actor, action, project_id, event_id, incident_id, detail)
         SELECT id, $1, action, project_id, event_id, incident_id, detail
         FROM unnest($2::uuid[], $3::text[], $4::uuid[], $5::uuid[], $6::uuid[], $7::jsonb[])
             AS entries (id, action, project_id, event_id, incident_id, detail)",
        actor.to_string(),
        &ids,
        &actions,
        &project_ids as &[Option<Uuid>],
        &event_ids as &[Option<Uuid>],
        &incident_ids as &[Option<Uuid>],
        &details,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Whether an event has an entry of this action whose detail, without its text, holds this.
pub async fn has_entry(
    db: impl PgExecutor<'_>,
    event_id: EventId,
    action: &str,
    holding: &Value,
) -> Result<bool, StoreError> {
    let found = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM audit_entries
               WHERE event_id = $1 AND action = $2 AND detail @> $3) AS "found!""#,
        event_id.as_uuid(),
        action,
        holding,
    )
    .fetch_one(db)
    .await?;
    Ok(found)
}

/// Who last acknowledged the incidents of these events.
pub async fn list_acknowledgers(
    db: impl PgExecutor<'_>,
    event_ids: &[EventId],
) -> Result<BTreeMap<EventId, String>, StoreError> {
    list_actors(db, event_ids, Action::IncidentAcknowledged).await
}

/// Who last did this to these events.
pub async fn list_actors(
    db: impl PgExecutor<'_>,
    event_ids: &[EventId],
    action: Action,
) -> Result<BTreeMap<EventId, String>, StoreError> {
    if event_ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut rows = sqlx::query!(
        r#"SELECT event_id AS "event_id!", actor, at FROM audit_entries
           WHERE event_id = ANY($1) AND action = $2"#,
        event_ids as &[EventId],
        action.as_str(),
    )
    .fetch_all(db)
    .await?;
    rows.sort_by_key(|row| row.at);
    Ok(rows.into_iter().map(|row| (row.event_id, row.actor)).collect())
}
