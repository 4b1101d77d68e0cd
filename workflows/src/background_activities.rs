//! Activities that run in the background of the watch: alerts, and the callback of a reprocess.
//!
//! A slow destination must not delay what follows, and a result may arrive while the callback is
//! still being retried. So both run here while the watch waits for its next wakeup. They are polled
//! in the order in which they were started, which keeps replays equal.

use std::task::Poll;

use domain::ids::{AlertId, EventId, ReplayId};
use domain::watch::WatchState;
use futures::future::{LocalBoxFuture, poll_fn};
use temporalio_workflow::{ActivityExecutionError, WorkflowContext};

use crate::EffectWatch;
use crate::activity_contract::{AlertInput, Alerts, Callbacks, ReprocessInput};
use crate::options;

pub(crate) type CallbackEnd = Result<WatchState, ActivityExecutionError>;

/// The activities that run at the moment.
#[derive(Default)]
pub(crate) struct BackgroundActivities {
    started: Vec<AlertId>,
    deliveries: Vec<LocalBoxFuture<'static, ()>>,
    callback: Option<(ReplayId, LocalBoxFuture<'static, CallbackEnd>)>,
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
                let _ended =
                    ctx.execute_activity(Alerts::deliver_alert, input, options::alert()).await;
            }));
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

    /// Lets all activities go on; ends only when the callback does, and says whose it was.
    pub(crate) async fn callback_ended(&mut self) -> (ReplayId, CallbackEnd) {
        poll_fn(|cx| {
            self.deliveries.retain_mut(|delivery| delivery.as_mut().poll(cx).is_pending());
            let Some((replay_id, sending)) = &mut self.callback else {
                return Poll::Pending;
            };
            let replay_id = *replay_id;
            let ended = sending.as_mut().poll(cx);
            if ended.is_ready() {
                self.callback = None;
            }
            ended.map(|ended| (replay_id, ended))
        })
        .await
    }

    /// Lets the alerts go on; ends when each was delivered or given up.
    pub(crate) async fn all_delivered(&mut self) {
        poll_fn(|cx| {
            self.deliveries.retain_mut(|delivery| delivery.as_mut().poll(cx).is_pending());
            if self.deliveries.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Whether nothing is on its way.
    pub(crate) fn is_idle(&self) -> bool {
        self.deliveries.is_empty() && self.callback.is_none()
    }
}
