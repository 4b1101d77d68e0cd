//! A bare workflow of the same shape as a watch on its happy path: started with the same search
//! attributes, it waits for one signal or its deadline, and ends. Nothing is behind it but Temporal.

use std::time::Duration;

use anyhow::Context as _;
use temporalio_client::{Client, WorkflowSignalOptions, WorkflowStartOptions};
use temporalio_common::search_attributes::SearchAttributes;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::runtime::{PollerBehavior, RuntimeOptions};
use temporalio_sdk::{Runtime, Worker, WorkerOptions};
use temporalio_workflow::{
    SyncWorkflowContext, TimerOptions, WorkflowContext, WorkflowResult, select,
};
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;
use workflows::names::search_attribute;

use crate::load::{self, Measured, Timing};

/// What its runs are called in searches.
pub const WORKFLOW_TYPE: &str = "BareWatch";
const TASK_QUEUE: &str = "loadtest-bare";
/// Calls that are under way at the same time; more do not make the development server faster.
const IN_FLIGHT: u32 = 32;
const SUMMARY: &str = "stripe invoice.paid: credit_grant for user_456";
const DEADLINE: Duration = Duration::from_hours(7 * 24);
/// As the worker of `dev` has them.
const POLLERS: usize = 10;
const CACHED_WORKFLOWS: usize = 500;

/// Waits for one signal.
#[workflow]
#[derive(Default)]
pub struct BareWatch {
    reported: bool,
}

#[workflow_methods]
impl BareWatch {
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, deadline: Duration) -> WorkflowResult<()> {
        // With the workflow's own token the timer would hold a workflow that has ended in memory.
        let token = ctx.cancellation_token().child_token();
        let until = TimerOptions::builder(deadline).cancellation_token(token).build();
        select! {
            _ = ctx.timer(until) => (),
            reported = ctx.wait_condition(|watch| watch.reported) => reported?,
        }
        Ok(())
    }

    #[signal]
    pub fn result(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.reported = true;
    }
}

/// A worker of this program beside that of `dev`, on a queue of its own, until it is dropped.
pub struct BareWorker {
    client: Client,
    ids: String,
    _stop: DropGuard,
}

impl BareWorker {
    /// Workflows are not `Send`, so the worker has a thread of its own.
    pub fn start(client: Client) -> anyhow::Result<Self> {
        let stop = CancellationToken::new();
        let (tokio, stopped) = (tokio::runtime::Handle::current(), stop.clone());
        let working = client.clone();
        std::thread::Builder::new().name("bare-worker".to_owned()).spawn(move || {
            if let Err(error) = tokio.block_on(work(working, stopped)) {
                crate::say(&format!("the bare worker ended: {error:#}"));
            }
        })?;
        let ids = format!("bare/{}", Uuid::now_v7().simple());
        Ok(Self { client, ids, _stop: stop.drop_guard() })
    }

    /// Starts so many workflows.
    pub async fn start_workflows(&self, count: u32) -> anyhow::Result<Measured> {
        let (client, ids) = (self.client.clone(), self.ids.clone());
        load::closed(IN_FLIGHT, Timing::UNLIMITED, 0..count, move |number| {
            start(client.clone(), format!("{ids}/{number}"))
        })
        .await
    }

    /// Starts so many a second.
    pub async fn start_workflows_at(&self, rate: f64, timing: Timing) -> anyhow::Result<Measured> {
        let (client, ids) = (self.client.clone(), self.ids.clone());
        load::open(rate, timing, move || start(client.clone(), format!("{ids}/{}", Uuid::now_v7())))
            .await
    }

    /// Those of the first so many.
    pub fn workflow_ids(&self, count: u32) -> Vec<String> {
        (0..count).map(|number| format!("{}/{number}", self.ids)).collect()
    }

    /// Signals them all.
    pub async fn signal_workflows(&self, count: u32) -> anyhow::Result<Measured> {
        let (client, ids) = (self.client.clone(), self.ids.clone());
        load::closed(IN_FLIGHT, Timing::UNLIMITED, 0..count, move |number| {
            let watch = client.get_workflow_handle::<BareWatch>(format!("{ids}/{number}"));
            async move {
                watch.signal(BareWatch::result, (), WorkflowSignalOptions::default()).await?;
                Ok(())
            }
        })
        .await
    }
}

async fn start(client: Client, id: String) -> anyhow::Result<()> {
    let options = WorkflowStartOptions::new(TASK_QUEUE, id.clone())
        .search_attributes(attributes(id))
        .static_summary(SUMMARY.to_owned())
        .build();
    client.start_workflow(BareWatch::run, DEADLINE, options).await?;
    Ok(())
}

async fn work(client: Client, stop: CancellationToken) -> anyhow::Result<()> {
    let runtime = Runtime::from_current_tokio(RuntimeOptions::default())?;
    let options = WorkerOptions::new(TASK_QUEUE)
        .register_workflow::<BareWatch>()?
        .workflow_task_poller_behavior(PollerBehavior::SimpleMaximum(POLLERS))
        .max_cached_workflows(CACHED_WORKFLOWS)
        .build();
    let mut worker = Worker::new(&runtime, client, options)?;
    let end = worker.shutdown_handle();
    tokio::spawn(async move {
        stop.cancelled().await;
        end();
    });
    worker.run().await.context("run the bare worker")
}

fn attributes(id: String) -> SearchAttributes {
    SearchAttributes::new([
        search_attribute::PROJECT_ID.value_set("prj_bare".to_owned()),
        search_attribute::PROVIDER_EVENT_ID.value_set(id),
        search_attribute::INTERNAL_REFERENCE.value_set("user_456".to_owned()),
        search_attribute::EFFECT_TYPE.value_set("credit_grant".to_owned()),
        search_attribute::STATE.value_set("pending".to_owned()),
    ])
}
