//! Looking for the watch of an event about which something is overdue.
//!
//! A watch that is gone, however it ended, gets a new run, and only then does the timeline say so. One that
//! runs is left alone, unless somebody has paused it or its callback: then the timeline says that and how to
//! go on (`store::transitions::paused`). Repeating all of it changes nothing; the entry of a new run has the
//! message's id, so there is one. A relay that dies between the start and the entry loses the entry only.

use domain::audit::{Action, Actor};
use domain::ids::{EventId, OutboxId};
use serde_json::json;
use store::audit::{self, Subject};
use store::transitions::paused::{Pause, note_pause};
use store::{PgPool, StoreError};
use temporalio_client::WorkflowDescribeOptions;
use temporalio_client::errors::WorkflowInteractionError;
use temporalio_common::protos::temporal::api::enums::v1::WorkflowExecutionStatus;
use temporalio_common::protos::temporal::api::workflowservice::v1::DescribeWorkflowExecutionResponse;
use workflows::EffectWatch;
use workflows::names::workflow_id;

use crate::connect::{EngineError, judge_status};
use crate::wishes::Watch;

/// The activity that sends a callback, by its name on the wire.
const CALLBACK: &str = "send_callback";

pub(crate) async fn restart(
    pool: &PgPool,
    watch: Watch<'_>,
    message: OutboxId,
) -> Result<(), EngineError> {
    let stored = |error: StoreError| EngineError::Unreachable(error.to_string());
    let event = watch.event;
    if watch.restart().await? {
        let subject = Subject::event(event.project_id, event.id);
        let entry = (&Actor::System, Action::WatchRestarted);
        return audit::insert_once(pool, message.as_uuid(), entry, subject, json!({}))
            .await
            .map_err(stored);
    }
    let Some(pause) = find_pause(watch).await? else {
        tracing::debug!(event_id = %event.id, "the watch runs");
        return Ok(());
    };
    note(pool, event.id, &pause).await.map_err(stored)
}

/// What is paused, which pause that is, and the command that ends it.
struct FoundPause {
    what: &'static str,
    key: String,
    cure: String,
}

async fn find_pause(watch: Watch<'_>) -> Result<Option<FoundPause>, EngineError> {
    let id = workflow_id(watch.event.id);
    let handle = watch.client.get_workflow_handle::<EffectWatch>(id.clone());
    match handle.describe(WorkflowDescribeOptions::default()).await {
        Ok(description) => Ok(read_pause(&id, &description.raw_description)),
        Err(WorkflowInteractionError::NotFound(_)) => Ok(None),
        Err(WorkflowInteractionError::Rpc(status)) => Err(judge_status(&status)),
        Err(error) => Err(EngineError::Refused(error.to_string())),
    }
}

fn read_pause(id: &str, description: &DescribeWorkflowExecutionResponse) -> Option<FoundPause> {
    let info = description.workflow_execution_info.as_ref()?;
    let run_id = info.execution.as_ref().map(|run| run.run_id.as_str()).unwrap_or_default();
    if info.status() == WorkflowExecutionStatus::Paused {
        let extended = description.workflow_extended_info.as_ref();
        let since = extended
            .and_then(|info| info.pause_info.as_ref()?.paused_time)
            .map(|time| time.seconds)
            .unwrap_or_default();
        return Some(FoundPause {
            what: "watch",
            key: format!("{run_id}/{since}"),
            cure: format!("temporal workflow unpause --workflow-id {id}"),
        });
    }
    let paused = description.pending_activities.iter().find(|activity| {
        let kind = activity.activity_type.as_ref();
        activity.paused && kind.is_some_and(|kind| kind.name == CALLBACK)
    })?;
    let since = paused.pause_info.as_ref().and_then(|info| info.pause_time);
    let since = since.map(|time| time.seconds).unwrap_or_default();
    let activity = &paused.activity_id;
    Some(FoundPause {
        what: "callback",
        key: format!("{run_id}/{activity}/{since}"),
        cure: format!("temporal activity unpause --workflow-id {id} --activity-id {activity}"),
    })
}

async fn note(pool: &PgPool, event_id: EventId, found: &FoundPause) -> Result<(), StoreError> {
    let mut tx = pool.begin().await?;
    let pause = Pause { what: found.what, key: &found.key, cure: &found.cure };
    note_pause(&mut tx, event_id, pause).await?;
    tx.commit().await?;
    Ok(())
}
