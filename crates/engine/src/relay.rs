//! Dispatches the outbox to Temporal.
//!
//! Two ways lead here: a wake right after a commit, and the sweep, which takes whatever is due.
//! Both claim first, so they do not dispatch the same message concurrently. What cannot be
//! dispatched is rescheduled with a growing back-off. Only what Temporal itself rejects, again and
//! again, is parked, with an entry on the event's timeline; a server that is away never parks
//! anything, nor does a namespace that belongs to another database.

use std::sync::Arc;
use std::time::Duration;

use domain::audit::detail::ParkedDetail;
use domain::audit::{Actor, AuditEvent};
use domain::event::Effect;
use domain::ids::EventId;
use domain::outbox::OutboxKind;
use store::audit::{self, Subject};
use store::events::{self, PaymentEvent};
use store::incidents;
use store::outbox::{self, ClaimedMessage};
use store::pool::transaction;
use store::{PgPool, StoreError};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::connect::{Engine, EngineError};
use crate::watch::Watch;
use crate::{restarts, sweep};

/// How many events are dispatched at the same time.
const MAX_IN_FLIGHT: usize = 16;
/// How many wakes may wait; the sweep takes what does not fit.
const MAX_WAKEUPS: usize = 10_000;
/// How often a message is rejected before it is parked.
const MAX_REJECTIONS: i32 = 10;
/// How many messages the sweep claims at a time.
const SWEEP_BATCH: i64 = 256;
/// How often the sweep runs.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// A handle to the running relay. Cheap to clone.
#[derive(Clone)]
pub struct Relay {
    wakeups: mpsc::Sender<EventId>,
}

impl Relay {
    /// Starts the relay and its sweeps; they end with `shutdown`, and `tasks` knows of them.
    #[must_use]
    pub fn spawn(
        engine: Arc<Engine>,
        pool: PgPool,
        shutdown: &CancellationToken,
        tasks: &TaskTracker,
    ) -> Self {
        let (wakeups, woken) = mpsc::channel(MAX_WAKEUPS);
        let dispatcher = Dispatcher { engine, pool: pool.clone() };
        tasks.spawn(
            shutdown.clone().run_until_cancelled_owned(dispatch_woken(dispatcher.clone(), woken)),
        );
        tasks.spawn(shutdown.clone().run_until_cancelled_owned(sweep_outbox(dispatcher)));
        tasks.spawn(shutdown.clone().run_until_cancelled_owned(sweep::run(pool)));
        Self { wakeups }
    }

    /// Dispatches the messages of one event now. Never waits; what is missed here is swept up.
    pub fn wake(&self, event_id: EventId) {
        if self.wakeups.try_send(event_id).is_err() {
            tracing::debug!(%event_id, "too many wakes wait; the sweep will take this one");
        }
    }
}

#[derive(Clone)]
struct Dispatcher {
    engine: Arc<Engine>,
    pool: PgPool,
}

async fn dispatch_woken(dispatcher: Dispatcher, mut woken: mpsc::Receiver<EventId>) {
    let mut running = JoinSet::new();
    while let Some(event_id) = woken.recv().await {
        while running.len() >= MAX_IN_FLIGHT {
            running.join_next().await;
        }
        while running.try_join_next().is_some() {}
        let dispatcher = dispatcher.clone();
        running.spawn(async move {
            match outbox::claim_due(&dispatcher.pool, Some(event_id), SWEEP_BATCH).await {
                Ok(messages) if messages.is_empty() => {}
                Ok(messages) => dispatcher.dispatch_event(messages).await,
                Err(error) => tracing::warn!(%event_id, %error, "could not claim outbox messages"),
            }
        });
    }
}

async fn sweep_outbox(dispatcher: Dispatcher) {
    loop {
        match outbox::claim_due(&dispatcher.pool, None, SWEEP_BATCH).await {
            Ok(messages) if messages.is_empty() => {}
            Ok(messages) => {
                dispatcher.dispatch_all(messages).await;
                continue;
            }
            Err(error) => tracing::warn!(%error, "could not sweep the outbox"),
        }
        tokio::time::sleep(SWEEP_EVERY).await;
    }
}

impl Dispatcher {
    /// Dispatches messages of several events, each event's in their order.
    async fn dispatch_all(&self, messages: Vec<ClaimedMessage>) {
        let mut by_event: Vec<(EventId, Vec<ClaimedMessage>)> = Vec::new();
        for message in messages {
            match by_event.iter_mut().find(|(event_id, _)| *event_id == message.event_id) {
                Some((_, messages_of_event)) => messages_of_event.push(message),
                None => by_event.push((message.event_id, vec![message])),
            }
        }
        let mut running = JoinSet::new();
        for (_, messages_of_event) in by_event {
            while running.len() >= MAX_IN_FLIGHT {
                running.join_next().await;
            }
            let dispatcher = self.clone();
            running.spawn(async move { dispatcher.dispatch_event(messages_of_event).await });
        }
        while running.join_next().await.is_some() {}
    }

    /// Dispatches the messages of one event. What fails is rescheduled, and what follows it waits
    /// too.
    async fn dispatch_event(&self, messages: Vec<ClaimedMessage>) {
        let mut relayed = Vec::new();
        let mut failed = None;
        for (at, message) in messages.iter().enumerate() {
            let followed = messages.get(at + 1).is_some_and(|next| next.kind == OutboxKind::Result);
            match self.dispatch(message, followed).await {
                Ok(()) => relayed.push(message.id),
                Err(error) => {
                    failed = Some((message, error));
                    break;
                }
            }
        }
        if let Err(error) = self.settle(&relayed, failed).await {
            // Every claim runs out by itself, and dispatching a message twice changes nothing.
            tracing::warn!(%error, "could not settle dispatched outbox messages");
        }
    }

    async fn dispatch(
        &self,
        message: &ClaimedMessage,
        followed_by_result: bool,
    ) -> Result<(), EngineError> {
        if message.kind == OutboxKind::Start && followed_by_result {
            // The signal that follows starts the watch, so that one call does both.
            return Ok(());
        }
        self.engine.ensure_ours(&self.pool).await?;
        let client = self.engine.client().await?;
        let (event, resumed) = self.find_event(message.event_id).await?;
        let task_queue = self.engine.task_queue();
        let watch = Watch { client: &client, task_queue, event: &event, resumed };
        match message.kind {
            OutboxKind::Start => watch.start().await,
            OutboxKind::Restart => restarts::restart(&self.pool, watch, message.id).await,
            OutboxKind::Result
            | OutboxKind::Reprocess
            | OutboxKind::Resolve
            | OutboxKind::Acknowledged => {
                watch.signal(message.kind.as_str(), message.id, &message.payload).await
            }
        }
    }

    /// The event, and whether it has an incident. A pending one never has.
    async fn find_event(&self, event_id: EventId) -> Result<(PaymentEvent, bool), EngineError> {
        let unreachable = |error: StoreError| EngineError::Unreachable(error.to_string());
        let event = events::find_event(&self.pool, event_id).await.map_err(unreachable)?;
        let event =
            event.ok_or_else(|| EngineError::Rejected(format!("there is no event {event_id}")))?;
        if event.effect == Effect::Pending {
            return Ok((event, false));
        }
        let incident =
            incidents::find_for_event(&self.pool, event_id).await.map_err(unreachable)?;
        Ok((event, incident.is_some()))
    }

    async fn settle(
        &self,
        relayed: &[domain::ids::OutboxId],
        failed: Option<(&ClaimedMessage, EngineError)>,
    ) -> Result<(), StoreError> {
        if !relayed.is_empty() {
            outbox::delete_relayed(&self.pool, relayed).await?;
        }
        let Some((message, error)) = failed else { return Ok(()) };
        if let EngineError::Rejected(why) = &error
            && outbox::count_rejection(&self.pool, message.id).await? >= MAX_REJECTIONS
        {
            return self.park(message, why).await;
        }
        tracing::debug!(event_id = %message.event_id, %error, "rescheduled an outbox message");
        outbox::reschedule(&self.pool, message.id, &error.to_string()).await
    }

    async fn park(&self, message: &ClaimedMessage, why: &str) -> Result<(), StoreError> {
        tracing::error!(event_id = %message.event_id, message = message.kind.as_str(), why, "parked an outbox message that Temporal rejects");
        transaction(&self.pool, async |tx| {
            outbox::park(&mut *tx, message.id, why).await?;
            let Some(event) = events::find_event(&mut *tx, message.event_id).await? else {
                return Ok(());
            };
            let subject = Subject::event(event.project_id, event.id);
            let parked =
                AuditEvent::RelayParked(ParkedDetail { wish: message.kind, why: why.to_owned() });
            audit::record(&mut *tx, &Actor::System, subject, &parked).await
        })
        .await
    }
}
