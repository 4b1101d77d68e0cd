//! The activities of a scripted worker, and the worker that runs them.

use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use domain::watch::WatchState;
use serde::Serialize;
use temporalio_client::Client;
use temporalio_common::ActivityError;
use temporalio_common::error::ApplicationFailure;
use temporalio_macros::activities;
use temporalio_sdk::activities::ActivityContext;
use temporalio_sdk::runtime::RuntimeOptions;
use temporalio_sdk::{Runtime, Worker, WorkerOptions};
use tokio_util::sync::CancellationToken;
use workflows::EffectWatch;
use workflows::activity_contract::{
    AlertInput, AskInput, EndedCall, EventInput, ManualReprocess, ManualResolution, ManualResult,
    ReprocessInput, UndeliveredReprocess, definition,
};

use super::{Call, Memory, Outcome, Reply};

/// Starts the worker with these activities.
pub(super) fn spawn_worker(
    client: Client,
    queue: String,
    activities: ScriptedActivities,
    shutdown: CancellationToken,
) {
    let options = WorkerOptions::new(queue)
        .register_workflow::<EffectWatch>()
        .expect("a workflow")
        .register_activities(activities)
        .graceful_shutdown_period(Duration::from_millis(100))
        .build();
    drop(run_worker(client, options, shutdown));
}

/// Runs a worker until the token is canceled. Workflows are not `Send`, so it has a thread of its own.
pub(crate) fn run_worker(
    client: Client,
    options: WorkerOptions,
    shutdown: CancellationToken,
) -> JoinHandle<()> {
    let tokio = tokio::runtime::Handle::current();
    std::thread::spawn(move || {
        tokio.block_on(async move {
            let runtime =
                Runtime::from_current_tokio(RuntimeOptions::default()).expect("a runtime");
            let mut worker = Worker::new(&runtime, client, options).expect("a worker");
            let stop = worker.shutdown_handle();
            let stopper = tokio::spawn(async move {
                shutdown.cancelled().await;
                stop();
            });
            // At the end of a run the engines may go before their workers; that is no failure.
            let _ended = worker.run().await;
            stopper.abort();
        });
    })
}

/// The activities of a scripted worker; they do what its script says.
pub struct ScriptedActivities(pub(super) Arc<Mutex<Memory>>);

impl ScriptedActivities {
    /// Notes a call and takes its reply off the script.
    fn take(
        &self,
        activity: &'static str,
        ctx: &ActivityContext,
        input: impl Serialize,
    ) -> Option<Reply> {
        let info = ctx.info();
        let call = Call {
            activity,
            input: serde_json::to_value(input).expect("an input is JSON"),
            attempt: info.attempt,
            due_at: info.current_attempt_scheduled_time.expect("the server tells when"),
        };
        let mut memory = self.0.lock().expect("no panic while locked");
        memory.calls.push(call);
        memory.script.0.get_mut(activity)?.pop_front()
    }

    async fn play(
        &self,
        activity: &'static str,
        ctx: ActivityContext,
        input: impl Serialize,
    ) -> Result<Option<WatchState>, ActivityError> {
        let Some(reply) = self.take(activity, &ctx, input) else {
            let words = format!("the script does not foresee this call of {activity}");
            let failure = ApplicationFailure::builder(words).non_retryable(true);
            return Err(ActivityError::application(failure.build()));
        };
        if let Some(gate) = reply.held_by {
            gate.cancelled().await;
        }
        match reply.outcome {
            Outcome::Stands(watch_state) => Ok(Some(*watch_state)),
            Outcome::Done => Ok(None),
            Outcome::Retry(delay) => {
                let failure = ApplicationFailure::builder("the script says so".to_owned());
                Err(ActivityError::application(failure.maybe_next_retry_delay(delay).build()))
            }
        }
    }

    async fn stands(
        &self,
        activity: &'static str,
        ctx: ActivityContext,
        input: impl Serialize,
    ) -> Result<WatchState, ActivityError> {
        Ok(self.play(activity, ctx, input).await?.expect("this activity returns a state"))
    }
}

#[activities]
impl ScriptedActivities {
    #[activity(definition = definition::OpenIncidentIfDue)]
    pub async fn open_incident_if_due(
        self: Arc<Self>,
        ctx: ActivityContext,
        of: EventInput,
    ) -> Result<WatchState, ActivityError> {
        self.stands("open_incident_if_due", ctx, of).await
    }

    #[activity(definition = definition::ReadStanding)]
    pub async fn read_standing(
        self: Arc<Self>,
        ctx: ActivityContext,
        of: EventInput,
    ) -> Result<WatchState, ActivityError> {
        self.stands("read_standing", ctx, of).await
    }

    #[activity(definition = definition::RecordResult)]
    pub async fn record_result(
        self: Arc<Self>,
        ctx: ActivityContext,
        typed: ManualResult,
    ) -> Result<WatchState, ActivityError> {
        self.stands("record_result", ctx, typed).await
    }

    #[activity(definition = definition::RequestReprocess)]
    pub async fn request_reprocess(
        self: Arc<Self>,
        ctx: ActivityContext,
        manual: ManualReprocess,
    ) -> Result<WatchState, ActivityError> {
        self.stands("request_reprocess", ctx, manual).await
    }

    #[activity(definition = definition::ResolveIncident)]
    pub async fn resolve_incident(
        self: Arc<Self>,
        ctx: ActivityContext,
        typed: ManualResolution,
    ) -> Result<WatchState, ActivityError> {
        self.stands("resolve_incident", ctx, typed).await
    }

    #[activity(definition = definition::EndReprocessIfDue)]
    pub async fn end_reprocess_if_due(
        self: Arc<Self>,
        ctx: ActivityContext,
        of: ReprocessInput,
    ) -> Result<WatchState, ActivityError> {
        self.stands("end_reprocess_if_due", ctx, of).await
    }

    #[activity(definition = definition::EndUndeliveredReprocess)]
    pub async fn end_undelivered_reprocess(
        self: Arc<Self>,
        ctx: ActivityContext,
        undelivered: UndeliveredReprocess,
    ) -> Result<WatchState, ActivityError> {
        self.stands("end_undelivered_reprocess", ctx, undelivered).await
    }

    #[activity(definition = definition::SendCallback)]
    pub async fn send_callback(
        self: Arc<Self>,
        ctx: ActivityContext,
        of: ReprocessInput,
    ) -> Result<WatchState, ActivityError> {
        self.stands("send_callback", ctx, of).await
    }

    #[activity(definition = definition::AskExtensions)]
    pub async fn ask_extensions(
        self: Arc<Self>,
        ctx: ActivityContext,
        of: AskInput,
    ) -> Result<WatchState, ActivityError> {
        self.stands("ask_extensions", ctx, of).await
    }

    #[activity(definition = definition::RecordAnswer)]
    pub async fn record_answer(
        self: Arc<Self>,
        ctx: ActivityContext,
        ended: EndedCall,
    ) -> Result<WatchState, ActivityError> {
        self.stands("record_answer", ctx, ended).await
    }

    #[activity(definition = definition::DeliverAlert)]
    pub async fn deliver_alert(
        self: Arc<Self>,
        ctx: ActivityContext,
        of: AlertInput,
    ) -> Result<(), ActivityError> {
        self.play("deliver_alert", ctx, of).await.map(|_| ())
    }
}
