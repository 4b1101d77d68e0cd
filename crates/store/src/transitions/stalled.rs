//! A watch that is there and does not do what is overdue: an operator has paused it or its callback
//! in Temporal, or it is stuck there.
//!
//! A pause is an operator's decision, and what is stuck is for an operator to fix, so nothing here
//! undoes either. But neither may strand an incident: the timeline says once what is stalled and
//! how to go on, and a reprocess whose callback is overdue by a quarter of an hour ends as
//! undelivered, so that people are notified and may decide again. What only waits for a worker goes
//! on by itself and ends nothing. Deadlines and alerts do not come here: the sweep and the workers
//! see to them without the watch. All of it is one transaction.

use domain::audit::detail::StallDetail;
use domain::audit::{Actor, AuditEvent};
use domain::ids::EventId;
use domain::outbox::OutboxMessage;
use domain::reprocess::ReprocessState;
use serde_json::json;
use time::{Duration, OffsetDateTime};

use crate::audit;
use crate::event_state::LockedEvent;
use crate::outbox;
use crate::transitions::callback::end_undelivered;
use crate::{PgConnection, StoreError};

/// How long a stalled callback may be overdue before its reprocess ends.
const GRACE: Duration = Duration::minutes(15);

/// Why nothing goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StallKind {
    /// An operator has paused it.
    Paused,
    /// What it attempts fails.
    Stuck,
    /// No worker takes what it has to do.
    NoWorker,
}

/// What was found stalled.
#[derive(Debug, Clone, Copy)]
pub struct Stall<'a> {
    /// Why nothing goes on.
    pub kind: StallKind,
    /// Of a pause, `watch` or `callback`; otherwise what is stuck, as a sentence without a full
    /// stop.
    pub what: &'a str,
    /// Which pause it is: the run, and when it began. Otherwise the run and what is stuck.
    pub key: &'a str,
    /// The command that ends it, or shows why.
    pub cure: &'a str,
}

/// Notes on the timeline, once, what is stalled, and ends the reprocess that has waited too long
/// for it.
///
/// # Errors
/// When there is no such event.
pub async fn note_stall(
    tx: &mut PgConnection,
    event_id: EventId,
    stall: Stall<'_>,
) -> Result<(), StoreError> {
    let locked = LockedEvent::lock_existing(tx, event_id).await?;
    let entry = stall.entry();
    let same = json!({ "key": stall.key });
    if !audit::has_entry(&mut *tx, event_id, entry.action(), &same).await? {
        audit::record(&mut *tx, &Actor::System, locked.subject(), &entry).await?;
        if stall.kind == StallKind::Paused {
            wake(tx, event_id).await?;
        }
    }
    let Some(why) = stall.ends_callback() else { return Ok(()) };
    if let Some(running) = locked.running()
        && running.state != ReprocessState::AwaitingResult
        && overdue_since(running.next_attempt_at, running.requested_at) + GRACE <= locked.now
    {
        end_undelivered(tx, event_id, running.id, &why).await?;
        wake(tx, event_id).await?;
    }
    Ok(())
}

impl Stall<'_> {
    /// What the timeline says of it.
    fn entry(&self) -> AuditEvent {
        let [what, key, cure] = [self.what, self.key, self.cure].map(str::to_owned);
        let detail = StallDetail { what, key, cure };
        match self.kind {
            StallKind::Paused => AuditEvent::WatchPaused(detail),
            StallKind::Stuck | StallKind::NoWorker => AuditEvent::WatchStuck(detail),
        }
    }

    /// Why a callback that is overdue for too long is not delivered.
    fn ends_callback(&self) -> Option<String> {
        match self.kind {
            StallKind::Paused => Some(format!("the {} is paused in Temporal", self.what)),
            StallKind::Stuck => Some("the watch is stuck in Temporal".to_owned()),
            StallKind::NoWorker => None,
        }
    }
}

/// Makes the watch ask for its event's state: now if only its callback is paused, else once it goes
/// on.
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
