//! Dispatching one outbox message: start a watch, or signal it.
//!
//! Each is safe to repeat. A start meets the running watch of the same id and counts as done. A
//! signal carries the message's id, on which the server deduplicates. A signal to a watch that is
//! not there (its start has not been relayed, its namespace was lost, an operator terminated it)
//! starts it: the watch asks the database for its state and finds its place.

use std::time::Duration;

use domain::ids::OutboxId;
use serde_json::Value;
use store::events::PaymentEvent;
use temporalio_client::errors::{WorkflowInteractionError, WorkflowStartError};
use temporalio_client::{
    Client, UntypedSignal, WorkflowIdConflictPolicy, WorkflowIdReusePolicy, WorkflowSignalOptions,
    WorkflowStartOptions,
};
use temporalio_common::HasWorkflowDefinition;
use temporalio_common::data_converters::RawValue;
use temporalio_common::protos::temporal::api::common::v1::Payload;
use temporalio_common::search_attributes::SearchAttributes;
use workflows::EffectWatch;
use workflows::effect_watch::WatchInput;
use workflows::names::{search_attribute, workflow_id};

use crate::connect::{EngineError, judge_status};

pub(crate) type Signal<W> = UntypedSignal<<W as HasWorkflowDefinition>::Run>;

/// The longest summary in bytes, so that it stays a line that people can read. It is far below what
/// servers take: the development server of Temporal's CLI 1.9.1 takes 5,000.
const MAX_SUMMARY: usize = 300;

/// A watch as it is started: its event, and where it runs.
#[derive(Clone, Copy)]
pub(crate) struct Watch<'a> {
    pub(crate) client: &'a Client,
    pub(crate) task_queue: &'a str,
    /// Where people find the console.
    pub(crate) console: Option<&'a str>,
    pub(crate) event: &'a PaymentEvent,
    /// Whether the event has an incident, so that there is no deadline to wait for.
    pub(crate) resumed: bool,
    /// How long before the deadline extensions are asked.
    pub(crate) leads: &'a [Duration],
}

impl Watch<'_> {
    /// Starts the watch, unless one runs or ran.
    pub(crate) async fn start(self) -> Result<(), EngineError> {
        let (reuse, conflict) =
            (WorkflowIdReusePolicy::RejectDuplicate, WorkflowIdConflictPolicy::UseExisting);
        let options = self.start_options(reuse, conflict);
        match self.client.start_workflow(EffectWatch::run, self.input(), options).await {
            Ok(_) | Err(WorkflowStartError::AlreadyStarted { .. }) => Ok(()),
            Err(error) => Err(judge_start(&error)),
        }
    }

    /// Starts a new run of the watch, unless one runs. Says whether it did: only a conflict shows
    /// that, because a start that uses the existing run looks like any other to the client.
    pub(crate) async fn restart(self) -> Result<bool, EngineError> {
        let (reuse, conflict) =
            (WorkflowIdReusePolicy::AllowDuplicate, WorkflowIdConflictPolicy::Fail);
        let options = self.start_options(reuse, conflict);
        match self.client.start_workflow(EffectWatch::run, self.input(), options).await {
            Ok(_) => Ok(true),
            Err(WorkflowStartError::AlreadyStarted { .. }) => Ok(false),
            Err(error) => Err(judge_start(&error)),
        }
    }

    /// Signals the watch, starting it if it is not there.
    pub(crate) async fn signal(
        self,
        name: &str,
        id: OutboxId,
        said: &Value,
    ) -> Result<(), EngineError> {
        let handle = self.client.get_workflow_handle::<EffectWatch>(workflow_id(self.event.id));
        let options = WorkflowSignalOptions::builder().request_id(id.as_uuid().to_string()).build();
        match handle.signal(Signal::<EffectWatch>::new(name), input(said), options).await {
            Ok(()) => Ok(()),
            Err(WorkflowInteractionError::NotFound(_)) => self.start_with(name, said).await,
            Err(WorkflowInteractionError::Rpc(status)) => Err(judge_status(&status)),
            Err(error) => Err(EngineError::Rejected(error.to_string())),
        }
    }

    /// Starts the watch with its first signal, in one call.
    async fn start_with(self, name: &str, said: &Value) -> Result<(), EngineError> {
        let (watch, signal) = (self.input(), Signal::<EffectWatch>::new(name));
        let (reuse, conflict) =
            (WorkflowIdReusePolicy::AllowDuplicate, WorkflowIdConflictPolicy::UseExisting);
        let options = self.start_options(reuse, conflict);
        let started = self.client.signal_with_start_workflow(
            EffectWatch::run,
            watch,
            signal,
            input(said),
            options,
        );
        started.await.map(|_| ()).map_err(|error| judge_start(&error))
    }

    fn input(self) -> WatchInput {
        WatchInput::new(self.event.id, self.event.timeout_at, self.resumed, self.leads)
    }

    fn start_options(
        self,
        reuse: WorkflowIdReusePolicy,
        conflict: WorkflowIdConflictPolicy,
    ) -> WorkflowStartOptions {
        let event = self.event;
        let attributes = SearchAttributes::new([
            search_attribute::PROJECT_ID.value_set(event.project_id.to_string()),
            search_attribute::PROVIDER_EVENT_ID.value_set(event.provider_event_id.clone()),
            search_attribute::INTERNAL_REFERENCE.value_set(event.internal_reference.clone()),
            search_attribute::EFFECT_TYPE.value_set(event.effect_type.to_string()),
            search_attribute::STATE.value_set("pending".to_owned()),
        ]);
        let page = self.console.map(|console| format!("Event: <{console}/events/{}>", event.id));
        WorkflowStartOptions::new(self.task_queue, workflow_id(event.id))
            .id_reuse_policy(reuse)
            .id_conflict_policy(conflict)
            .search_attributes(attributes)
            .static_summary(summary(event))
            .maybe_static_details(page)
            .build()
    }
}

pub(crate) fn judge_start(error: &WorkflowStartError) -> EngineError {
    match error {
        WorkflowStartError::Rpc(status) => judge_status(status),
        other => EngineError::Rejected(other.to_string()),
    }
}

/// The input of a signal, as plain JSON.
pub(crate) fn input(said: &Value) -> RawValue {
    RawValue::new(vec![Payload {
        metadata: [("encoding".to_owned(), b"json/plain".to_vec())].into(),
        data: said.to_string().into_bytes(),
        ..Payload::default()
    }])
}

fn summary(event: &PaymentEvent) -> String {
    let provider = event.provider.name();
    let mut text = format!(
        "{provider} {}: {} for {}",
        event.event_type, event.effect_type, event.internal_reference
    );
    while text.len() > MAX_SUMMARY {
        text.pop();
    }
    text
}
