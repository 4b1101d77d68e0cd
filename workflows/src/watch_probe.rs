//! `WatchProbe`: shows that what watches need works, end to end.
//!
//! It is started once a minute where a dead-man URL is set, by the loop that starts watches. It waits for a timer
//! and then has one activity judge the rest and call the URL. It is about no event and has no row but one. Where
//! a part does not work, it ends by its time-out and the URL is not called.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{TimerOptions, WorkflowContext, WorkflowContextView, WorkflowResult};

use crate::activity_contract::{ProbeInput, ProbeOutcome, Probes};
use crate::options;

/// Long enough to be a timer, short enough to leave most of the minute.
const WAIT: Duration = Duration::from_secs(2);

/// How long a probe may take. The start of the next one is the same run while this one goes on, so probes
/// never pile up.
pub const AT_MOST: Duration = Duration::from_secs(110);

/// The input of a probe: nothing yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct WatchProbeInput {}

/// One probe.
#[workflow]
pub struct WatchProbe {}

#[workflow_methods]
impl WatchProbe {
    #[init]
    fn new(_ctx: &WorkflowContextView, _input: WatchProbeInput) -> Self {
        Self {}
    }

    /// Waits, then has the activity judge and call.
    ///
    /// # Errors
    /// When the activity came to no end in time, or the probe was canceled.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<ProbeOutcome> {
        let wait = TimerOptions::builder(WAIT).summary("see that timers fire".to_owned()).build();
        ctx.timer(wait).await;
        let options = options::probe("see that all works, and call the dead-man URL");
        Ok(ctx.execute_activity(Probes::call_dead_man, ProbeInput {}, options).await?)
    }
}
