//! How far a project, or one run of the integration test, has come: when each thing happened first.
//!
//! All of it is read from the audit, where every step leaves its entry. For a project, the index
//! over the kinds of entries gives the first one of each kind with one probe, however many there
//! are.

use std::collections::BTreeMap;

use domain::audit::Action;
use domain::ids::{EventId, IncidentId, ProjectId};
use time::OffsetDateTime;

use crate::search::reading;
use crate::{PgConnection, PgPool, StoreError};

/// When each step of a project was first seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// An API key was made.
    pub key_made: Option<OffsetDateTime>,
    /// A receipt was accepted.
    pub receipt_seen: Option<OffsetDateTime>,
    /// The app reported a success.
    pub success_seen: Option<OffsetDateTime>,
    /// The app reported a failure.
    pub failure_seen: Option<OffsetDateTime>,
    /// An incident was opened.
    pub incident_seen: Option<OffsetDateTime>,
    pub alert_delivered: Option<OffsetDateTime>,
    /// A test message to a destination was delivered.
    pub destination_tested: Option<OffsetDateTime>,
    /// A reprocess was requested.
    pub reprocess_requested: Option<OffsetDateTime>,
    /// A callback got a 2xx.
    pub callback_delivered: Option<OffsetDateTime>,
    pub reprocess_succeeded: Option<OffsetDateTime>,
    pub incident_resolved: Option<OffsetDateTime>,
}

/// When each step of one provider event happened first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EventProgress {
    /// The event; the first one, if the provider's event has several effects.
    pub event_id: Option<EventId>,
    pub incident_id: Option<IncidentId>,
    /// The receipt was accepted.
    pub receipt: Option<OffsetDateTime>,
    /// The app reported a success.
    pub success: Option<OffsetDateTime>,
    /// The app reported a failure.
    pub failure: Option<OffsetDateTime>,
    pub incident_opened: Option<OffsetDateTime>,
    /// A destination took an alert, or a message about the incident's cause that stands for it.
    pub alert_delivered: Option<OffsetDateTime>,
    /// A reprocess was requested.
    pub reprocess_requested: Option<OffsetDateTime>,
    /// A callback got a 2xx.
    pub callback_delivered: Option<OffsetDateTime>,
    /// The incident was resolved.
    pub resolved: Option<OffsetDateTime>,
}

/// When each action happened first.
struct Firsts(BTreeMap<String, OffsetDateTime>);

impl Firsts {
    fn find(&self, action: Action) -> Option<OffsetDateTime> {
        self.0.get(action.as_str()).copied()
    }
}

/// How far a project has come.
pub async fn project_progress(db: &PgPool, project_id: ProjectId) -> Result<Progress, StoreError> {
    let mut tx = reading::begin(db).await?;
    let firsts = list_firsts(&mut tx, project_id).await?;
    let key_made = find_first_key(&mut tx, project_id).await?;
    tx.commit().await?;
    Ok(Progress {
        key_made,
        receipt_seen: firsts.find(Action::ReceiptAccepted),
        success_seen: firsts.find(Action::ResultSucceeded),
        failure_seen: firsts.find(Action::ResultFailed),
        incident_seen: firsts.find(Action::IncidentOpened),
        alert_delivered: firsts.find(Action::AlertDelivered),
        destination_tested: firsts.find(Action::DestinationTested),
        reprocess_requested: firsts.find(Action::ReprocessRequested),
        callback_delivered: firsts.find(Action::CallbackDelivered),
        reprocess_succeeded: firsts.find(Action::ReprocessSucceeded),
        incident_resolved: firsts.find(Action::IncidentResolved),
    })
}

/// How far the events with one provider's id have come.
pub async fn event_progress(
    db: &PgPool,
    project_id: ProjectId,
    provider_event_id: &str,
) -> Result<EventProgress, StoreError> {
    let mut tx = reading::begin(db).await?;
    let rows = sqlx::query!(
        r#"SELECT e.id, entry.action, entry.at, entry.incident_id
           FROM payment_events e CROSS JOIN LATERAL (
               SELECT a.action, a.at, a.incident_id FROM audit_entries a WHERE a.event_id = e.id LIMIT 1000) AS entry
           WHERE e.project_id = $1 AND e.provider_event_id = $2 ORDER BY e.id, entry.at"#,
        project_id.as_uuid(),
        provider_event_id,
    )
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    let event_id = rows.first().map(|row| row.id);
    let incident_id = rows.iter().find_map(|row| row.incident_id);
    let mut firsts = Firsts(BTreeMap::new());
    for row in rows {
        let first = firsts.0.entry(row.action).or_insert(row.at);
        *first = row.at.min(*first);
    }
    Ok(EventProgress {
        event_id,
        incident_id,
        receipt: firsts.find(Action::ReceiptAccepted),
        success: firsts.find(Action::ResultSucceeded),
        failure: firsts.find(Action::ResultFailed),
        incident_opened: firsts.find(Action::IncidentOpened),
        alert_delivered: firsts.find(Action::AlertDelivered).or(firsts.find(Action::AlertTold)),
        reprocess_requested: firsts.find(Action::ReprocessRequested),
        callback_delivered: firsts.find(Action::CallbackDelivered),
        resolved: firsts.find(Action::IncidentResolved),
    })
}

/// The first entry of each action about a project: one probe for each actor and action. A test that
/// was not delivered does not count.
async fn list_firsts(db: &mut PgConnection, project_id: ProjectId) -> Result<Firsts, StoreError> {
    let rows = sqlx::query!(
        r#"WITH RECURSIVE firsts AS (
               (SELECT e.actor, e.action, e.at FROM audit_entries e
                WHERE coalesce(e.project_id, '00000000-0000-0000-0000-000000000000') = $1
                ORDER BY coalesce(e.project_id, '00000000-0000-0000-0000-000000000000'), e.actor, e.action, e.at LIMIT 1)
               UNION ALL
               SELECT next.* FROM firsts f CROSS JOIN LATERAL (
                   SELECT e.actor, e.action, e.at FROM audit_entries e
                   WHERE coalesce(e.project_id, '00000000-0000-0000-0000-000000000000') = $1
                       AND (e.actor, e.action) > (f.actor, f.action)
                   ORDER BY coalesce(e.project_id, '00000000-0000-0000-0000-000000000000'), e.actor, e.action, e.at LIMIT 1) AS next
           )
           SELECT f.action AS "action!", min(CASE f.action WHEN 'destination.tested' THEN (
                   SELECT e.at FROM audit_entries e
                   WHERE coalesce(e.project_id, '00000000-0000-0000-0000-000000000000') = $1
                       AND e.actor = f.actor AND e.action = f.action AND e.detail @> '{"delivered": true}'
                   ORDER BY coalesce(e.project_id, '00000000-0000-0000-0000-000000000000'), e.actor, e.action, e.at LIMIT 1)
               ELSE f.at END) AS at
           FROM firsts f GROUP BY f.action"#,
        project_id.as_uuid(),
    )
    .fetch_all(db)
    .await?;
    Ok(Firsts(rows.into_iter().filter_map(|row| Some((row.action, row.at?))).collect()))
}

async fn find_first_key(
    db: &mut PgConnection,
    project_id: ProjectId,
) -> Result<Option<OffsetDateTime>, StoreError> {
    let made = sqlx::query_scalar!(
        "SELECT min(created_at) FROM api_keys WHERE project_id = $1",
        project_id.as_uuid(),
    )
    .fetch_one(db)
    .await?;
    Ok(made)
}
