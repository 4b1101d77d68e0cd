//! Looking at watches from outside: histories, the `temporal` command line, skipped time.

use std::process::Output;

use anyhow::Context as _;
use domain::ids::EventId;
use prost_wkt_types::FieldMask;
use serde_json::Value;
use temporalio_client::schedules::{ScheduleOverlapPolicy, TriggerScheduleOptions};
use temporalio_client::{
    Client, UntypedWorkflow, WorkflowDescribeOptions, WorkflowFetchHistoryOptions,
    WorkflowQueryOptions,
};
use temporalio_common::protos::temporal::api::common::v1::{TimeSkippingConfig, WorkflowExecution};
use temporalio_common::protos::temporal::api::enums::v1::EventType;
use temporalio_common::protos::temporal::api::history::v1::HistoryEvent;
use temporalio_common::protos::temporal::api::workflow::v1::WorkflowExecutionOptions;
use temporalio_common::protos::temporal::api::workflowservice::v1::{
    DescribeWorkflowExecutionResponse, UpdateWorkflowExecutionOptionsRequest,
};
use tonic::IntoRequest;
use workflows::EffectWatch;
use workflows::effect_watch::WatchStatus;
use workflows::names::{retention_schedule_id, workflow_id};

use crate::engines::Engines;
use crate::eventually;

/// The events of a watch's latest run so far.
///
/// # Errors
/// When there is no such watch.
pub async fn history(client: &Client, event_id: EventId) -> anyhow::Result<Vec<HistoryEvent>> {
    let handle = client.get_workflow_handle::<EffectWatch>(workflow_id(event_id));
    Ok(handle.fetch_history(WorkflowFetchHistoryOptions::default()).into_events().await?)
}

/// Waits until the watch has ended, and gives its history.
pub async fn finished(client: &Client, event_id: EventId) -> Vec<HistoryEvent> {
    eventually(&format!("the end of the watch over {event_id}"), async || {
        let events = history(client, event_id).await.ok()?;
        let ended = events.last()?.event_type() == EventType::WorkflowExecutionCompleted;
        ended.then_some(events)
    })
    .await
}

/// Starts what the schedule of retention would start within the hour, once the schedule is there.
pub async fn trigger_retention(client: &Client, task_queue: &str) {
    let schedule = client.get_schedule_handle(retention_schedule_id(task_queue));
    eventually("a schedule of retention", async || {
        let (overlap, options) = (ScheduleOverlapPolicy::Skip, TriggerScheduleOptions::default());
        schedule.trigger(overlap, options).await.ok()
    })
    .await;
}

/// The names of the activities that a history scheduled, in order.
#[must_use]
pub fn activities(events: &[HistoryEvent]) -> Vec<String> {
    use temporalio_common::protos::temporal::api::history::v1::history_event::Attributes;
    let scheduled = events.iter().filter_map(|event| match &event.attributes {
        Some(Attributes::ActivityTaskScheduledEventAttributes(scheduled)) => {
            scheduled.activity_type.as_ref()
        }
        _ => None,
    });
    scheduled.map(|activity| activity.name.clone()).collect()
}

/// How much a history is billed, by the list of Temporal Cloud (<https://docs.temporal.io/cloud/actions>):
/// what a patch adds to it costs nothing.
#[must_use]
pub fn billed_actions(events: &[HistoryEvent]) -> usize {
    use temporalio_common::protos::temporal::api::history::v1::history_event::Attributes;
    let is_billed = |event: &&HistoryEvent| match &event.attributes {
        Some(Attributes::UpsertWorkflowSearchAttributesEventAttributes(upsert)) => {
            let fields = upsert.search_attributes.iter().flat_map(|all| all.indexed_fields.keys());
            fields.into_iter().any(|name| name != "TemporalChangeVersion")
        }
        _ => matches!(
            event.event_type(),
            EventType::WorkflowExecutionStarted
                | EventType::TimerStarted
                | EventType::ActivityTaskScheduled
                | EventType::WorkflowExecutionSignaled
        ),
    };
    events.iter().filter(is_billed).count()
}

/// What the watch says of itself.
///
/// # Errors
/// When the server does not respond.
pub async fn status(client: &Client, event_id: EventId) -> anyhow::Result<WatchStatus> {
    let handle = client.get_workflow_handle::<EffectWatch>(workflow_id(event_id));
    Ok(handle.query(EffectWatch::status, (), WorkflowQueryOptions::default()).await?)
}

/// What the server says of a workflow's latest run: the same as `temporal workflow describe`, of which each process costs
/// a sixth of a second of a processor.
///
/// # Errors
/// When there is no such workflow, or the server does not respond.
pub async fn describe(
    client: &Client,
    workflow_id: &str,
) -> anyhow::Result<DescribeWorkflowExecutionResponse> {
    let handle = client.get_workflow_handle::<UntypedWorkflow>(workflow_id);
    Ok(handle.describe(WorkflowDescribeOptions::default()).await?.raw_description)
}

/// Lets the time of one watch run ahead whenever it only waits.
///
/// # Errors
/// When the server rejects.
pub async fn skip_time(client: &Client, workflow_id: String) -> anyhow::Result<()> {
    let request = UpdateWorkflowExecutionOptionsRequest {
        namespace: client.options().namespace.clone(),
        workflow_execution: Some(WorkflowExecution { workflow_id, run_id: String::new() }),
        workflow_execution_options: Some(WorkflowExecutionOptions {
            time_skipping_config: Some(TimeSkippingConfig {
                enabled: true,
                ..TimeSkippingConfig::default()
            }),
            ..WorkflowExecutionOptions::default()
        }),
        update_mask: Some(FieldMask { paths: vec!["time_skipping_config".to_owned()] }),
        ..UpdateWorkflowExecutionOptionsRequest::default()
    };
    let mut service = client.connection().workflow_service();
    service.update_workflow_execution_options(request.into_request()).await?;
    Ok(())
}

impl Engines {
    /// Runs the `temporal` command line against the server.
    ///
    /// # Errors
    /// When it cannot be run or fails.
    pub async fn cli(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let namespace = ["--namespace", embedded::NAMESPACE];
        self.cli_bare(&[arguments, &namespace].concat()).await
    }

    /// The same, with a namespace only where the arguments name one.
    ///
    /// # Errors
    /// When it cannot be run or fails.
    pub async fn cli_bare(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let mut command = tokio::process::Command::new(&self.found.temporal.path);
        command.args(arguments).args(["--address", &self.temporal.address()]);
        let Output { status, stdout, stderr } = command.kill_on_drop(true).output().await?;
        let errors = String::from_utf8_lossy(&stderr).into_owned();
        anyhow::ensure!(status.success(), "temporal {arguments:?}: {errors}");
        String::from_utf8(stdout).context("text on standard output")
    }

    /// Signals a watch as a user at a terminal does, once it is there.
    ///
    /// # Errors
    /// When the command fails.
    pub async fn signal(
        &self,
        event_id: EventId,
        name: &str,
        input: Option<Value>,
    ) -> anyhow::Result<()> {
        let id = workflow_id(event_id);
        eventually("a watch to signal", async || {
            self.cli(&["workflow", "describe", "--workflow-id", &id]).await.ok()
        })
        .await;
        let input = input.map(|input| input.to_string());
        let mut arguments = vec!["workflow", "signal", "--workflow-id", &id, "--name", name];
        arguments.extend(input.iter().flat_map(|input| ["--input", input]));
        self.cli(&arguments).await.map(|_| ())
    }
}
