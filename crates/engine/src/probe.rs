//! Starting the probe that shows that all works, where a dead-man URL is set.
//!
//! Every API and worker process with the setting looks each second, in the loop that dispatches the outbox; one of them
//! has the minute ([`store::watch_probes::claim`]). A process that dies between that and the start leaves a minute
//! without a probe, and no more. A start that Temporal does not take is not repeated: the next minute is. A process whose
//! last start failed takes a minute only where no other one has taken it: it may be the only one that does not reach Temporal.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use store::PgPool;
use store::watch_probes::{self, Fault, ProbeEnd};
use temporalio_client::errors::WorkflowStartError;
use temporalio_client::{WorkflowIdConflictPolicy, WorkflowIdReusePolicy, WorkflowStartOptions};
use workflows::WatchProbe;
use workflows::names::probe_id;
use workflows::watch_probe::{AT_MOST, WatchProbeInput};

use crate::connect::{Engine, EngineError};
use crate::watch::judge_start;

/// A start that takes longer is late for its minute.
const TIMEOUT: Duration = Duration::from_secs(20);
/// For so long a process whose last start failed leaves a minute to the others.
const LEAVES_TO_OTHERS: Duration = Duration::from_secs(10);

/// How the last start of this process went. Clones are about the same process.
#[derive(Debug, Clone, Default)]
pub(crate) struct LastStart {
    failed: Arc<AtomicBool>,
}

impl LastStart {
    pub(crate) fn note(&self, failed: bool) {
        self.failed.store(failed, Ordering::Relaxed);
    }

    fn patience(&self) -> Duration {
        if self.failed.load(Ordering::Relaxed) { LEAVES_TO_OTHERS } else { Duration::ZERO }
    }
}

/// Whether this minute's probe is ours to start. Without a database it is nobody's.
pub(crate) async fn claim(pool: &PgPool, last: &LastStart) -> bool {
    watch_probes::claim(pool, last.patience()).await.unwrap_or_else(|error| {
        tracing::debug!(%error, "could not look whether a probe is due");
        false
    })
}

/// Starts the probe, or leaves the one that still runs.
pub(crate) async fn start(engine: &Engine, pool: &PgPool) -> Result<(), EngineError> {
    let late = || Err(EngineError::Unreachable(format!("no answer within {TIMEOUT:?}")));
    tokio::time::timeout(TIMEOUT, Box::pin(begin(engine, pool))).await.unwrap_or_else(|_| late())
}

async fn begin(engine: &Engine, pool: &PgPool) -> Result<(), EngineError> {
    engine.ensure_ours(pool).await?;
    let client = engine.client().await?;
    let options = WorkflowStartOptions::new(engine.task_queue(), probe_id(engine.task_queue()))
        .id_reuse_policy(WorkflowIdReusePolicy::AllowDuplicate)
        .id_conflict_policy(WorkflowIdConflictPolicy::UseExisting)
        .execution_timeout(AT_MOST)
        .static_summary("shows that all works, and calls the dead-man URL".to_owned())
        .build();
    match client.start_workflow(WatchProbe::run, WatchProbeInput {}, options).await {
        Ok(_) | Err(WorkflowStartError::AlreadyStarted { .. }) => Ok(()),
        Err(error) => Err(judge_start(&error)),
    }
}

/// Keeps that the probe could not be started.
pub(crate) async fn note_failure(pool: &PgPool, error: &EngineError) {
    let end = ProbeEnd::Silent(Fault::NotStarted);
    telemetry::probe_ended(end.as_str());
    match watch_probes::note_end(pool, &end).await {
        Ok(true) => {
            tracing::warn!(%error, "the dead-man URL is not called: {}", Fault::NotStarted.as_str());
        }
        Ok(false) => {}
        Err(error) => tracing::debug!(%error, "could not keep how the probe ended"),
    }
}
