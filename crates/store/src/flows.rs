//! What a log line and a trace call the thing that an activity is about.

use domain::ids::{AlertId, CallId, EventId, IncidentId, ReplayId};
use sqlx::PgExecutor;

use crate::StoreError;

/// What an activity is about, as its input says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    Event(EventId),
    Reprocess(EventId, ReplayId),
    Alert(AlertId),
    Call(CallId),
}

/// The flow that this belongs to.
#[derive(Debug, Clone)]
pub struct Flow {
    pub event_id: EventId,
    pub incident_id: Option<IncidentId>,
    pub replay_id: Option<ReplayId>,
    /// The trace that what is done for the event follows.
    pub trace_parent: Option<String>,
}

/// Finds the flow; `None` if there is no such thing.
pub async fn find(db: impl PgExecutor<'_>, about: About) -> Result<Option<Flow>, StoreError> {
    let (mut event, mut replay, mut alert, mut call) = (None, None, None, None);
    match about {
        About::Event(id) => event = Some(id),
        About::Reprocess(id, replay_id) => (event, replay) = (Some(id), Some(replay_id)),
        About::Alert(id) => alert = Some(id),
        About::Call(id) => call = Some(id),
    }
    let row = sqlx::query!(
        r#"WITH subject AS (
               SELECT $1::uuid AS event_id, $2::uuid AS replay_id WHERE $1::uuid IS NOT NULL
               UNION ALL SELECT event_id, replay_id FROM alerts WHERE id = $3
               UNION ALL SELECT event_id, replay_id FROM extension_calls WHERE id = $4
           )
           SELECT e.id, i.id AS "incident_id?", s.replay_id, e.trace_parent
           FROM subject s JOIN payment_events e ON e.id = s.event_id LEFT JOIN incidents i ON i.event_id = e.id"#,
        event.map(EventId::as_uuid),
        replay.map(ReplayId::as_uuid),
        alert.map(AlertId::as_uuid),
        call.map(CallId::as_uuid),
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Flow {
        event_id: row.id,
        incident_id: row.incident_id,
        replay_id: row.replay_id.map(ReplayId::from_uuid),
        trace_parent: row.trace_parent,
    }))
}
