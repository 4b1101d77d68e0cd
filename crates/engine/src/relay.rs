//! Carries the outbox over to Temporal.
//!
//! Two ways lead here: a nudge right after a commit, and the sweep, which takes whatever is due. Both
//! claim first, so they do not carry the same wish at once. What cannot be carried is put off with a
//! growing back-off. Only what Temporal itself refuses, again and again, is parked, with an entry on
//! the event's timeline; a server that is away never parks anything, nor does a namespace that belongs
//! to another database.

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
use crate::wishes::Watch;
use crate::{restarts, sweep};

/// How many events are carried over at the same time.
const CARRIERS: usize = 16;
/// How many nudges may wait; the sweep takes what does not fit.
const MAX_NUDGES: usize = 10_000;
/// How often a wish is refused before it is parked.
const MAX_REFUSALS: i32 = 10;
/// How many wishes the sweep claims at once.
const SWEEP_BATCH: i64 = 256;
/// How often the sweep looks.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// A handle to the running relay. Cheap to clone.
#[derive(Clone)]
pub struct Relay {
    nudges: mpsc::Sender<EventId>,
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
        let (nudges, inbox) = mpsc::channel(MAX_NUDGES);
        let carrier = Carrier { engine, pool: pool.clone() };
        tasks
            .spawn(shutdown.clone().run_until_cancelled_owned(take_nudges(carrier.clone(), inbox)));
        tasks.spawn(shutdown.clone().run_until_cancelled_owned(sweep_outbox(carrier)));
        tasks.spawn(shutdown.clone().run_until_cancelled_owned(sweep::run(pool)));
        Self { nudges }
    }

    /// Carries the wishes of one event over now. Never waits; what is missed here is swept up.
    pub fn nudge(&self, event_id: EventId) {
        if self.nudges.try_send(event_id).is_err() {
            tracing::debug!(%event_id, "too many nudges wait; the sweep will take this one");
        }
    }
}

#[derive(Clone)]
struct Carrier {
    engine: Arc<Engine>,
    pool: PgPool,
}

async fn take_nudges(carrier: Carrier, mut inbox: mpsc::Receiver<EventId>) {
    let mut running = JoinSet::new();
    while let Some(event_id) = inbox.recv().await {
        while running.len() >= CARRIERS {
            running.join_next().await;
        }
        while running.try_join_next().is_some() {}
        let carrier = carrier.clone();
        running.spawn(async move {
            match outbox::claim_due(&carrier.pool, Some(event_id), SWEEP_BATCH).await {
                Ok(wishes) if wishes.is_empty() => {}
                Ok(wishes) => carrier.carry_event(wishes).await,
                Err(error) => tracing::warn!(%event_id, %error, "could not claim wishes"),
            }
        });
    }
}

async fn sweep_outbox(carrier: Carrier) {
    loop {
        match outbox::claim_due(&carrier.pool, None, SWEEP_BATCH).await {
            Ok(wishes) if wishes.is_empty() => {}
            Ok(wishes) => {
                carrier.carry_all(wishes).await;
                continue;
            }
            Err(error) => tracing::warn!(%error, "could not sweep the outbox"),
        }
        tokio::time::sleep(SWEEP_EVERY).await;
    }
}

impl Carrier {
    /// Carries wishes of several events, each event's in their order.
    async fn carry_all(&self, wishes: Vec<ClaimedMessage>) {
        let mut by_event: Vec<(EventId, Vec<ClaimedMessage>)> = Vec::new();
        for wish in wishes {
            match by_event.iter_mut().find(|(event_id, _)| *event_id == wish.event_id) {
                Some((_, of_event)) => of_event.push(wish),
                None => by_event.push((wish.event_id, vec![wish])),
            }
        }
        let mut running = JoinSet::new();
        for (_, of_event) in by_event {
            while running.len() >= CARRIERS {
                running.join_next().await;
            }
            let carrier = self.clone();
            running.spawn(async move { carrier.carry_event(of_event).await });
        }
        while running.join_next().await.is_some() {}
    }

    /// Carries the wishes of one event. What fails is put off, and what follows it waits too.
    async fn carry_event(&self, wishes: Vec<ClaimedMessage>) {
        let mut relayed = Vec::new();
        let mut failed = None;
        for (at, wish) in wishes.iter().enumerate() {
            let followed = wishes.get(at + 1).is_some_and(|next| next.kind == OutboxKind::Result);
            match self.carry(wish, followed).await {
                Ok(()) => relayed.push(wish.id),
                Err(error) => {
                    failed = Some((wish, error));
                    break;
                }
            }
        }
        if let Err(error) = self.settle(&relayed, failed).await {
            // Every claim runs out by itself, and carrying a wish over twice changes nothing.
            tracing::warn!(%error, "could not settle relayed wishes");
        }
    }

    async fn carry(
        &self,
        wish: &ClaimedMessage,
        followed_by_result: bool,
    ) -> Result<(), EngineError> {
        if wish.kind == OutboxKind::Start && followed_by_result {
            // The signal that follows starts the watch, so that one call does both.
            return Ok(());
        }
        self.engine.ensure_ours(&self.pool).await?;
        let client = self.engine.client().await?;
        let (event, resumed) = self.find_event(wish.event_id).await?;
        let task_queue = self.engine.task_queue();
        let watch = Watch { client: &client, task_queue, event: &event, resumed };
        match wish.kind {
            OutboxKind::Start => watch.start().await,
            OutboxKind::Restart => restarts::restart(&self.pool, watch, wish.id).await,
            OutboxKind::Result
            | OutboxKind::Reprocess
            | OutboxKind::Resolve
            | OutboxKind::Acknowledged => {
                watch.signal(wish.kind.as_str(), wish.id, &wish.payload).await
            }
        }
    }

    /// The event, and whether it has an incident. A pending one never has.
    async fn find_event(&self, event_id: EventId) -> Result<(PaymentEvent, bool), EngineError> {
        let unreachable = |error: StoreError| EngineError::Unreachable(error.to_string());
        let event = events::find_event(&self.pool, event_id).await.map_err(unreachable)?;
        let event =
            event.ok_or_else(|| EngineError::Refused(format!("there is no event {event_id}")))?;
        if event.effect == Effect::Pending {
            return Ok((event, false));
        }
        let incident = incidents::find_of_event(&self.pool, event_id).await.map_err(unreachable)?;
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
        let Some((wish, error)) = failed else { return Ok(()) };
        if let EngineError::Refused(why) = &error
            && outbox::count_refusal(&self.pool, wish.id).await? >= MAX_REFUSALS
        {
            return self.park(wish, why).await;
        }
        tracing::debug!(event_id = %wish.event_id, %error, "put a wish off");
        outbox::put_off(&self.pool, wish.id, &error.to_string()).await
    }

    async fn park(&self, wish: &ClaimedMessage, why: &str) -> Result<(), StoreError> {
        tracing::error!(event_id = %wish.event_id, wish = wish.kind.as_str(), why, "parked a wish that Temporal refuses");
        transaction(&self.pool, async |tx| {
            outbox::park(&mut *tx, wish.id, why).await?;
            let Some(event) = events::find_event(&mut *tx, wish.event_id).await? else {
                return Ok(());
            };
            let subject = Subject::event(event.project_id, event.id);
            let parked =
                AuditEvent::RelayParked(ParkedDetail { wish: wish.kind, why: why.to_owned() });
            audit::record(&mut *tx, &Actor::System, subject, &parked).await
        })
        .await
    }
}
