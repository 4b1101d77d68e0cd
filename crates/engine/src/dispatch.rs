//! The loop between the outbox and Temporal.
//!
//! It claims what is due, the most urgent first, dispatches the messages of each event in their
//! order, and deletes what Temporal has: each time for all that has gathered since the last time,
//! in one statement. Claims keep two processes from dispatching the same message concurrently; one
//! that dies leaves claims that run out, and dispatching a message twice changes nothing.
//!
//! [`Pace`] and [`Backlog`] say how much Temporal takes, [`Pressure`] whether there is something to
//! do that comes before it. What cannot be dispatched is rescheduled with a growing back-off. Only
//! what Temporal itself rejects, again and again, is parked, with an entry on the event's timeline; a
//! server that is away never parks anything, nor does a namespace that belongs to another database.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::ids::{BulkId, OutboxId};
use domain::outbox::OutboxKind;
use store::outbox::{self, ClaimedMessage, FailedMessage, NEEDED_SOON};
use store::{PgPool, StoreError};
use telemetry::trace;
use tokio::sync::Notify;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::backlog::{Backlog, LOOK_EVERY};
use crate::claim::{BESIDE_CALLS, Claim, NEEDED_NOW};
use crate::connect::{Engine, EngineError};
use crate::gather::{Work, gather};
use crate::pace::Pace;
use crate::pressure::{Load, Pressure};
use crate::watch::Watch;
use crate::{bulk, parking, probe, restarts};

/// How many messages are claimed at a time while Temporal is away: each fails immediately and is
/// rescheduled.
const AWAY_BATCH: usize = 256;
/// How soon the loop looks again without being woken.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How long a process that ends lets what it dispatches end.
const HAND_OVER: Duration = Duration::from_secs(2);

/// Where messages come from and where they go.
#[derive(Clone)]
pub(crate) struct Dispatcher {
    engine: Arc<Engine>,
    pool: PgPool,
    pressure: Arc<Pressure>,
    last_probe: probe::LastStart,
}

/// What became of the messages of one event.
struct Dispatched {
    relayed: Vec<OutboxId>,
    failed: Option<(ClaimedMessage, EngineError)>,
    /// What follows the one that failed.
    behind: Vec<OutboxId>,
    response: Response,
    took: Duration,
}

/// Whether Temporal took part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Response {
    /// A rejection is one as well.
    Given,
    /// It takes no more for now.
    Busy,
    /// It is away.
    Missing,
}

impl Response {
    const fn after(error: Option<&EngineError>) -> Self {
        match error {
            Some(EngineError::Unreachable(_)) => Self::Missing,
            Some(EngineError::Busy(_)) => Self::Busy,
            Some(_) | None => Self::Given,
        }
    }
}

impl Dispatched {
    /// Of a call that is about no message: only its time counts, and whether Temporal took part.
    fn beside_messages(outcome: &Result<(), EngineError>, began: Instant) -> Self {
        let response = Response::after(outcome.as_ref().err());
        let (relayed, behind) = (Vec::new(), Vec::new());
        Self { relayed, failed: None, behind, response, took: began.elapsed() }
    }
}

/// What is on its way to Temporal, and what is to come.
struct Flow {
    pace: Pace,
    backlog: Backlog,
    /// Claimed, while it is read what they are about.
    claimed: Vec<OutboxId>,
    waiting: VecDeque<Work>,
    running: JoinSet<Dispatched>,
    may_be_due: bool,
    /// Whether only some of the messages are claimed for now.
    is_held_back: bool,
    is_away: bool,
    look_at: Instant,
    probe_at: Instant,
    bulk_at: Instant,
}

impl Dispatcher {
    pub(crate) fn new(engine: Arc<Engine>, pool: PgPool, pressure: Arc<Pressure>) -> Self {
        Self { engine, pool, pressure, last_probe: probe::LastStart::default() }
    }

    /// Dispatches until `shutdown`. What was claimed at that moment, or does not end, waits until its claim runs out.
    pub(crate) async fn run(self, due: Arc<Notify>, shutdown: CancellationToken) {
        let mut flow = Flow::new();
        let dispatching = Box::pin(self.keep_dispatching(&mut flow, &due));
        shutdown.run_until_cancelled(dispatching).await;
        let _in_time = timeout(HAND_OVER, Box::pin(self.hand_over(flow))).await;
    }

    /// Lets what is under way end, and leaves to other processes what is not.
    async fn hand_over(&self, mut flow: Flow) {
        let waiting = flow.waiting.drain(..).flat_map(|work| work.messages);
        flow.claimed.extend(waiting.map(|message| message.id));
        if let Err(error) = outbox::release(&self.pool, &flow.claimed).await {
            tracing::debug!(%error, "could not release claimed outbox messages");
        }
        while let Some(first) = flow.running.join_next().await {
            self.settle(flow.finish(first)).await;
        }
    }

    /// Looks whenever `due` says so, and every second; while it is held back, only four times a second.
    async fn keep_dispatching(&self, flow: &mut Flow, due: &Notify) {
        loop {
            if flow.may_claim() {
                let claim = self.what_to_claim(&mut flow.backlog).await;
                let claimed = self.claim(flow, claim).await;
                flow.queue(claimed, claim);
            }
            self.probe(flow).await;
            self.wake_bulks(flow).await;
            flow.start(self);
            tokio::select! {
                Some(first) = flow.running.join_next() => self.settle(flow.finish(first)).await,
                () = due.notified(), if !flow.is_held_back => flow.may_be_due = true,
                () = sleep_until(flow.look_at.into()), if !flow.may_be_due => flow.may_be_due = true,
            }
        }
    }

    async fn what_to_claim(&self, backlog: &mut Backlog) -> Claim {
        let load = self.pressure.load(Instant::now());
        if load == Load::Burst {
            Claim::Needed { within: NEEDED_NOW, others: 0 }
        } else if backlog.holds(&self.engine, &self.pool).await {
            Claim::Needed { within: NEEDED_SOON, others: 0 }
        } else if load == Load::Steady && self.engine.shares_processors() {
            Claim::Needed { within: NEEDED_SOON, others: BESIDE_CALLS }
        } else {
            Claim::All
        }
    }

    /// Where it cannot be read what they are about, they wait until their claim runs out and keep no others waiting.
    async fn claim(&self, flow: &mut Flow, claim: Claim) -> Vec<Work> {
        let claimed = self.claim_due(flow, claim).await;
        flow.claimed.clear();
        match claimed {
            Ok(work) => {
                let starts = work.iter().filter(|work| work.starts_a_watch()).count();
                flow.backlog.count_starts(starts);
                work
            }
            Err(error) => {
                tracing::warn!(%error, "could not claim outbox messages");
                Vec::new()
            }
        }
    }

    async fn claim_due(&self, flow: &mut Flow, claim: Claim) -> Result<Vec<Work>, StoreError> {
        let limit = flow.batch();
        let mut claim_due = async |within, limit| {
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let messages = outbox::claim_due(&self.pool, within, limit).await?;
            flow.claimed.extend(messages.iter().map(|message| message.id));
            Ok::<_, StoreError>(messages)
        };
        let messages = match claim {
            Claim::All => claim_due(None, limit).await?,
            Claim::Needed { within, others } => {
                let mut needed = claim_due(Some(within), limit).await?;
                if others > 0 {
                    needed.extend(claim_due(None, others).await?);
                }
                needed
            }
        };
        gather(&self.pool, messages).await
    }

    /// Dispatches the messages of one event. Where one fails, what follows it waits too.
    async fn dispatch_event(&self, work: Work) -> Dispatched {
        let began = Instant::now();
        let (mut relayed, mut failed, mut behind) = (Vec::new(), None, Vec::new());
        for (at, message) in work.messages.iter().enumerate() {
            crash_points::pass("dispatch.claimed");
            let followed =
                work.messages.get(at + 1).is_some_and(|next| next.kind == OutboxKind::Result);
            // The signal that follows a start starts the watch, so that one call does both.
            let dispatched = if message.kind == OutboxKind::Start && followed {
                Ok(())
            } else {
                self.dispatch(&work, message).await
            };
            match dispatched {
                Ok(()) => {
                    crash_points::pass("dispatch.sent");
                    relayed.push(message.id);
                }
                Err(error) => {
                    trace::failed(error.cause());
                    failed = Some((message.clone(), error));
                    behind = work.messages[at + 1..].iter().map(|message| message.id).collect();
                    break;
                }
            }
        }
        let response = Response::after(failed.as_ref().map(|(_, error)| error));
        Dispatched { relayed, failed, behind, response, took: began.elapsed() }
    }

    /// Starts this minute's probe, the way that watches are started.
    async fn start_probe(&self) -> Dispatched {
        let began = Instant::now();
        let started = probe::start(&self.engine, &self.pool).await;
        let done = Dispatched::beside_messages(&started, began);
        self.last_probe.note(started.is_err());
        if let Err(error) = started {
            probe::note_failure(&self.pool, &error).await;
        }
        done
    }

    /// Looks once a second whether this minute has its probe.
    async fn probe(&self, flow: &mut Flow) {
        let now = Instant::now();
        if !self.engine.probes() || now < flow.probe_at {
            return;
        }
        flow.probe_at = now + LOOK_AGAIN;
        if probe::claim(&self.pool, &self.last_probe).await {
            let dispatcher = self.clone();
            flow.running.spawn(async move { Box::pin(dispatcher.start_probe()).await });
        }
    }

    /// Looks once a second for bulk reprocesses that Temporal has to be told of.
    async fn wake_bulks(&self, flow: &mut Flow) {
        let now = Instant::now();
        if now < flow.bulk_at {
            return;
        }
        flow.bulk_at = now + LOOK_AGAIN;
        for id in bulk::claim(&self.pool).await {
            let dispatcher = self.clone();
            flow.running.spawn(async move { Box::pin(dispatcher.wake_bulk(id)).await });
        }
    }

    /// One that Temporal does not take is claimed again in half a minute.
    async fn wake_bulk(&self, id: BulkId) -> Dispatched {
        let began = Instant::now();
        let woken = bulk::wake(&self.engine, &self.pool, id).await;
        if let Err(error) = &woken {
            tracing::warn!(%error, bulk_id = %id, "could not tell Temporal of a bulk reprocess");
        }
        Dispatched::beside_messages(&woken, began)
    }

    async fn dispatch(&self, work: &Work, message: &ClaimedMessage) -> Result<(), EngineError> {
        self.engine.ensure_ours(&self.pool).await?;
        let client = self.engine.client().await?;
        let event = work
            .event
            .as_ref()
            .ok_or_else(|| EngineError::Rejected(format!("there is no event {}", work.event_id)))?;
        let watch = Watch {
            client: &client,
            task_queue: self.engine.task_queue(),
            console: self.engine.console(),
            event,
            resumed: work.resumed,
            leads: &work.leads,
        };
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

    async fn settle(&self, done: Vec<Dispatched>) {
        if let Err(error) = self.note(done).await {
            // Every claim runs out by itself, and dispatching a message twice changes nothing.
            tracing::warn!(%error, "could not settle dispatched outbox messages");
        }
    }

    /// Deletes first: whatever happens to the others, what Temporal has is not dispatched again.
    async fn note(&self, done: Vec<Dispatched>) -> Result<(), StoreError> {
        let relayed: Vec<_> = done.iter().flat_map(|one| &one.relayed).copied().collect();
        if !relayed.is_empty() {
            outbox::delete_relayed(&self.pool, &relayed).await?;
            crash_points::pass("dispatch.deleted");
        }
        let mut later = Vec::new();
        for Dispatched { failed, behind, .. } in done {
            let Some((message, error)) = failed else { continue };
            telemetry::dispatch_failed(error.cause());
            if let EngineError::Rejected(why) = &error
                && parking::reject(&self.pool, &message, why).await?
            {
                continue;
            }
            tracing::debug!(event_id = %message.event_id, %error, "rescheduled an outbox message");
            later.push(FailedMessage { id: message.id, error: error.to_string(), behind });
        }
        if !later.is_empty() {
            outbox::reschedule(&self.pool, &later).await?;
        }
        Ok(())
    }
}

impl Flow {
    fn new() -> Self {
        Self {
            pace: Pace::new(),
            backlog: Backlog::default(),
            claimed: Vec::new(),
            waiting: VecDeque::new(),
            running: JoinSet::new(),
            may_be_due: true,
            is_held_back: false,
            is_away: false,
            look_at: Instant::now(),
            probe_at: Instant::now(),
            bulk_at: Instant::now(),
        }
    }

    fn may_claim(&self) -> bool {
        self.may_be_due && self.waiting.len() <= self.pace.limit() / 2
    }

    fn batch(&self) -> usize {
        if self.is_away { AWAY_BATCH } else { self.pace.limit() }
    }

    /// Queues what was claimed. A whole batch means that there may be more.
    fn queue(&mut self, claimed: Vec<Work>, claim: Claim) {
        let is_held_back = claim != Claim::All;
        let messages: usize = claimed.iter().map(|work| work.messages.len()).sum();
        self.may_be_due = claim.is_whole(messages, self.batch());
        self.is_held_back = is_held_back;
        self.look_at = Instant::now() + if is_held_back { LOOK_EVERY } else { LOOK_AGAIN };
        self.waiting.extend(claimed);
    }

    /// Starts as much as the pace allows.
    fn start(&mut self, dispatcher: &Dispatcher) {
        while self.running.len() < self.pace.limit()
            && let Some(work) = self.waiting.pop_front()
        {
            let dispatcher = dispatcher.clone();
            let span = work.span();
            let dispatching = async move { dispatcher.dispatch_event(work).await };
            self.running.spawn(span.run(dispatching));
        }
    }

    /// All that has ended by now. The pace learns of it.
    fn finish(&mut self, first: Result<Dispatched, JoinError>) -> Vec<Dispatched> {
        let was_full = self.running.len() + 1 >= self.pace.limit();
        let others = std::iter::from_fn(|| self.running.try_join_next());
        let done: Vec<_> = std::iter::once(first).chain(others).flatten().collect();
        for one in &done {
            telemetry::dispatched(one.took);
            let responded = one.response == Response::Given;
            self.pace.observe(one.took, responded, was_full, Instant::now());
            self.is_away = one.response == Response::Missing;
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::judge_status;

    #[tokio::test]
    async fn a_server_that_takes_no_more_is_given_less_and_one_that_is_away_is_tried_with_many() {
        let mut flow = Flow::new();
        let first = flow.batch();
        let mut batch_after = |error: EngineError| {
            let done = Dispatched::beside_messages(&Err(error), Instant::now());
            assert_eq!(flow.finish(Ok(done)).len(), 1);
            flow.batch()
        };
        let exhausted = tonic::Status::resource_exhausted("namespace rate limit exceeded");
        let busy = batch_after(judge_status(&exhausted));
        assert!(busy < first, "{busy} of {first}");
        assert_eq!(batch_after(judge_status(&tonic::Status::unavailable("away"))), AWAY_BATCH);
    }
}
