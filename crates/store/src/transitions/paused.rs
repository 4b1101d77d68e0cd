//! A watch, or its callback, that somebody has paused in Temporal while something about its event is overdue.
//!
//! A pause is an operator's decision, so nothing here undoes it. But it must not strand an incident: the
//! timeline says once per pause what is paused and how to go on, and a reprocess whose callback is overdue by
//! a quarter of an hour ends as undelivered, so that people are told and may decide anew. Deadlines and alerts
//! do not come here: the sweep and the workers see to them without the watch.

use domain::audit::{Action, Actor};
use domain::ids::EventId;
use domain::outbox::OutboxMessage;
use domain::reprocess::ReprocessState;
use serde_json::json;
use time::{Duration, OffsetDateTime};

use crate::audit::{self, Subject};
use crate::outbox;
use crate::standing::Scene;
use crate::transitions::callback::end_undelivered;
use crate::{PgConnection, StoreError};

/// How long a paused callback may be overdue before its reprocess ends.
const GRACE: Duration = Duration::minutes(15);

/// What was found paused.
#[derive(Debug, Clone, Copy)]
pub struct Pause<'a> {
    /// `watch` or `callback`.
    pub what: &'a str,
    /// Which pause it is: the run, and when it began.
    pub key: &'a str,
    /// The command that ends it.
    pub cure: &'a str,
}

/// Notes a pause on the timeline, once, and ends the reprocess that has waited too long for its end.
///
/// # Errors
/// When the database fails or there is no such event.
pub async fn note_pause(
    tx: &mut PgConnection,
    event_id: EventId,
    pause: Pause<'_>,
) -> Result<(), StoreError> {
    let scene = Scene::lock(tx, event_id).await?.ok_or(StoreError::Missing("payment_events"))?;
    let subject = Subject {
        incident_id: scene.incident.as_ref().map(|incident| incident.id),
        ..Subject::event(scene.event.project_id, event_id)
    };
    if !audit::has_entry(&mut *tx, event_id, Action::WatchPaused, &json!({ "key": pause.key }))
        .await?
    {
        let detail = json!({ "what": pause.what, "key": pause.key, "cure": pause.cure });
        audit::insert_entry(&mut *tx, &Actor::System, Action::WatchPaused, subject, detail).await?;
        wake(tx, event_id).await?;
    }
    if let Some(running) = scene.running()
        && running.state != ReprocessState::AwaitingResult
        && overdue_since(running.next_attempt_at, running.requested_at) + GRACE <= scene.now
    {
        let why = format!("the {} is paused in Temporal", pause.what);
        end_undelivered(tx, (event_id, running.id), &why).await?;
        wake(tx, event_id).await?;
    }
    Ok(())
}

/// Makes the watch ask where its event stands: now if only its callback is paused, else once it goes on.
async fn wake(tx: &mut PgConnection, event_id: EventId) -> Result<(), StoreError> {
    outbox::enqueue(tx, event_id, &OutboxMessage::Acknowledged).await
}

/// The first attempt is due when it is asked for.
fn overdue_since(
    next_attempt_at: Option<OffsetDateTime>,
    requested_at: OffsetDateTime,
) -> OffsetDateTime {
    next_attempt_at.unwrap_or(requested_at)
}
