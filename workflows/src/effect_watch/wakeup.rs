//! What a watch waits for: a signal, what runs in the background, and time to pass.
//!
//! Where extensions are to be asked before an incident opens, the watch wakes for them on its way to
//! the deadline. They are asked in the background, so the deadline is kept whatever they do.

use std::collections::VecDeque;
use std::pin::pin;
use std::time::{Duration, UNIX_EPOCH};

use domain::ids::ReplayId;
use domain::watch::{NextStep, WatchState};
use futures::FutureExt;
use futures::future::{Either, pending};
use temporalio_workflow::{TimerOptions, WorkflowContext, WorkflowTermination, select};
use time::OffsetDateTime;

use super::EffectWatch;
use crate::activity_contract::AskInput;
use crate::background_activities::{BackgroundActivities, CallbackEnd, Ended};
use crate::signals::SignalMessage;
use crate::{callback_end, extension_call};

/// What comes when a timer fires that no result ended.
const DEADLINE: &str = "the deadline: without a result the incident opens";
const ASK: &str = "ask extensions before the deadline";

/// What ended a wait.
pub(super) enum Wakeup {
    Signal(SignalMessage),
    TimeUp,
    CallbackEnded(WatchState),
    CallbackFailed(ReplayId, String),
    /// An extension's answer was recorded, and this is the event's state since.
    Answered(WatchState),
}

/// How long a wait may take, and what comes then, as a history says it.
pub(super) struct Timeout {
    wait: Duration,
    then: &'static str,
}

impl Timeout {
    pub(super) const fn new(wait: Duration, then: &'static str) -> Self {
        Self { wait, then }
    }
}

impl EffectWatch {
    /// Waits for the deadline, or whatever comes before it. On the way extensions are asked, each at
    /// its time.
    pub(super) async fn result_or_deadline(
        ctx: &WorkflowContext<Self>,
        background: &mut BackgroundActivities,
        wait: Duration,
        leads: &mut VecDeque<u64>,
    ) -> Result<Wakeup, WorkflowTermination> {
        if leads.is_empty() || wait.is_zero() {
            return Self::next_wakeup(ctx, background, Some(Timeout::new(wait, DEADLINE))).await;
        }
        let event_id = ctx.state(|watch| watch.input.event_id);
        let deadline = OffsetDateTime::from(ctx.workflow_time().unwrap_or(UNIX_EPOCH)) + wait;
        while let Some(lead_ms) = leads.front().copied() {
            let ahead = remaining(ctx, deadline).saturating_sub(Duration::from_millis(lead_ms));
            if !ahead.is_zero() {
                match Self::next_wakeup(ctx, background, Some(Timeout::new(ahead, ASK))).await? {
                    Wakeup::TimeUp => {}
                    wakeup => return Ok(wakeup),
                }
            }
            // A worker without this step set one timer, to the deadline.
            if !ctx.patched(extension_call::PATCH) {
                leads.clear();
                if !ahead.is_zero() {
                    return Ok(Wakeup::TimeUp);
                }
                break;
            }
            leads.pop_front();
            background.ask(ctx, AskInput { event_id, lead_ms });
        }
        let until = Timeout::new(remaining(ctx, deadline), DEADLINE);
        Self::next_wakeup(ctx, background, Some(until)).await
    }

    /// Waits for a signal, for the callback, or for time to pass, whichever comes first.
    pub(super) async fn next_wakeup(
        ctx: &WorkflowContext<Self>,
        background: &mut BackgroundActivities,
        timeout: Option<Timeout>,
    ) -> Result<Wakeup, WorkflowTermination> {
        // Until a timer fires, its cancellation token holds the whole watch in memory. With the
        // watch's own token, a watch whose result comes in time would hold itself for good; this
        // one ends here.
        let token = ctx.cancellation_token().child_token();
        let timer = |Timeout { wait, then }: Timeout| {
            let until = TimerOptions::builder(wait)
                .cancellation_token(token.clone())
                .summary(then.to_owned())
                .build();
            ctx.timer(until).map(|_| ())
        };
        let time_up = timeout.map_or(Either::Right(pending()), |time| Either::Left(timer(time)));
        let mut time_up = pin!(time_up.fuse());
        loop {
            let ended = select! {
                ended = background.next_ended().fuse() => ended,
                message = Self::next_signal(ctx).fuse() => return Ok(Wakeup::Signal(message?)),
                () = time_up => return Ok(Wakeup::TimeUp),
            };
            match ended {
                Ended::Callback(replay_id, ended) => {
                    return Self::callback_wakeup(ctx, (replay_id, *ended));
                }
                Ended::Call(watch_state) if Self::waits_on(ctx, &watch_state) => {
                    let event_id = ctx.state(|watch| watch.input.event_id);
                    background.call(ctx, event_id, &watch_state.asks);
                }
                Ended::Call(watch_state) => return Ok(Wakeup::Answered(*watch_state)),
            }
        }
    }

    /// Whether an event for whose result the watch waits is still without one, so that the timer goes
    /// on.
    fn waits_on(ctx: &WorkflowContext<Self>, watch_state: &WatchState) -> bool {
        let waits = |next: NextStep| matches!(next, NextStep::WaitForResult { .. });
        waits(watch_state.next) && ctx.state(Self::next_step).is_none_or(waits)
    }

    /// A callback that was ended in Temporal ends its reprocess; in a canceled watch, the watch.
    fn callback_wakeup(
        ctx: &WorkflowContext<Self>,
        (replay_id, ended): (ReplayId, CallbackEnd),
    ) -> Result<Wakeup, WorkflowTermination> {
        match ended {
            Ok(watch_state) => Ok(Wakeup::CallbackEnded(watch_state)),
            Err(error)
                if !ctx.cancellation_token().is_cancelled() && ctx.patched(callback_end::PATCH) =>
            {
                Ok(Wakeup::CallbackFailed(replay_id, callback_end::reason(&error)))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Nothing is left to do but to notify people, and to record what still comes manually.
    pub(super) async fn last_wakeup(
        ctx: &WorkflowContext<Self>,
        background: &mut BackgroundActivities,
    ) -> Result<Option<Wakeup>, WorkflowTermination> {
        select! {
            message = Self::next_signal(ctx).fuse() => Ok(Some(Wakeup::Signal(message?))),
            () = background.all_delivered().fuse() => Ok(None),
        }
    }

    async fn next_signal(
        ctx: &WorkflowContext<Self>,
    ) -> Result<SignalMessage, WorkflowTermination> {
        loop {
            ctx.wait_condition(|watch| !watch.pending_signals.is_empty()).await?;
            if let Some(message) = ctx.state_mut(|watch| watch.pending_signals.pop_front()) {
                return Ok(message);
            }
        }
    }
}

pub(super) fn remaining(
    ctx: &WorkflowContext<EffectWatch>,
    timeout_at: OffsetDateTime,
) -> Duration {
    let now = ctx.workflow_time().map(OffsetDateTime::from);
    now.and_then(|now| Duration::try_from(timeout_at - now).ok()).unwrap_or_default()
}
