//! What is known of the events whose messages were claimed.
//!
//! An event that cannot be read, such as one in a state that only a newer release knows, keeps no other
//! waiting: its messages are left until their claim runs out, and to that release.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::event::Effect;
use domain::ids::EventId;
use domain::outbox::OutboxKind;
use store::events::{self, PaymentEvent};
use store::outbox::ClaimedMessage;
use store::{PgPool, StoreError, extensions, incidents};
use telemetry::trace::{self, FlowSpan, TraceParent};
use workflows::names::workflow_id;

/// The claimed messages of one event, in their order.
pub(crate) struct Work {
    pub(crate) event_id: EventId,
    /// `None` if there is no such event.
    pub(crate) event: Option<PaymentEvent>,
    /// Whether it has an incident, so that there is no deadline to wait for.
    pub(crate) resumed: bool,
    /// How long before its deadline extensions are asked.
    pub(crate) leads: Vec<Duration>,
    pub(crate) messages: Vec<ClaimedMessage>,
}

impl Work {
    pub(crate) fn span(&self) -> FlowSpan {
        let kept = self.event.as_ref().and_then(|event| event.trace_parent.as_deref());
        let parent = kept.and_then(TraceParent::parse);
        trace::dispatch(&self.event_id.to_string(), &workflow_id(self.event_id), parent)
    }

    pub(crate) fn starts_a_watch(&self) -> bool {
        self.messages.iter().any(|message| message.kind == OutboxKind::Start)
    }
}

/// What is known of the events of these messages, one after the other.
pub(crate) async fn gather(
    pool: &PgPool,
    messages: Vec<ClaimedMessage>,
) -> Result<Vec<Work>, StoreError> {
    if messages.is_empty() {
        return Ok(Vec::new());
    }
    let mut by_event: BTreeMap<EventId, Vec<ClaimedMessage>> = BTreeMap::new();
    for message in messages {
        by_event.entry(message.event_id).or_default().push(message);
    }
    let ids: Vec<_> = by_event.keys().copied().collect();
    let Found { events, unreadable } = find_events(pool, &ids).await?;
    by_event.retain(|event_id, _| !unreadable.contains(event_id));
    // A pending event never has an incident.
    let over = events.iter().filter(|event| event.effect != Effect::Pending);
    let over: Vec<_> = over.map(|event| event.id).collect();
    let resumed = incidents::list_events_with_incident(pool, &over).await?;
    let projects: BTreeSet<_> = events.iter().map(|event| event.project_id).collect();
    let projects: Vec<_> = projects.into_iter().collect();
    let probes = extensions::list_probes(pool, &projects).await?;
    let mut events: BTreeMap<_, _> = events.into_iter().map(|event| (event.id, event)).collect();
    let work = by_event.into_iter().map(|(event_id, messages)| {
        let event = events.remove(&event_id);
        let leads = event.iter().flat_map(|event| probes.iter().filter_map(|it| it.lead(event)));
        let leads = leads.collect();
        Work { event_id, event, resumed: resumed.contains(&event_id), leads, messages }
    });
    Ok(work.collect())
}

/// The events of messages, and those that are there and cannot be read.
#[derive(Default)]
struct Found {
    events: Vec<PaymentEvent>,
    unreadable: BTreeSet<EventId>,
}

async fn find_events(pool: &PgPool, ids: &[EventId]) -> Result<Found, StoreError> {
    match events::list_by_ids(pool, ids).await {
        Err(StoreError::Inconsistent { .. }) => find_each(pool, ids).await,
        events => Ok(Found { events: events?, ..Found::default() }),
    }
}

async fn find_each(pool: &PgPool, ids: &[EventId]) -> Result<Found, StoreError> {
    let mut found = Found::default();
    for event_id in ids {
        match events::find_event(pool, *event_id).await {
            Err(error @ StoreError::Inconsistent { .. }) => {
                tracing::warn!(%event_id, %error, "the messages of an event that cannot be read wait");
                found.unreadable.insert(*event_id);
            }
            event => found.events.extend(event?),
        }
    }
    Ok(found)
}
