//! Callbacks that end in Temporal before they are delivered.
//!
//! The activity never gives up by itself, but Temporal's tools can end it: the watch is canceled,
//! the activity is given a maximum of attempts or a time limit, is failed, or is completed with
//! something else than a result of ours. None of that may strand the incident as `reprocessing`:
//! the reprocess ends as undelivered, people are notified, and the watch goes on, unless it was the
//! watch that was canceled. A watch that dies between the two is started again by the sweep.

use domain::ids::{EventId, ReplayId};
use domain::watch::{NextStep, WatchState};
use temporalio_common::error::RetryState;
use temporalio_workflow::{ActivityExecutionError, WorkflowContext, WorkflowTermination};

use crate::EffectWatch;
use crate::activity_contract::{Records, UndeliveredReprocess};
use crate::options;

/// The change that made the end of a callback the end of its reprocess, not of the watch.
pub(crate) const PATCH: &str = "end-failed-callbacks";

/// The longest reason that is kept, in characters.
const MAX_REASON: usize = 200;

/// Why a callback ended, as the timeline says it.
pub(crate) fn reason(error: &ActivityExecutionError) -> String {
    let failed = match error {
        ActivityExecutionError::Cancelled(_) => {
            return "its callback was canceled in Temporal".to_owned();
        }
        ActivityExecutionError::Failed(failed) => failed,
        // A result that is none of ours; every other end of an activity is one of the two above.
        _ => return "its callback was completed by hand in Temporal".to_owned(),
    };
    match failed.retry_state() {
        RetryState::MaximumAttemptsReached => {
            "the maximum of attempts that was set in Temporal is reached".to_owned()
        }
        RetryState::Timeout => "the time limit that was set in Temporal has passed".to_owned(),
        _ => {
            let cause = failed.failure().cause.as_ref();
            let said = cause.map(|cause| cause.message.as_str()).unwrap_or_default();
            let said: String = said.chars().take(MAX_REASON).collect();
            format!("its callback was failed in Temporal: {said}")
        }
    }
}

/// Ends the reprocess, whether the watch was canceled or not.
pub(crate) async fn end_undelivered(
    ctx: &WorkflowContext<EffectWatch>,
    event_id: EventId,
    replay_id: ReplayId,
    why: String,
) -> Result<WatchState, WorkflowTermination> {
    let undelivered = UndeliveredReprocess { event_id, replay_id, why };
    let options = options::records_after_cancel("end the reprocess: its callback was ended");
    Ok(ctx.execute_activity(Records::end_undelivered_reprocess, undelivered, options).await?)
}

/// What a canceled watch still has to do: the reprocess whose callback it was sending, if there is
/// one.
pub(crate) fn left_behind(
    ctx: &WorkflowContext<EffectWatch>,
    ended: &WorkflowTermination,
) -> Option<ReplayId> {
    let goes_on =
        matches!(ended, WorkflowTermination::Evicted | WorkflowTermination::ContinueAsNew(_));
    if goes_on || !ctx.cancellation_token().is_cancelled() {
        return None;
    }
    match ctx.state(EffectWatch::next_step) {
        Some(NextStep::SendCallback { replay_id }) if ctx.patched(PATCH) => Some(replay_id),
        _ => None,
    }
}
