//! The worker: runs watches and their activities.
//!
//! [`build`] makes one for a client; tests use it too. [`run`] keeps one running for the life of a
//! process: while Temporal is away it retries, and a worker that ends with an error is replaced.
//! Before it polls, and while it does, it sees that the namespace works for its database: see
//! [`beat`]. A worker that dies loses nothing: what it ran is run again elsewhere.

mod beat;
mod mentions;
mod messages;
mod meter;
mod notices;
pub mod replay;
mod schedules;

use std::sync::Arc;
use std::time::Duration;

use activities::{
    Alerts, BulkReprocesses, Callbacks, Deps, Endpoints, Extensions, Probes, Records, Retentions,
};
use engine::{Engine, EngineError, WorkerVersion};
use store::StoreError;
use telemetry::catalogue::SDK_PREFIX;
use temporalio_client::Client;
use temporalio_common::telemetry::TelemetryOptions;
use temporalio_common::telemetry::metrics::CoreMeter;
use temporalio_common::worker::{
    VersioningBehavior, WorkerDeploymentOptions, WorkerDeploymentVersion, build_id_from_current_exe,
};
use temporalio_sdk::runtime::worker_tuner::{FixedSizeSlotSupplier, TunerHolder};
use temporalio_sdk::runtime::{PollerBehavior, RuntimeOptions};
use temporalio_sdk::{
    Runtime, RuntimeError, Worker, WorkerCreateError, WorkerOptions, WorkerRunError,
    WorkflowRegistrationError,
};
use tokio_util::sync::CancellationToken;
use workflows::names::endpoint_queue;
use workflows::{BulkReprocess, EffectWatch, Retention, WatchProbe};

use meter::Meter;

/// How long running activities may go on after a shutdown began.
const GRACE: Duration = Duration::from_secs(10);
/// The longest pause between two attempts to get a worker running.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Activities that run at the same time. Most of them wait for others: a mail server, Slack or a
/// repair endpoint that hangs holds its slot for half a minute and more. With the SDK's 100, so
/// many would keep every incident from being opened. A slot is a permit of a semaphore: one that is
/// free costs nothing, one that hangs costs a connection.
const ACTIVITY_SLOTS: usize = 1_000;
/// Long polls for calls to extensions over HTTPS.
const ASKING_POLLERS: usize = 2;
/// Slots for what ends immediately or is not used; the SDK's own number.
const OTHER_SLOTS: usize = 100;

/// How much a worker takes on.
#[derive(Debug, Clone, Copy)]
pub struct WorkerSettings {
    /// Long polls for workflow tasks. The SDK gives a fifth of them to new watches.
    pub workflow_pollers: usize,
    /// Long polls for activities.
    pub activity_pollers: usize,
    /// Watches kept in memory; the others are replayed when something happens to them.
    pub cached_workflows: usize,
}

impl Default for WorkerSettings {
    fn default() -> Self {
        Self { workflow_pollers: 20, activity_pollers: 20, cached_workflows: 1_000 }
    }
}

/// No worker could be made, or it ended.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// Temporal cannot be used.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The SDK's runtime did not start.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The options make no runtime.
    #[error("the SDK rejects the options of its runtime: {0}")]
    Options(String),
    /// A workflow could not be registered.
    #[error(transparent)]
    Register(#[from] WorkflowRegistrationError),
    /// The options make no worker.
    #[error(transparent)]
    Create(#[from] WorkerCreateError),
    /// The worker ended.
    #[error(transparent)]
    Run(#[from] WorkerRunError),
    /// The schema is older than this version.
    #[error(
        "migrations of this version are missing ({0}): run `sendpromptly migrate` as the owner of the schema"
    )]
    Schema(usize),
    /// The master key is not the one that secrets are sealed with.
    #[error(
        "secrets of this database are sealed with another key: set SENDPROMPTLY_MASTER_KEY to that of the api"
    )]
    MasterKey,
    /// The database does not say which installation it is.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The thread of the worker panicked, or did not start.
    #[error("the worker's thread has died; standard error says of what")]
    Died,
}

impl WorkerError {
    /// Whether a retry is futile, because the namespace belongs to another database.
    const fn is_final(&self) -> bool {
        matches!(self, Self::Engine(EngineError::Foreign(_)))
    }
}

/// Makes a worker with every workflow and activity.
///
/// # Errors
/// When the SDK rejects the options.
pub fn build(
    runtime: &Runtime,
    client: Client,
    task_queue: &str,
    deps: &Arc<Deps>,
    settings: WorkerSettings,
    version: Option<&WorkerVersion>,
) -> Result<Worker, WorkerError> {
    let options = WorkerOptions::new(task_queue)
        .deployment_options(deployment(version))
        .register_workflow::<EffectWatch>()?
        .register_workflow::<WatchProbe>()?
        .register_workflow::<Retention>()?
        .register_workflow::<BulkReprocess>()?
        .register_activities(Records::new(Arc::clone(deps)))
        .register_activities(Callbacks::new(Arc::clone(deps)))
        .register_activities(Extensions::new(Arc::clone(deps)))
        .register_activities(Alerts::new(Arc::clone(deps)))
        .register_activities(BulkReprocesses::new(Arc::clone(deps)))
        .register_activities(Probes::new(Arc::clone(deps)))
        .register_activities(Retentions::new(Arc::clone(deps)))
        .workflow_task_poller_behavior(PollerBehavior::SimpleMaximum(settings.workflow_pollers))
        .activity_task_poller_behavior(PollerBehavior::SimpleMaximum(settings.activity_pollers))
        .max_cached_workflows(settings.cached_workflows)
        .tuner(slots())
        .graceful_shutdown_period(GRACE)
        .build();
    Ok(Worker::new(runtime, client, options)?)
}

/// The SDK's own, with what it measures told beside our metrics.
fn runtime_options() -> Result<RuntimeOptions, WorkerError> {
    let meter: Arc<dyn CoreMeter> = Arc::new(Meter);
    let telemetry = TelemetryOptions::builder()
        .metrics(meter)
        .attach_service_name(false)
        .metric_prefix(SDK_PREFIX.to_owned())
        .build();
    RuntimeOptions::builder().telemetry_options(telemetry).build().map_err(WorkerError::Options)
}

/// Makes the worker that asks extensions over HTTPS. Endpoints that hang take its slots, and none of
/// those that watches need.
///
/// # Errors
/// When the SDK rejects the options.
pub fn build_asking(
    runtime: &Runtime,
    client: Client,
    task_queue: &str,
    deps: &Arc<Deps>,
    version: Option<&WorkerVersion>,
) -> Result<Worker, WorkerError> {
    let options = WorkerOptions::new(endpoint_queue(task_queue))
        .deployment_options(deployment(version))
        .register_activities(Endpoints::new(Arc::clone(deps)))
        .activity_task_poller_behavior(PollerBehavior::SimpleMaximum(ASKING_POLLERS))
        .tuner(slots())
        .graceful_shutdown_period(GRACE)
        .build();
    Ok(Worker::new(runtime, client, options)?)
}

/// Every worker of a process is of one version. Without one, Temporal sends it tasks as long as no
/// version is current on its queue.
fn deployment(version: Option<&WorkerVersion>) -> WorkerDeploymentOptions {
    let Some(WorkerVersion { deployment, build }) = version else {
        return WorkerDeploymentOptions::from_build_id(build_id_from_current_exe().to_owned());
    };
    let version =
        WorkerDeploymentVersion::builder().deployment_name(deployment).build_id(build).build();
    WorkerDeploymentOptions::new(version)
        .use_worker_versioning(true)
        .default_versioning_behavior(VersioningBehavior::AutoUpgrade)
        .build()
}

fn slots() -> TunerHolder {
    let others = FixedSizeSlotSupplier::new(OTHER_SLOTS);
    TunerHolder::builder()
        .workflow_task_slot_supplier(others)
        .activity_task_slot_supplier(FixedSizeSlotSupplier::new(ACTIVITY_SLOTS))
        .local_activity_task_slot_supplier(others)
        .nexus_task_slot_supplier(others)
        .build()
}

/// Keeps a worker running until `shutdown`, then lets it end in order. Beside it, what is
/// due is opened where Temporal is late, and people are notified of what no watch can report.
///
/// Workflows are not `Send`, so the worker has a thread of its own.
///
/// # Errors
/// When the namespace belongs to another database, or the thread dies. Whatever else fails is retried.
pub async fn run(
    engine: Arc<Engine>,
    deps: Arc<Deps>,
    settings: WorkerSettings,
    shutdown: CancellationToken,
) -> Result<(), WorkerError> {
    let ended = shutdown.child_token();
    let sending = ended.clone().run_until_cancelled_owned({
        let deps = Arc::clone(&deps);
        async move {
            let messages = messages::run(Arc::clone(&deps));
            let (mentions, notices) = (mentions::run(&deps), notices::run(&deps));
            tokio::join!(engine::deadlines::run(&deps.pool), notices, mentions, messages)
        }
    });
    let working = async {
        let outcome = run_worker(engine, deps, settings, shutdown).await;
        ended.cancel();
        outcome
    };
    tokio::join!(sending, working).1
}

async fn run_worker(
    engine: Arc<Engine>,
    deps: Arc<Deps>,
    settings: WorkerSettings,
    shutdown: CancellationToken,
) -> Result<(), WorkerError> {
    let tokio = tokio::runtime::Handle::current();
    on_own_thread(move || tokio.block_on(keep_running(&engine, &deps, settings, &shutdown))).await
}

/// Does this to its end on a thread of its own. One that dies is an error: a process that ended well
/// would not be started again.
async fn on_own_thread(
    work: impl FnOnce() -> Result<(), WorkerError> + Send + 'static,
) -> Result<(), WorkerError> {
    let (ended, end) = tokio::sync::oneshot::channel();
    let thread = std::thread::Builder::new().name("worker".to_owned()).spawn(move || {
        let _heard = ended.send(work());
    });
    if let Err(error) = thread {
        tracing::error!(%error, "could not start the worker's thread");
    }
    // A thread that did not start, or that panicked, has dropped its end.
    end.await.unwrap_or(Err(WorkerError::Died))
}

async fn keep_running(
    engine: &Engine,
    deps: &Arc<Deps>,
    settings: WorkerSettings,
    shutdown: &CancellationToken,
) -> Result<(), WorkerError> {
    let mut pause = Duration::from_secs(1);
    while !shutdown.is_cancelled() {
        let started = std::time::Instant::now();
        match run_once(engine, deps, settings, shutdown).await {
            Ok(()) => tracing::info!("the worker has ended"),
            Err(error) if error.is_final() => return Err(error),
            Err(error) => tracing::warn!(%error, "no worker is running; trying again"),
        }
        if started.elapsed() > LONGEST_PAUSE {
            pause = Duration::from_secs(1);
        }
        let _woken = shutdown.run_until_cancelled(tokio::time::sleep(pause)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    Ok(())
}

async fn run_once(
    engine: &Engine,
    deps: &Arc<Deps>,
    settings: WorkerSettings,
    shutdown: &CancellationToken,
) -> Result<(), WorkerError> {
    let renewals = engine.renewals();
    let Some(client) = shutdown.run_until_cancelled(engine.client()).await else {
        return Ok(());
    };
    let client = client?;
    let heart = beat::Heart::start(engine, deps, renewals).await?;
    let runtime = Runtime::from_current_tokio(runtime_options()?)?;
    let (queue, version) = (engine.task_queue(), engine.version());
    let worker = build(&runtime, client.clone(), queue, deps, settings, version)?;
    let asking = build_asking(&runtime, client, queue, deps, version)?;
    announce(engine)?;
    let outcome = tokio::select! {
        outcome = run_both(worker, asking, &heart, shutdown) => outcome,
        never = schedules::keep(engine, &deps.pool) => match never {},
    };
    heart.stop().await;
    outcome
}

/// Says who polls what.
fn announce(engine: &Engine) -> Result<(), EngineError> {
    tracing::info!(
        identity = engine.identity(),
        namespace = engine.namespace()?,
        task_queue = engine.task_queue(),
        build = engine.version().map(|version| version.build.as_str()),
        "polling Temporal"
    );
    Ok(())
}

/// Runs both workers until one of them ends, the namespace belongs to another database, the connection
/// was replaced, or `shutdown`.
async fn run_both(
    mut worker: Worker,
    mut asking: Worker,
    heart: &beat::Heart<'_>,
    shutdown: &CancellationToken,
) -> Result<(), WorkerError> {
    let (stop, stop_asking) = (worker.shutdown_handle(), asking.shutdown_handle());
    let ended = CancellationToken::new();
    let stopper = async {
        let outcome = tokio::select! {
            () = shutdown.cancelled() => Ok(()),
            () = ended.cancelled() => Ok(()),
            outcome = heart.beat() => outcome,
        };
        stop();
        stop_asking();
        outcome
    };
    // Where one of the two ends, so does the other, and both are replaced.
    let working = async {
        let outcome = worker.run().await;
        ended.cancel();
        outcome
    };
    let asking = async {
        let outcome = asking.run().await;
        ended.cancel();
        outcome
    };
    let running = async {
        let (watches, endpoints) = tokio::join!(working, asking);
        watches.and(endpoints)
    };
    let (belongs, outcome) = tokio::join!(stopper, running);
    belongs?;
    Ok(outcome?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_thread_that_dies_is_an_error_and_one_that_ends_is_none() {
        let died = on_own_thread(|| panic!("in the middle of a task")).await;
        assert!(matches!(died, Err(WorkerError::Died)), "{died:?}");
        let ended = on_own_thread(|| Ok(())).await;
        assert!(ended.is_ok(), "{ended:?}");
    }
}
