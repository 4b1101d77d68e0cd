//! One measurement: a `dev` of its own, an app that reports to it, and a ledger that is checked in
//! the end.
//!
//! Each part, build and round has a fresh `dev`, so that nothing which an earlier one left behind
//! is worked off beside it. The `dev` is ended, whatever happened.

use std::iter::repeat;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use engine::{Engine, TemporalSettings};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use temporalio_client::Client;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use workflows::names::{TASK_QUEUE, workflow_id};

use crate::app::{App, TIMEOUT_MINUTES};
use crate::builds::Build;
use crate::dev::{Dev, Setting};
use crate::ledger::{Ledger, LedgerCheck};
use crate::load::{self, Measured, Timing};
use crate::options::Options;
use crate::report::Findings;
use crate::sampler::Sampler;
use crate::{outbox, process, temporal};

const POLL_EVERY: Duration = Duration::from_millis(50);
/// More than any backlog that a part makes needs on a slow machine.
const DRAIN_TIMEOUT: Duration = Duration::from_hours(1);

/// What a part works with.
pub struct Session {
    pub app: App,
    pub dev: Dev,
    pub pool: PgPool,
    pub options: Options,
    pub ledger: Arc<Ledger>,
    engine: Engine,
}

/// Which build is measured, and how.
#[derive(Clone, Copy)]
pub struct Turn<'a> {
    pub build: &'a Build,
    pub options: &'a Options,
    pub interrupted: &'a CancellationToken,
}

/// Measures a part on a `dev` of its own.
pub async fn run(
    turn: Turn<'_>,
    part: impl AsyncFnOnce(&Session) -> anyhow::Result<Findings>,
) -> anyhow::Result<(Findings, LedgerCheck)> {
    run_with(turn, Vec::new(), part).await
}

/// Measures something on a `dev` of its own that has these settings.
pub async fn run_with<T>(
    turn: Turn<'_>,
    settings: Vec<Setting>,
    part: impl AsyncFnOnce(&Session) -> anyhow::Result<T>,
) -> anyhow::Result<(T, LedgerCheck)> {
    let starting = Session::start(turn, settings);
    let session = turn.interrupted.run_until_cancelled(starting).await.context("interrupted")??;
    let measuring = async {
        let found = part(&session).await?;
        anyhow::Ok((found, session.check_ledger().await?))
    };
    let measured = turn.interrupted.run_until_cancelled(measuring).await;
    let measured = measured.context("interrupted").flatten();
    let measured =
        measured.with_context(|| format!("the last output of dev:\n{}", session.dev.log_tail()));
    session.pool.close().await;
    session.dev.stop().await?;
    measured
}

impl Session {
    async fn start(turn: Turn<'_>, settings: Vec<Setting>) -> anyhow::Result<Self> {
        let dev = Dev::start(&turn.build.binary, settings).await?;
        let ready = &dev.ready;
        let temporal = TemporalSettings::Plain {
            address: ready.temporal_address.clone(),
            namespace: ready.temporal_namespace.clone(),
        };
        let keys = dev.make_keys(turn.options.keys).await?;
        let ledger = Arc::<Ledger>::default();
        Ok(Self {
            app: App::new(ready.url.clone(), keys, Arc::clone(&ledger)),
            pool: PgPoolOptions::new().max_connections(4).connect_lazy(&ready.database_url)?,
            options: turn.options.clone(),
            ledger,
            engine: Engine::new(temporal, TASK_QUEUE),
            dev,
        })
    }

    /// Receipts of events whose deadline is far, at a rate that waits for nothing.
    pub async fn receipts_at(&self, rate: f64, timing: Timing) -> anyhow::Result<Measured> {
        let app = self.app.clone();
        load::open(rate, timing, move || {
            let app = app.clone();
            async move { app.receipt(TIMEOUT_MINUTES).await.map(|_| ()) }
        })
        .await
    }

    /// As many of them as so many connections can send, one after the other.
    pub async fn receipts_over(
        &self,
        connections: u32,
        timing: Timing,
    ) -> anyhow::Result<Measured> {
        let app = self.app.clone();
        load::closed(connections, timing, repeat(()), move |()| {
            let app = app.clone();
            async move { app.receipt(TIMEOUT_MINUTES).await.map(|_| ()) }
        })
        .await
    }

    /// So many of them, by so many connections; each must be accepted.
    pub async fn receipts(&self, connections: u32, count: u32) -> anyhow::Result<()> {
        self.receipts_due(TIMEOUT_MINUTES, connections, count).await
    }

    /// So many of events whose result is due in so many minutes.
    pub async fn receipts_due(
        &self,
        timeout_minutes: u32,
        connections: u32,
        count: u32,
    ) -> anyhow::Result<()> {
        let app = self.app.clone();
        let sending = load::closed(connections, Timing::UNLIMITED, 0..count, move |_| {
            let app = app.clone();
            async move { app.receipt(timeout_minutes).await.map(|_| ()) }
        });
        sending.await?.all_accepted()
    }

    /// As many successes as so many connections can send, of the receipts accepted so far.
    pub async fn results_over(&self, connections: u32, timing: Timing) -> anyhow::Result<Measured> {
        let app = self.app.clone();
        load::closed(connections, timing, self.ledger.acked().into_iter(), move |event_id| {
            let app = app.clone();
            async move { app.success(event_id).await }
        })
        .await
    }

    /// The successes of all receipts accepted so far; each must be accepted.
    pub async fn results(&self, connections: u32) -> anyhow::Result<()> {
        self.results_over(connections, Timing::UNLIMITED).await?.all_accepted()
    }

    /// The watches of all receipts accepted so far, in the order of their responses.
    pub fn workflow_ids(&self) -> Vec<String> {
        self.ledger.acked().into_iter().map(workflow_id).collect()
    }

    /// The embedded Temporal.
    pub async fn temporal(&self) -> anyhow::Result<Client> {
        Ok(self.engine.client().await?)
    }

    /// Begins to look at backlog and memory beside a load.
    pub fn sample(&self) -> anyhow::Result<Sampler> {
        Ok(Sampler::start(self.pool.clone(), self.dev.pid()?))
    }

    /// Sends receipts of so many more events and waits until each has a watch that waits for its
    /// result.
    pub async fn add_watches(
        &self,
        client: &Client,
        connections: u32,
        count: u32,
    ) -> anyhow::Result<()> {
        let before = self.workflow_ids().len();
        self.receipts(connections, count).await?;
        self.until_relayed().await?;
        let added = temporal::sample(self.workflow_ids().split_off(before));
        temporal::until_waiting(client, &added).await
    }

    /// Waits until everything that was committed is dispatched to Temporal.
    pub async fn until_relayed(&self) -> anyhow::Result<()> {
        eventually("an empty outbox", DRAIN_TIMEOUT, async || {
            Ok((!outbox::has_waiting(&self.pool).await?).then_some(()))
        })
        .await?;
        let (_, parked) = outbox::count(&self.pool).await?;
        anyhow::ensure!(parked == 0, "Temporal rejected {parked} messages");
        Ok(())
    }

    /// Resident memory of API and worker together, in 10⁶ bytes.
    pub fn memory(&self) -> anyhow::Result<f64> {
        process::resident_megabytes(self.dev.pid()?)
    }

    async fn check_ledger(&self) -> anyhow::Result<LedgerCheck> {
        self.ledger.check(&self.pool, self.dev.ready.project_id).await
    }
}

/// Asks again and again until there is a result.
pub async fn eventually<T>(
    what: &str,
    timeout: Duration,
    mut ask: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let deadline = Instant::now() + timeout;
    loop {
        if let Some(found) = ask().await? {
            return Ok(found);
        }
        anyhow::ensure!(Instant::now() < deadline, "waited in vain for {what}");
        sleep(POLL_EVERY).await;
    }
}
