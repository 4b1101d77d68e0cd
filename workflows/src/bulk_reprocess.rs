//! `BulkReprocess`: has many incidents reprocessed, step by step.
//!
//! Every decision is the database's: the workflow asks for a step, waits as long as that says, and
//! asks again, until it says that nothing is left. So a step that is made twice, a signal that is
//! lost and a run that is started again change nothing. People steer it with the signals `pause`,
//! `resume` and `cancel`; the product signals `wake` after it has committed the same. While it is
//! paused it asks once a minute, because a signal may have been lost.

use std::collections::VecDeque;
use std::time::Duration;

use domain::bulk::Steering;
use futures::FutureExt as _;
use serde::{Deserialize, Serialize};
use temporalio_common::data_converters::RawValue;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{
    ContinueAsNewOptions, SyncWorkflowContext, TimerOptions, WorkflowContext, WorkflowContextView,
    WorkflowResult, WorkflowTermination, select,
};

pub use crate::activity_contract::BulkInput;
use crate::activity_contract::{BulkReprocesses, BulkStep, SteerInput};
use crate::options;
use crate::signal_input::SignalInput;

/// How often a paused one asks whether it goes on.
const PAUSED: Duration = Duration::from_mins(1);
/// How the input of each signal looks.
const EXAMPLE: &str = r#"{"requested_by":"alice"}"#;

/// How a bulk reprocess ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkOutcome {
    /// `done` or `canceled`; `gone` where the database does not know it.
    pub ended: String,
}

/// One bulk reprocess.
#[workflow]
pub struct BulkReprocess {
    input: BulkInput,
    steered: VecDeque<SteerInput>,
    woken: bool,
}

#[workflow_methods]
#[expect(clippy::needless_pass_by_value, reason = "the SDK hands signals over by value")]
impl BulkReprocess {
    #[init]
    fn new(_ctx: &WorkflowContextView, input: BulkInput) -> Self {
        Self { input, steered: VecDeque::new(), woken: false }
    }

    /// Asks for step after step.
    ///
    /// # Errors
    /// When the run was canceled in Temporal; the sweep starts another one unless the bulk reprocess
    /// was canceled too.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<BulkOutcome> {
        let input = ctx.state(|bulk| bulk.input);
        loop {
            ctx.state_mut(|bulk| bulk.woken = false);
            while let Some(steered) = ctx.state_mut(|bulk| bulk.steered.pop_front()) {
                let options = options::records("do what was signalled");
                ctx.execute_activity(BulkReprocesses::steer_bulk, steered, options).await?;
            }
            let options = options::records("see what ended, and start what may start");
            let step = ctx.execute_activity(BulkReprocesses::step_bulk, input, options).await?;
            ctx.set_current_details(step.describe());
            let Some(wait) = step.wait(PAUSED) else {
                return Ok(BulkOutcome { ended: step.state });
            };
            Self::wait(ctx, wait).await?;
            if ctx.continue_as_new_suggested() && !ctx.state(Self::was_told) {
                ctx.continue_as_new(input, ContinueAsNewOptions::default())?;
            }
        }
    }

    /// A person pauses it.
    #[signal]
    pub fn pause(&mut self, _ctx: &mut SyncWorkflowContext<Self>, input: RawValue) {
        self.steer(Steering::Pause, &input);
    }

    /// A person lets it go on.
    #[signal]
    pub fn resume(&mut self, _ctx: &mut SyncWorkflowContext<Self>, input: RawValue) {
        self.steer(Steering::Resume, &input);
    }

    /// A person cancels it.
    #[signal]
    pub fn cancel(&mut self, _ctx: &mut SyncWorkflowContext<Self>, input: RawValue) {
        self.steer(Steering::Cancel, &input);
    }

    /// Something was changed that is in the database already.
    #[signal]
    pub fn wake(&mut self, _ctx: &mut SyncWorkflowContext<Self>, _input: RawValue) {
        self.woken = true;
    }

    fn steer(&mut self, steering: Steering, input: &RawValue) {
        let mut read = SignalInput::read(input, EXAMPLE);
        self.steered.push_back(SteerInput {
            bulk_id: self.input.bulk_id,
            steering: steering.as_str().to_owned(),
            requested_by: read.text("requested_by"),
        });
    }

    fn was_told(&self) -> bool {
        self.woken || !self.steered.is_empty()
    }

    /// Waits so long, or until something is said.
    async fn wait(ctx: &WorkflowContext<Self>, wait: Duration) -> Result<(), WorkflowTermination> {
        // Its own, because a timer that has not fired would hold the whole run in memory.
        let token = ctx.cancellation_token().child_token();
        let until = TimerOptions::builder(wait)
            .cancellation_token(token.clone())
            .summary("until the next step".to_owned())
            .build();
        let ended = select! {
            told = ctx.wait_condition(Self::was_told).fuse() => told,
            _ = ctx.timer(until).fuse() => Ok(()),
        };
        token.cancel();
        ended.map_err(Into::into)
    }
}

impl BulkStep {
    /// How long to wait for the next step; `None` where there is none.
    fn wait(&self, paused: Duration) -> Option<Duration> {
        match (self.wait_ms, self.state.as_str()) {
            (Some(wait), _) => Some(Duration::from_millis(wait)),
            (None, "paused") => Some(paused),
            (None, _) => None,
        }
    }

    /// How far it is, for those who look into Temporal.
    fn describe(&self) -> String {
        format!(
            "{}: {} succeeded, {} failed, {} skipped, {} run, {} wait",
            self.state, self.succeeded, self.failed, self.skipped, self.started, self.waiting
        )
    }
}
