//! A watch, a probe, a run of retention and a bulk reprocess of the same names, each of which begins with something else.

use std::time::Duration;

use temporalio_common::data_converters::RawValue;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{
    SyncWorkflowContext, WorkflowContext, WorkflowContextView, WorkflowResult,
};
use workflows::activity_contract::{
    BulkInput, BulkReprocesses, EventInput, ProbeInput, ProbeOutcome, Probes, Records, Retentions,
    RuleInput,
};
use workflows::bulk_reprocess::BulkOutcome;
use workflows::effect_watch::{WatchInput, WatchOutcome};
use workflows::options;
use workflows::retention::{RetentionInput, RetentionOutcome};
use workflows::watch_probe::WatchProbeInput;

/// Named like the real one, because that is where the server's name of the type comes from.
#[workflow]
pub struct EffectWatch {
    input: WatchInput,
}

#[workflow_methods]
#[expect(clippy::unused_self, reason = "signals are methods, and this watch is deaf")]
impl EffectWatch {
    #[init]
    fn new(_ctx: &WorkflowContextView, input: WatchInput) -> Self {
        Self { input }
    }

    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<WatchOutcome> {
        let of_event = EventInput { event_id: ctx.state(|watch| watch.input.event_id) };
        ctx.execute_activity(Records::read_standing, of_event, options::records("changed")).await?;
        ctx.timer(Duration::from_mins(30)).await;
        Ok(WatchOutcome { ended: "applied".to_owned() })
    }

    #[signal]
    pub fn result(&mut self, _ctx: &mut SyncWorkflowContext<Self>, _input: RawValue) {}

    #[signal]
    pub fn reprocess(&mut self, _ctx: &mut SyncWorkflowContext<Self>, _input: RawValue) {}

    #[signal]
    pub fn resolve(&mut self, _ctx: &mut SyncWorkflowContext<Self>, _input: RawValue) {}
}

/// A probe that calls before its timer.
#[workflow]
pub struct WatchProbe {}

#[workflow_methods]
impl WatchProbe {
    #[init]
    fn new(_ctx: &WorkflowContextView, _input: WatchProbeInput) -> Self {
        Self {}
    }

    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<ProbeOutcome> {
        let options = options::probe("changed");
        let ended = ctx.execute_activity(Probes::call_dead_man, ProbeInput {}, options).await?;
        ctx.timer(Duration::from_secs(2)).await;
        Ok(ended)
    }
}

/// A run that knows its rules without asking.
#[workflow]
pub struct Retention {}

#[workflow_methods]
impl Retention {
    #[init]
    fn new(_ctx: &WorkflowContextView, _input: RetentionInput) -> Self {
        Self {}
    }

    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<RetentionOutcome> {
        let (input, options) =
            (RuleInput { rule: "events".to_owned() }, options::retention("changed".to_owned()));
        ctx.execute_activity(Retentions::apply_rule, input, options).await?;
        Ok(RetentionOutcome::default())
    }
}

/// A bulk reprocess that waits before its first step.
#[workflow]
pub struct BulkReprocess {
    input: BulkInput,
}

#[workflow_methods]
#[expect(clippy::unused_self, reason = "signals are methods, and this one is deaf")]
impl BulkReprocess {
    #[init]
    fn new(_ctx: &WorkflowContextView, input: BulkInput) -> Self {
        Self { input }
    }

    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<BulkOutcome> {
        ctx.timer(Duration::from_secs(5)).await;
        let input = ctx.state(|bulk| bulk.input);
        let options = options::records("changed");
        let step = ctx.execute_activity(BulkReprocesses::step_bulk, input, options).await?;
        Ok(BulkOutcome { ended: step.state })
    }

    #[signal]
    pub fn wake(&mut self, _ctx: &mut SyncWorkflowContext<Self>, _input: RawValue) {}
}
