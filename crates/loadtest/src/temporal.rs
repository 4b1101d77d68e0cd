//! What Temporal's histories say of workflows.
//!
//! A sample is looked at, evenly spread. The statistics of a task queue would be one call, but the
//! server keeps them for five seconds (`matching.TaskQueueInfoByBuildIdTTL`), which is longer than
//! what is measured with them.

use std::time::Duration;

use anyhow::Context as _;
use temporalio_client::{
    Client, UntypedWorkflow, WorkflowCountOptions, WorkflowDescribeOptions,
    WorkflowFetchHistoryOptions,
};
use temporalio_common::protos::temporal::api::enums::v1::EventType;
use temporalio_common::protos::temporal::api::history::v1::HistoryEvent;
use time::OffsetDateTime;

use crate::session::eventually;

/// More than any backlog that a part makes needs on a slow machine.
const TIMEOUT: Duration = Duration::from_hours(1);
/// Started, three events of the first workflow task, and the timer: from here on a watch waits.
const WAITING_HISTORY: usize = 5;
const SAMPLE: usize = 200;

/// When a workflow was started, and when a worker fetched its first task.
#[derive(Debug, Clone, Copy)]
pub struct FirstTask {
    pub started: OffsetDateTime,
    pub fetched: OffsetDateTime,
}

/// At most 200 of them, evenly spread, the last one included.
pub fn sample<T>(all: Vec<T>) -> Vec<T> {
    let step = all.len().div_ceil(SAMPLE).max(1);
    let mut sample: Vec<T> = all.into_iter().rev().step_by(step).collect();
    sample.reverse();
    sample
}

/// Waits until each of these workflows has done its first task and waits for a signal.
pub async fn until_waiting(client: &Client, workflow_ids: &[String]) -> anyhow::Result<()> {
    for id in workflow_ids {
        let workflow = client.get_workflow_handle::<UntypedWorkflow>(id.clone());
        eventually("a first workflow task", TIMEOUT, async || {
            // Until the relay has been there, there is no such watch.
            let Ok(described) = workflow.describe(WorkflowDescribeOptions::default()).await else {
                return Ok(None);
            };
            Ok((described.history_length() >= WAITING_HISTORY).then_some(()))
        })
        .await?;
    }
    Ok(())
}

/// Waits until so many workflows of a type have completed.
pub async fn until_completed(client: &Client, workflow: &str, count: u32) -> anyhow::Result<()> {
    let query = format!("WorkflowType = '{workflow}' AND ExecutionStatus = 'Completed'");
    let count = usize::try_from(count)?;
    eventually("the end of all workflows", TIMEOUT, async || {
        let options = WorkflowCountOptions::default();
        Ok((client.count_workflows(query.as_str(), options).await?.count() >= count).then_some(()))
    })
    .await
}

/// The first task of each of these workflows, all of which have done it.
pub async fn first_tasks(
    client: &Client,
    workflow_ids: &[String],
) -> anyhow::Result<Vec<FirstTask>> {
    let mut found = Vec::new();
    for id in workflow_ids {
        let workflow = client.get_workflow_handle::<UntypedWorkflow>(id.clone());
        let history = workflow.fetch_history(WorkflowFetchHistoryOptions::default());
        let events = history.into_events().await?;
        let started = time_of(&events, EventType::WorkflowExecutionStarted)?;
        let fetched = time_of(&events, EventType::WorkflowTaskStarted)?;
        found.push(FirstTask { started, fetched });
    }
    Ok(found)
}

fn time_of(events: &[HistoryEvent], kind: EventType) -> anyhow::Result<OffsetDateTime> {
    let event = events.iter().find(|event| event.event_type() == kind);
    let at = event.and_then(|event| event.event_time.as_ref()).context("no such event")?;
    let seconds = OffsetDateTime::from_unix_timestamp(at.seconds)?;
    Ok(seconds + Duration::from_nanos(at.nanos.try_into()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_spread_over_all_and_has_the_last() {
        let all: Vec<u32> = (1..=5_000).collect();
        let sampled = sample(all);
        assert_eq!(
            (sampled.len(), sampled.first(), sampled.last()),
            (200, Some(&25), Some(&5_000))
        );
        assert_eq!(sample(vec![1, 2, 3]), [1, 2, 3]);
        assert_eq!(sample(Vec::<u32>::new()), Vec::<u32>::new());
    }
}
