//! What makes a watch stall, read from Temporal's description of it.
//!
//! A watch that an operator has paused, a callback that is paused, a workflow task or an activity
//! that fails again and again, and a task that no worker takes. The caller knows that something
//! about the event is overdue, so a task counts as not taken once it has waited longer than a
//! worker may need for one. What is found holds no third-party text: activity failures may carry
//! anything.

use store::transitions::stalled::StallKind;
use temporalio_common::protos::temporal::api::enums::v1::WorkflowExecutionStatus;
use temporalio_common::protos::temporal::api::workflowservice::v1::DescribeWorkflowExecutionResponse;

/// The activity that sends a callback, by its name on the wire.
const CALLBACK: &str = "send_callback";

/// Activities that fail again and again on an ordinary day, because receivers do not respond: the
/// database knows of their attempts.
const WAITS_FOR_OTHERS: [&str; 2] = [CALLBACK, "deliver_alert"];

/// How long a worker may need for a workflow task, in seconds: Temporal's own time-out of one.
const TASK_TIMEOUT: i64 = 10;

/// How often an activity fails before it is reported: by then it has been tried for about half a
/// minute.
const FAILURES: i32 = 5;

/// What is stalled, which time of it, and the command that ends it or shows why.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FoundStall {
    pub(crate) kind: StallKind,
    pub(crate) what: String,
    pub(crate) key: String,
    pub(crate) cure: String,
}

/// What is stalled in the workflow of this id; `now` is in Unix seconds.
pub(crate) fn read(
    id: &str,
    description: &DescribeWorkflowExecutionResponse,
    now: i64,
) -> Option<FoundStall> {
    let info = description.workflow_execution_info.as_ref()?;
    let run_id = info.execution.as_ref().map(|run| run.run_id.as_str()).unwrap_or_default();
    paused_watch(id, run_id, description)
        .or_else(|| paused_callback(id, run_id, description))
        .or_else(|| stuck_task(id, run_id, description, now))
        .or_else(|| stuck_activity(id, run_id, description))
}

fn paused_watch(
    id: &str,
    run_id: &str,
    description: &DescribeWorkflowExecutionResponse,
) -> Option<FoundStall> {
    let info = description.workflow_execution_info.as_ref()?;
    if info.status() != WorkflowExecutionStatus::Paused {
        return None;
    }
    let extended = description.workflow_extended_info.as_ref();
    let since = extended
        .and_then(|info| info.pause_info.as_ref()?.paused_time)
        .map(|time| time.seconds)
        .unwrap_or_default();
    Some(FoundStall {
        kind: StallKind::Paused,
        what: "watch".to_owned(),
        key: format!("{run_id}/{since}"),
        cure: format!("temporal workflow unpause --workflow-id {id}"),
    })
}

fn paused_callback(
    id: &str,
    run_id: &str,
    description: &DescribeWorkflowExecutionResponse,
) -> Option<FoundStall> {
    let paused = description.pending_activities.iter().find(|activity| {
        let kind = activity.activity_type.as_ref();
        activity.paused && kind.is_some_and(|kind| kind.name == CALLBACK)
    })?;
    let since = paused.pause_info.as_ref().and_then(|info| info.pause_time);
    let since = since.map(|time| time.seconds).unwrap_or_default();
    let activity = &paused.activity_id;
    Some(FoundStall {
        kind: StallKind::Paused,
        what: "callback".to_owned(),
        key: format!("{run_id}/{activity}/{since}"),
        cure: format!("temporal activity unpause --workflow-id {id} --activity-id {activity}"),
    })
}

fn stuck_task(
    id: &str,
    run_id: &str,
    description: &DescribeWorkflowExecutionResponse,
    now: i64,
) -> Option<FoundStall> {
    let task = description.pending_workflow_task.as_ref()?;
    let waits = task.started_time.is_none()
        && task.scheduled_time.is_some_and(|at| at.seconds + TASK_TIMEOUT < now);
    // The second attempt is there immediately: one that waits was left by a worker that died.
    if task.attempt > 2 || (task.attempt == 2 && !waits) {
        return Some(FoundStall {
            kind: StallKind::Stuck,
            what: "its workflow task fails again and again".to_owned(),
            key: format!("{run_id}/task"),
            cure: format!("temporal workflow show --workflow-id {id}"),
        });
    }
    waits.then(|| FoundStall {
        kind: StallKind::NoWorker,
        what: "no worker takes its workflow task".to_owned(),
        key: format!("{run_id}/worker"),
        cure: "sendpromptly doctor".to_owned(),
    })
}

fn stuck_activity(
    id: &str,
    run_id: &str,
    description: &DescribeWorkflowExecutionResponse,
) -> Option<FoundStall> {
    let stuck = description.pending_activities.iter().find_map(|activity| {
        let name = &activity.activity_type.as_ref()?.name;
        let fails = activity.attempt > FAILURES && !WAITS_FOR_OTHERS.contains(&name.as_str());
        fails.then_some((name, &activity.activity_id))
    });
    let (name, activity) = stuck?;
    Some(FoundStall {
        kind: StallKind::Stuck,
        what: format!("its activity {name} fails again and again"),
        key: format!("{run_id}/{activity}"),
        cure: format!("temporal workflow describe --workflow-id {id}"),
    })
}

#[cfg(test)]
mod tests {
    use temporalio_common::protos::temporal::api::common::v1::{ActivityType, WorkflowExecution};
    use temporalio_common::protos::temporal::api::workflow::v1::{
        PendingActivityInfo, PendingWorkflowTaskInfo, WorkflowExecutionInfo,
    };

    use super::*;

    const NOW: i64 = 1_795_269_729;

    fn running() -> DescribeWorkflowExecutionResponse {
        let execution = WorkflowExecution { workflow_id: "w".into(), run_id: "run".into() };
        let mut info = WorkflowExecutionInfo {
            execution: Some(execution),
            ..WorkflowExecutionInfo::default()
        };
        info.set_status(WorkflowExecutionStatus::Running);
        DescribeWorkflowExecutionResponse {
            workflow_execution_info: Some(info),
            ..DescribeWorkflowExecutionResponse::default()
        }
    }

    fn with_task(attempt: i32, waited: i64, started: bool) -> DescribeWorkflowExecutionResponse {
        let mut task = PendingWorkflowTaskInfo { attempt, ..PendingWorkflowTaskInfo::default() };
        task.scheduled_time.get_or_insert_default().seconds = NOW - waited;
        task.started_time = task.scheduled_time.filter(|_| started);
        DescribeWorkflowExecutionResponse { pending_workflow_task: Some(task), ..running() }
    }

    fn with_activity(name: &str, attempt: i32) -> DescribeWorkflowExecutionResponse {
        let activity = PendingActivityInfo {
            activity_id: "4".into(),
            activity_type: Some(ActivityType { name: name.into() }),
            attempt,
            ..PendingActivityInfo::default()
        };
        DescribeWorkflowExecutionResponse { pending_activities: vec![activity], ..running() }
    }

    #[test]
    fn what_does_its_work_or_waits_for_others_does_not_stand_still() {
        for usual in [
            running(),
            with_task(1, 2, false),
            with_task(1, 60, true),
            with_activity("open_incident_if_due", 2),
            with_activity("send_callback", 40),
            with_activity("deliver_alert", 40),
        ] {
            assert_eq!(read("w", &usual, NOW), None, "{usual:?}");
        }
    }

    #[test]
    fn each_way_of_being_stuck_is_named_with_where_to_look() {
        for (stuck, kind, what, cure) in [
            (
                with_task(7, 3, false),
                StallKind::Stuck,
                "its workflow task fails again and again",
                "temporal workflow show --workflow-id w",
            ),
            (
                with_task(1, 150, false),
                StallKind::NoWorker,
                "no worker takes its workflow task",
                "sendpromptly doctor",
            ),
            (
                with_task(2, 150, false),
                StallKind::NoWorker,
                "no worker takes its workflow task",
                "sendpromptly doctor",
            ),
            (
                with_activity("read_standing", 9),
                StallKind::Stuck,
                "its activity read_standing fails again and again",
                "temporal workflow describe --workflow-id w",
            ),
        ] {
            let found = read("w", &stuck, NOW).expect("a stall");
            assert_eq!((found.kind, &*found.what, &*found.cure), (kind, what, cure));
            assert!(found.key.starts_with("run/"), "{}", found.key);
        }
    }
}
