//! Activities that run in the background of the watch: alerts, calls of extensions, and the callback
//! of a reprocess.
//!
//! A slow destination or extension must not delay what follows, and a result may arrive while the
//! callback is still being retried. So all of them run here while the watch waits for its next
//! wakeup. They are polled in the order in which they were started, which keeps replays equal.

use std::task::{Context, Poll};

use domain::ids::{AlertId, CallId, EventId, ReplayId};
use domain::watch::{Ask, WatchState};
use futures::future::{LocalBoxFuture, poll_fn};
use temporalio_workflow::{ActivityExecutionError, WorkflowContext};

use crate::EffectWatch;
use crate::activity_contract::{
    AlertInput, Alerts, AskInput, Callbacks, Extensions, ReprocessInput,
};
use crate::extension_call;
use crate::options;

pub(crate) type CallbackEnd = Result<WatchState, ActivityExecutionError>;

/// The activities that run at the moment.
#[derive(Default)]
pub(crate) struct BackgroundActivities {
    started: Vec<AlertId>,
    deliveries: Vec<LocalBoxFuture<'static, ()>>,
    asked: Vec<CallId>,
    calls: Vec<LocalBoxFuture<'static, Option<WatchState>>>,
    callback: Option<(ReplayId, LocalBoxFuture<'static, CallbackEnd>)>,
}

/// What ended in the background.
pub(crate) enum Ended {
    Callback(ReplayId, Box<CallbackEnd>),
    /// A call of an extension, or writing those that are due: the event's state afterwards.
    Call(Box<WatchState>),
}

impl BackgroundActivities {
    /// Starts to deliver each of these alerts that is not on its way yet.
    pub(crate) fn deliver(&mut self, ctx: &WorkflowContext<EffectWatch>, alerts: &[AlertId]) {
        for alert_id in alerts {
            if self.started.contains(alert_id) {
                continue;
            }
            self.started.push(*alert_id);
            let (ctx, input) = (ctx.clone(), AlertInput { alert_id: *alert_id });
            self.deliveries.push(Box::pin(async move {
                // An alert ends with a row that says how; the watch goes on either way.
                let options = options::alert(format!("deliver alert {}", input.alert_id));
                let _ended = ctx.execute_activity(Alerts::deliver_alert, input, options).await;
            }));
        }
    }

    /// Starts to ask the extensions whose time before the deadline has come.
    pub(crate) fn ask(&mut self, ctx: &WorkflowContext<EffectWatch>, input: AskInput) {
        let ctx = ctx.clone();
        self.calls.push(Box::pin(async move {
            let options = options::records("list the extensions to ask now");
            ctx.execute_activity(Extensions::ask_extensions, input, options).await.ok()
        }));
    }

    /// Starts to make each of these calls that is not on its way yet.
    pub(crate) fn call(
        &mut self,
        ctx: &WorkflowContext<EffectWatch>,
        event_id: EventId,
        asks: &[Ask],
    ) {
        if asks.is_empty() || !ctx.patched(extension_call::PATCH) {
            return;
        }
        for ask in asks {
            if self.asked.contains(&ask.call_id) {
                continue;
            }
            self.asked.push(ask.call_id);
            if let Some(call) = extension_call::make(ctx, event_id, ask) {
                self.calls.push(call);
            }
        }
    }

    /// Starts the callback of a reprocess, unless it is on its way.
    pub(crate) fn send_callback(
        &mut self,
        ctx: &WorkflowContext<EffectWatch>,
        event_id: EventId,
        replay_id: ReplayId,
    ) {
        if self.callback.as_ref().is_some_and(|(running, _)| *running == replay_id) {
            return;
        }
        let (ctx, input) = (ctx.clone(), ReprocessInput { event_id, replay_id });
        let options = options::callback(format!("ask the app to repair, {replay_id}"));
        let sending =
            async move { ctx.execute_activity(Callbacks::send_callback, input, options).await };
        self.callback = Some((replay_id, Box::pin(sending)));
    }

    /// Lets all activities go on; ends when the callback does, or a call that says how things stand.
    pub(crate) async fn next_ended(&mut self) -> Ended {
        poll_fn(|cx| {
            self.deliveries.retain_mut(|delivery| delivery.as_mut().poll(cx).is_pending());
            if let Poll::Ready(watch_state) = self.poll_calls(cx) {
                return Poll::Ready(Ended::Call(Box::new(watch_state)));
            }
            let Some((replay_id, sending)) = &mut self.callback else {
                return Poll::Pending;
            };
            let replay_id = *replay_id;
            let ended = sending.as_mut().poll(cx);
            if ended.is_ready() {
                self.callback = None;
            }
            ended.map(|ended| Ended::Callback(replay_id, Box::new(ended)))
        })
        .await
    }

    /// Ready with the state after the first call that ended with one; the others go on later.
    fn poll_calls(&mut self, cx: &mut Context<'_>) -> Poll<WatchState> {
        let mut at = 0;
        while let Some(call) = self.calls.get_mut(at) {
            match call.as_mut().poll(cx) {
                Poll::Pending => at += 1,
                Poll::Ready(ended) => {
                    drop(self.calls.remove(at));
                    if let Some(watch_state) = ended {
                        return Poll::Ready(watch_state);
                    }
                }
            }
        }
        Poll::Pending
    }

    /// Lets the alerts go on; ends when each was delivered or given up. An extension is not waited
    /// for: nothing is left that it could change.
    pub(crate) async fn all_delivered(&mut self) {
        poll_fn(|cx| {
            while self.poll_calls(cx).is_ready() {}
            self.deliveries.retain_mut(|delivery| delivery.as_mut().poll(cx).is_pending());
            if self.deliveries.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Whether nothing is on its way.
    pub(crate) fn is_idle(&self) -> bool {
        self.deliveries.is_empty() && self.calls.is_empty() && self.callback.is_none()
    }
}
