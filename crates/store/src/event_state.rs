//! The state of an event, read under its lock: the basis of every decision.

use domain::event::Effect;
use domain::ids::{EventId, IncidentId};
use domain::outage::Deadline;
use domain::reprocess::ReprocessState;
use domain::verdict::EventState;
use domain::watch::{IncidentView, NextStep, NextStepInput, ReprocessView, WatchState};
use time::OffsetDateTime;

use crate::alerts::{self, IncidentIds};
use crate::audit::Subject;
use crate::events::{self, PaymentEvent};
use crate::incidents::{self, Incident};
use crate::reprocesses::{self, Reprocess};
use crate::transitions::extension::{self, Holder};
use crate::{PgConnection, StoreError, attempts, outages};

/// Everything that a decision about an event depends on.
#[derive(Debug, Clone)]
pub struct LockedEvent {
    /// The event, whose row is locked.
    pub event: PaymentEvent,
    pub incident: Option<Incident>,
    /// Its reprocesses, oldest first.
    pub reprocesses: Vec<Reprocess>,
    /// The database's clock, read after the lock was got.
    pub now: OffsetDateTime,
    /// When a result is waited for no more: that of the event, then that of a delivered callback.
    pub deadline: Option<Deadline>,
}

impl LockedEvent {
    /// Locks the event and reads the rows around it. `None` if there is no such event.
    pub async fn lock(
        tx: &mut PgConnection,
        event_id: EventId,
    ) -> Result<Option<Self>, StoreError> {
        let Some(event) = events::lock_event(tx, event_id).await? else {
            return Ok(None);
        };
        let incident = incidents::find_for_event(&mut *tx, event_id).await?;
        let reprocesses = match &incident {
            Some(incident) => reprocesses::list_for_incident(&mut *tx, incident.id).await?,
            None => Vec::new(),
        };
        let now = sqlx::query_scalar!(r#"SELECT clock_timestamp() AS "now!""#)
            .fetch_one(&mut *tx)
            .await?;
        let mut locked = Self { event, incident, reprocesses, now, deadline: None };
        locked.deadline = match locked.due_at() {
            Some(due_at) if due_at <= now => Some(outages::judge(tx, due_at, now).await?),
            due_at => due_at.map(Deadline::undisturbed),
        };
        Ok(Some(locked))
    }

    fn due_at(&self) -> Option<OffsetDateTime> {
        match self.event.effect {
            Effect::Pending => Some(self.event.timeout_at),
            _ => self.running()?.result_due_at,
        }
    }

    /// The same of an event that must be there.
    pub async fn lock_existing(
        tx: &mut PgConnection,
        event_id: EventId,
    ) -> Result<Self, StoreError> {
        Self::lock(tx, event_id).await?.ok_or(StoreError::Missing("payment_events"))
    }

    /// The reprocess that runs, if one does.
    #[must_use]
    pub fn running(&self) -> Option<&Reprocess> {
        self.reprocesses.iter().find(|reprocess| reprocess.state.is_running())
    }

    /// When it is judged that a result did not come.
    #[must_use]
    pub fn judged_at(&self) -> Option<OffsetDateTime> {
        self.deadline.map(|deadline| deadline.judged_at)
    }

    /// The ground of a verdict.
    #[must_use]
    pub fn event_state(&self) -> EventState {
        EventState {
            effect: self.event.effect,
            incident: self.incident.as_ref().map(|incident| incident.state),
            running: self.running().map(|reprocess| reprocess.id),
            reprocessed_before: !self.reprocesses.is_empty(),
        }
    }

    /// What an entry about the event is about: its incident too, if it has one.
    #[must_use]
    pub(crate) fn subject(&self) -> Subject {
        Subject {
            incident_id: self.incident.as_ref().map(|incident| incident.id),
            ..Subject::event(self.event.project_id, self.event.id)
        }
    }

    /// The ids that an entry or an alert about the incident carries.
    pub(crate) fn ids(&self, incident_id: IncidentId) -> IncidentIds {
        IncidentIds { project_id: self.event.project_id, event_id: self.event.id, incident_id }
    }
}

/// What the watch gets: the event's state and what comes next.
///
/// # Errors
/// When there is no such event.
pub async fn read_for_watch(
    tx: &mut PgConnection,
    event_id: EventId,
) -> Result<WatchState, StoreError> {
    let mut locked = LockedEvent::lock_existing(tx, event_id).await?;
    let asked_until = loop {
        match extension::hand_over(tx, &locked).await? {
            Holder::Extension(until) => break Some(until),
            Holder::Callback => break None,
            // A policy may have started another one.
            Holder::Ended => locked = LockedEvent::lock_existing(tx, event_id).await?,
        }
    };
    let pending = alerts::list_pending(&mut *tx, event_id).await?;
    let reprocess = match locked.reprocesses.last() {
        None => None,
        Some(latest) => Some(view(tx, latest).await?),
    };
    let input = NextStepInput {
        effect: locked.event.effect,
        incident: locked.incident.as_ref().map(|incident| incident.state),
        running: locked.running().map(|running| (running.id, running.state)),
        judged_at: locked.judged_at(),
        asked_until,
    };
    let asks = extension::open_asks(tx, &locked).await?;
    Ok(WatchState {
        effect: locked.event.effect.into(),
        incident: locked.incident.as_ref().map(|incident| IncidentView {
            incident_id: incident.id,
            state: incident.state.into(),
            url: None,
        }),
        reprocess,
        alerts: pending,
        asks,
        next: NextStep::decide(input, locked.now),
    })
}

async fn view(tx: &mut PgConnection, latest: &Reprocess) -> Result<ReprocessView, StoreError> {
    let is_under_way = latest.state == ReprocessState::Delivering;
    Ok(ReprocessView {
        replay_id: latest.id,
        state: latest.state.into(),
        attempts: attempts::count_made(&mut *tx, latest.id).await?.made,
        next_attempt_at: latest.next_attempt_at.filter(|_| is_under_way),
    })
}
