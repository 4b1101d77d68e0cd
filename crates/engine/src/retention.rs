//! The schedule of retention: making it, and what Temporal says of it.
//!
//! It is made once, with everything that matters in one request; who is second finds it there. From then on it is the
//! operators': whether it is paused, and when it runs, is never changed by a process that starts. That it is paused lies in the
//! database too ([`store::retention::pause`]), so that one that is made again, in a namespace in which there is none, is paused.
//! Overlapping starts are skipped, and starts that were missed for longer than [`CATCH_UP`] are not made up for: the next one does their work.

use std::time::{Duration, SystemTime};

use store::PgPool;
use store::retention::pause;
use temporalio_common::protos::temporal::api::common::v1::{Payload, Payloads, WorkflowType};
use temporalio_common::protos::temporal::api::enums::v1::ScheduleOverlapPolicy;
use temporalio_common::protos::temporal::api::schedule::v1::schedule_action::Action;
use temporalio_common::protos::temporal::api::schedule::v1::{
    IntervalSpec, Schedule, ScheduleAction, SchedulePatch, SchedulePolicies, ScheduleSpec,
    ScheduleState,
};
use temporalio_common::protos::temporal::api::taskqueue::v1::TaskQueue;
use temporalio_common::protos::temporal::api::workflow::v1::NewWorkflowExecutionInfo;
use temporalio_common::protos::temporal::api::workflowservice::v1::{
    CreateScheduleRequest, DescribeScheduleRequest, PatchScheduleRequest,
};
use tonic::{Code, IntoRequest};
use workflows::names::{retention_id, retention_schedule_id};

use crate::connect::{Engine, EngineError, ask, judge_status};
use crate::reconcile::stored;
use crate::setup::Made;

/// The type of its workflows.
const RETENTION: &str = "Retention";
/// How often it runs.
pub const EVERY: Duration = Duration::from_hours(1);
/// Away from the full hour, at which everything else runs.
const PHASE: Duration = Duration::from_mins(23);
/// How long a missed start is made up for.
const CATCH_UP: Duration = Duration::from_mins(10);

/// What Temporal says of the schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleSeen {
    pub is_paused: bool,
    /// What who paused or resumed it wrote.
    pub note: String,
    /// When it starts next, unless it is paused.
    pub next_at: Option<SystemTime>,
}

impl Engine {
    /// Makes the schedule if it is missing, paused if the last one was; of one that is there, notes whether it is paused.
    ///
    /// # Errors
    /// When Temporal or the database cannot be used, or Temporal rejects.
    pub async fn ensure_retention_schedule(&self, pool: &PgPool) -> Result<Made, EngineError> {
        if let Some(seen) = self.find_retention_schedule().await? {
            let paused = seen.is_paused.then_some(seen.note.as_str());
            pause::note(pool, paused).await.map_err(|error| stored(&error))?;
            return Ok(Made::WasThere);
        }
        let paused = pause::find(pool).await.map_err(|error| stored(&error))?;
        let client = self.client().await?;
        let request = CreateScheduleRequest {
            namespace: client.options().namespace.clone(),
            schedule_id: retention_schedule_id(self.task_queue()),
            schedule: Some(schedule(self.task_queue(), paused)),
            identity: client.connection().identity().to_owned(),
            request_id: uuid::Uuid::now_v7().to_string(),
            ..CreateScheduleRequest::default()
        };
        let mut service = client.connection().workflow_service();
        match ask(service.create_schedule(request.into_request())).await {
            Ok(_) => Ok(Made::Made),
            Err(status) if status.code() == Code::AlreadyExists => Ok(Made::WasThere),
            Err(status) => Err(judge_status(&status)),
        }
    }

    /// What Temporal says of the schedule; `None` if there is none.
    ///
    /// # Errors
    /// When Temporal cannot be used.
    pub async fn find_retention_schedule(&self) -> Result<Option<ScheduleSeen>, EngineError> {
        let client = self.client().await?;
        let request = DescribeScheduleRequest {
            namespace: client.options().namespace.clone(),
            schedule_id: retention_schedule_id(self.task_queue()),
        };
        let mut service = client.connection().workflow_service();
        let described = match ask(service.describe_schedule(request.into_request())).await {
            Ok(described) => described,
            Err(status) => {
                return match (status.code(), judge_status(&status)) {
                    (_, error @ EngineError::NoNamespace(_)) => Err(error),
                    (Code::NotFound, _) => Ok(None),
                    (_, error) => Err(error),
                };
            }
        };
        let state = described.schedule.and_then(|schedule| schedule.state).unwrap_or_default();
        let next = described.info.unwrap_or_default().future_action_times.into_iter().next();
        let next =
            next.map(|at| SystemTime::UNIX_EPOCH + Duration::from_secs(at.seconds.unsigned_abs()));
        Ok(Some(ScheduleSeen {
            is_paused: state.paused,
            note: state.notes,
            next_at: next.filter(|_| !state.paused),
        }))
    }

    /// The same for people to read: it is theirs only where no other database has the namespace.
    ///
    /// # Errors
    /// When Temporal or the database cannot be used, or the namespace belongs to another database.
    pub async fn find_own_retention_schedule(
        &self,
        pool: &PgPool,
    ) -> Result<Option<ScheduleSeen>, EngineError> {
        self.reject_foreign(pool).await?;
        self.find_retention_schedule().await
    }

    /// Pauses the schedule, or lets it go on; `note` says who did. `false` if there is none.
    ///
    /// # Errors
    /// When Temporal or the database cannot be used, or the namespace belongs to another database. Where the database fails
    /// in between, the schedule is as it was asked for, and a worker notes that later.
    pub async fn pause_retention(
        &self,
        pool: &PgPool,
        paused: bool,
        note: &str,
    ) -> Result<bool, EngineError> {
        self.ensure_ours(pool).await?;
        let patch = if paused {
            SchedulePatch { pause: note.to_owned(), ..SchedulePatch::default() }
        } else {
            SchedulePatch { unpause: note.to_owned(), ..SchedulePatch::default() }
        };
        let is_there = self.patch_retention(patch).await?;
        if is_there {
            let kept = pause::note(pool, paused.then_some(note)).await;
            kept.map_err(|error| stored(&error))?;
        }
        Ok(is_there)
    }

    async fn patch_retention(&self, patch: SchedulePatch) -> Result<bool, EngineError> {
        let client = self.client().await?;
        let request = PatchScheduleRequest {
            namespace: client.options().namespace.clone(),
            schedule_id: retention_schedule_id(self.task_queue()),
            patch: Some(patch),
            identity: client.connection().identity().to_owned(),
            request_id: uuid::Uuid::now_v7().to_string(),
        };
        let mut service = client.connection().workflow_service();
        match ask(service.patch_schedule(request.into_request())).await {
            Ok(_) => Ok(true),
            Err(status) => match (status.code(), judge_status(&status)) {
                (_, error @ EngineError::NoNamespace(_)) => Err(error),
                (Code::NotFound, _) => Ok(false),
                (_, error) => Err(error),
            },
        }
    }
}

/// `paused` is what who paused the last one wrote.
fn schedule(task_queue: &str, paused: Option<String>) -> Schedule {
    let interval = IntervalSpec { interval: EVERY.try_into().ok(), phase: PHASE.try_into().ok() };
    let input = Payload {
        metadata: [("encoding".to_owned(), b"json/plain".to_vec())].into(),
        data: b"{}".to_vec(),
        ..Payload::default()
    };
    let start = NewWorkflowExecutionInfo {
        workflow_id: retention_id(task_queue),
        workflow_type: Some(WorkflowType { name: RETENTION.to_owned() }),
        task_queue: Some(TaskQueue { name: task_queue.to_owned(), ..TaskQueue::default() }),
        input: Some(Payloads { payloads: vec![input] }),
        ..NewWorkflowExecutionInfo::default()
    };
    Schedule {
        spec: Some(ScheduleSpec { interval: vec![interval], ..ScheduleSpec::default() }),
        action: Some(ScheduleAction { action: Some(Action::StartWorkflow(start)) }),
        policies: Some(SchedulePolicies {
            overlap_policy: ScheduleOverlapPolicy::Skip.into(),
            catchup_window: CATCH_UP.try_into().ok(),
            ..SchedulePolicies::default()
        }),
        state: paused.map(|notes| ScheduleState {
            paused: true,
            notes,
            ..ScheduleState::default()
        }),
    }
}
