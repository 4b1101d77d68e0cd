//! Every attempt of an activity, in the log and in the trace of its event.
//!
//! One line says how an attempt ended; it and all lines of the attempt carry the ids of the event,
//! the incident, the reprocess, the workflow and the trace. Where the database does not say which
//! they are, the attempt goes on without.

use domain::ids::IncidentId;
use domain::watch::WatchState;
use futures::future::BoxFuture;
use store::flows::{self, About, Flow};
use telemetry::trace::{self, ActivityFacts, FlowSpan, TraceParent};
use temporalio_common::ActivityError;
use temporalio_common::data_converters::RawValue;
use temporalio_sdk::activities::{ActivityContext, ActivityInfo};
use tracing::info;

use crate::deps::Deps;

/// What an activity gives back, in a line.
pub(crate) trait Outcome {
    fn log(&self);

    /// The incident that it is about, or has opened.
    fn incident_id(&self) -> Option<IncidentId> {
        None
    }
}

impl Outcome for WatchState {
    fn log(&self) {
        info!(
            effect = %self.effect,
            incident = self.incident.as_ref().map(|incident| display(&incident.state)),
            reprocess = self.reprocess.as_ref().map(|reprocess| display(&reprocess.state)),
            "done"
        );
    }

    fn incident_id(&self) -> Option<IncidentId> {
        self.incident.as_ref().map(|incident| incident.incident_id)
    }
}

impl Outcome for () {
    fn log(&self) {
        info!("done");
    }
}

impl Outcome for RawValue {
    fn log(&self) {
        info!("answered");
    }
}

/// Runs an attempt under its ids, and says how it ended.
pub(crate) fn observed<'a, T: Outcome + Send + 'a>(
    deps: &'a Deps,
    ctx: &'a ActivityContext,
    about: About,
    attempt: impl Future<Output = Result<T, ActivityError>> + Send + 'a,
) -> BoxFuture<'a, Result<T, ActivityError>> {
    Box::pin(async move {
        let flow = flows::find(&deps.pool, about).await.ok().flatten();
        let span = span(ctx.info(), flow.as_ref());
        let ended = span.run(attempt).await;
        let opened = ended.as_ref().ok().and_then(Outcome::incident_id);
        if let Some(id) = opened
            && flow.is_none_or(|flow| flow.incident_id.is_none())
        {
            span.note("incident_id", &id);
        }
        span.in_scope(|| log(&ended));
        if let Err(ActivityError::Application(failure)) = &ended {
            span.failed(if failure.is_non_retryable() { "failed_for_good" } else { "tried_again" });
        }
        ended
    })
}

fn log<T: Outcome>(ended: &Result<T, ActivityError>) {
    match ended {
        Ok(outcome) => outcome.log(),
        Err(ActivityError::Application(failure)) if failure.is_non_retryable() => {
            tracing::warn!(error = %failure, "failed for good");
        }
        Err(ActivityError::Application(failure)) => {
            info!(error = %failure, "failed, to be tried again");
        }
        Err(_) => info!("ended by Temporal"),
    }
}

fn span(info: &ActivityInfo, flow: Option<&Flow>) -> FlowSpan {
    let facts = ActivityFacts {
        activity: &info.activity_type,
        attempt: info.attempt,
        workflow_id: info.workflow_id.as_deref(),
        event_id: flow.map(|flow| flow.event_id.to_string()),
        incident_id: flow.and_then(|flow| flow.incident_id).map(|id| id.to_string()),
        replay_id: flow.and_then(|flow| flow.replay_id).map(|id| id.to_string()),
    };
    let kept = flow.and_then(|flow| flow.trace_parent.as_deref());
    trace::activity(&facts, kept.and_then(TraceParent::parse))
}
