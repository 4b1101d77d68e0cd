//! A team's own activities, seen from outside a workflow: whether a worker polls their task queue,
//! and one run of an activity without a workflow, which is how an extension is tried and how an
//! alert is delivered by one.
//!
//! A run is a standalone activity with one attempt and its own id. If this process dies in between,
//! the activity runs to its end. Nobody reads the answer of a trial, and nothing else depends on
//! it; a delivery that is made again under its id joins the run that goes on, or takes the end of
//! one that succeeded.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use domain::extension::{MAX_ATTEMPT, Silence, Unanswered};
use temporalio_client::errors::{ActivityResultError, StartActivityError};
use temporalio_client::{
    ActivityHandle, ActivityIdConflictPolicy, ActivityIdReusePolicy, ActivityStartOptions, Client,
};
use temporalio_common::data_converters::RawValue;
use temporalio_common::protos::temporal::api::common::v1::Payload;
use temporalio_common::protos::temporal::api::enums::v1::{TaskQueueType, TimeoutType};
use temporalio_common::protos::temporal::api::failure::v1::Failure;
use temporalio_common::protos::temporal::api::failure::v1::failure::FailureInfo;
use temporalio_common::protos::temporal::api::taskqueue::v1::TaskQueue;
use temporalio_common::protos::temporal::api::workflowservice::v1::DescribeTaskQueueRequest;
use temporalio_common::{ActivityCloseTimeouts, RetryPolicy, UntypedActivity};
use tonic::IntoRequest;

use crate::connect::{Engine, EngineError, ask, judge_status};

/// A poller that was not heard of for longer is gone: a long poll takes a minute.
const POLLED_WITHIN: Duration = Duration::from_secs(70);
/// How much later than its budget the server may report the end of a run.
const GRACE: Duration = Duration::from_secs(10);

/// Whether a worker polls a task queue for activities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Polling {
    /// One does.
    Now,
    /// The last poll began so long ago: its worker is gone.
    Ended(Duration),
    /// None did within the last minutes, for which the server remembers pollers.
    Never,
}

/// An activity that is run once.
#[derive(Debug, Clone)]
pub struct ActivityRun {
    /// Its id in Temporal.
    pub id: String,
    pub activity: String,
    pub task_queue: String,
    /// What Temporal's own pages show of it.
    pub summary: String,
    /// JSON.
    pub input: Vec<u8>,
    /// How long it may take.
    pub budget: Duration,
    /// How long it may be silent, if it sends heartbeats.
    pub heartbeat: Option<Duration>,
}

/// How it ended: with JSON, or without an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActivityEnd {
    Answered(Vec<u8>),
    Unanswered(Silence),
}

/// How a delivery by an activity ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryEnd {
    /// It succeeded, with what it returned.
    Completed(Vec<u8>),
    Failed {
        silence: Silence,
        /// The activity said that another attempt is futile.
        for_good: bool,
        /// How long it asked to be left alone.
        retry_after: Option<Duration>,
    },
}

impl Engine {
    /// Whether a worker polls this task queue for activities.
    ///
    /// # Errors
    /// When Temporal does not say so within 5 s.
    pub async fn find_polling(&self, task_queue: &str) -> Result<Polling, EngineError> {
        let client = self.client().await?;
        let request = DescribeTaskQueueRequest {
            namespace: client.options().namespace.clone(),
            task_queue: Some(TaskQueue { name: task_queue.to_owned(), ..TaskQueue::default() }),
            task_queue_type: TaskQueueType::Activity.into(),
            ..DescribeTaskQueueRequest::default()
        };
        let mut service = client.connection().workflow_service();
        let described = ask(service.describe_task_queue(request.into_request())).await;
        let described = described.map_err(|status| judge_status(&status))?;
        let polls = described.pollers.iter().filter_map(|poller| poller.last_access_time);
        Ok(judge_polling(polls.map(|at| u64::try_from(at.seconds).unwrap_or_default()).max()))
    }

    /// Runs an activity once and waits for its end.
    ///
    /// # Errors
    /// When Temporal cannot be used, or its release runs no activities without a workflow.
    pub async fn run_activity(&self, run: ActivityRun) -> Result<ActivityEnd, EngineError> {
        let client = self.client().await?;
        let timeout = run.budget + GRACE;
        match tokio::time::timeout(timeout, run_to_its_end(&client, run)).await {
            Ok(end) => end,
            Err(_) => Ok(ActivityEnd::Unanswered(Silence::new(Unanswered::TooSlow))),
        }
    }

    /// Has an activity deliver a message and waits for its end. The same run again joins the one
    /// that goes on, and one that succeeded, as long as the server remembers it, is not made again.
    ///
    /// # Errors
    /// When Temporal cannot be used, or its release runs no activities without a workflow.
    pub async fn deliver(&self, run: ActivityRun) -> Result<DeliveryEnd, EngineError> {
        let client = self.client().await?;
        let timeout = run.budget + GRACE;
        match tokio::time::timeout(timeout, deliver(&client, run)).await {
            Ok(end) => end,
            Err(_) => Ok(DeliveryEnd::failed(Silence::new(Unanswered::TooSlow))),
        }
    }
}

impl DeliveryEnd {
    const fn failed(silence: Silence) -> Self {
        Self::Failed { silence, for_good: false, retry_after: None }
    }
}

fn judge_polling(last: Option<u64>) -> Polling {
    let Some(last) = last else { return Polling::Never };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let ago = Duration::from_secs(now.saturating_sub(last));
    if ago <= POLLED_WITHIN { Polling::Now } else { Polling::Ended(ago) }
}

type Handle = ActivityHandle<Client, UntypedActivity>;

/// What starting a run means where one of its id was started before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OnExisting {
    /// The one that goes on, or that succeeded, is meant.
    Join,
    /// It is an error while the other goes on.
    Reject,
}

async fn start(
    client: &Client,
    run: ActivityRun,
    on_existing: OnExisting,
) -> Result<Handle, EngineError> {
    let joins = on_existing == OnExisting::Join;
    let close = ActivityCloseTimeouts::ScheduleAndStartToClose {
        schedule_to_close: run.budget,
        start_to_close: run.budget.min(MAX_ATTEMPT),
    };
    let options = ActivityStartOptions::new(run.task_queue, run.id.clone(), close)
        .schedule_to_start_timeout(run.budget / 2)
        .maybe_heartbeat_timeout(run.heartbeat)
        .retry_policy(RetryPolicy::builder().maximum_attempts(1).build())
        .summary(run.summary);
    let options = if joins {
        options
            .id_reuse_policy(ActivityIdReusePolicy::AllowDuplicateFailedOnly)
            .id_conflict_policy(ActivityIdConflictPolicy::UseExisting)
            .build()
    } else {
        options.build()
    };
    let input = RawValue::new(vec![json_payload(run.input)]);
    let activity = UntypedActivity::new(run.activity.clone());
    match client.start_activity(activity, input, options).await {
        Err(StartActivityError::AlreadyStarted { run_id, .. }) if joins => {
            let activity = UntypedActivity::new(run.activity);
            Ok(client.get_activity_handle(activity, run.id, Some(run_id)))
        }
        started => started.map_err(judge_start),
    }
}

async fn deliver(client: &Client, run: ActivityRun) -> Result<DeliveryEnd, EngineError> {
    let handle = start(client, run, OnExisting::Join).await?;
    match handle.result().await {
        Ok(answer) => {
            let payload = answer.payloads.into_iter().next().unwrap_or_default();
            Ok(DeliveryEnd::Completed(payload.data))
        }
        Err(ActivityResultError::ActivityFailed(error)) => Ok(judge_delivery(error.failure())),
        Err(ActivityResultError::Rpc(status)) => Err(judge_status(&status)),
        Err(ActivityResultError::Cancelled { .. }) => {
            Ok(DeliveryEnd::failed(Silence::failed("Cancelled")))
        }
        Err(ActivityResultError::Terminated) => {
            Ok(DeliveryEnd::failed(Silence::failed("Terminated")))
        }
        Err(_) => Ok(DeliveryEnd::failed(Silence::new(Unanswered::Unreadable))),
    }
}

/// What the activity's own failure, which may stand below others, asks for.
fn judge_delivery(failure: &Failure) -> DeliveryEnd {
    let silence = judge_failure(failure);
    let mut below = Some(failure);
    while let Some(failure) = below {
        if let Some(FailureInfo::ApplicationFailureInfo(of)) = &failure.failure_info {
            let retry_after = of.next_retry_delay.and_then(|asked| asked.try_into().ok());
            return DeliveryEnd::Failed { silence, for_good: of.non_retryable, retry_after };
        }
        below = failure.cause.as_deref();
    }
    DeliveryEnd::failed(silence)
}

async fn run_to_its_end(client: &Client, run: ActivityRun) -> Result<ActivityEnd, EngineError> {
    let handle = start(client, run, OnExisting::Reject).await?;
    match handle.result().await {
        Ok(answer) => Ok(read_answer(answer)),
        Err(ActivityResultError::ActivityFailed(error)) => {
            Ok(ActivityEnd::Unanswered(judge_failure(error.failure())))
        }
        Err(ActivityResultError::Cancelled { .. }) => {
            Ok(ActivityEnd::Unanswered(Silence::failed("Cancelled")))
        }
        Err(ActivityResultError::Terminated) => {
            Ok(ActivityEnd::Unanswered(Silence::failed("Terminated")))
        }
        Err(ActivityResultError::Rpc(status)) => Err(judge_status(&status)),
        Err(_) => Ok(ActivityEnd::Unanswered(Silence::new(Unanswered::Unreadable))),
    }
}

fn json_payload(data: Vec<u8>) -> Payload {
    let metadata = [("encoding".to_owned(), b"json/plain".to_vec())].into();
    Payload { metadata, data, ..Payload::default() }
}

fn judge_start(error: StartActivityError) -> EngineError {
    match error {
        StartActivityError::Rpc(status) if status.code() == tonic::Code::Unimplemented => {
            EngineError::Rejected(
                "this server runs no activity without a workflow, which a trial is: use a release \
                 of Temporal from 1.32 on"
                    .to_owned(),
            )
        }
        StartActivityError::Rpc(status) => judge_status(&status),
        error => EngineError::Rejected(error.to_string()),
    }
}

/// An activity without a return value answers nothing, which is read as `null`. Bytes that are no
/// JSON are no answer.
fn read_answer(answer: RawValue) -> ActivityEnd {
    let Some(payload) = answer.payloads.into_iter().next() else {
        return ActivityEnd::Answered(b"null".to_vec());
    };
    match payload.metadata.get("encoding").map(Vec::as_slice).unwrap_or_default() {
        b"binary/null" => ActivityEnd::Answered(b"null".to_vec()),
        encoding if encoding.starts_with(b"json/") => ActivityEnd::Answered(payload.data),
        encoding => ActivityEnd::Unanswered(Silence::encoded(encoding)),
    }
}

/// Why there is no answer, by the failure that the server reports: the activity's own, or a timeout
/// of ours, whose cause may be the failure of the last attempt.
fn judge_failure(failure: &Failure) -> Silence {
    match &failure.failure_info {
        Some(FailureInfo::ApplicationFailureInfo(of)) => Silence::failed(of.r#type.clone()),
        Some(FailureInfo::TimeoutFailureInfo(of)) => match of.timeout_type() {
            TimeoutType::ScheduleToStart => Silence::new(Unanswered::NobodyTookIt),
            TimeoutType::Heartbeat => Silence::new(Unanswered::Died),
            TimeoutType::Unspecified | TimeoutType::StartToClose | TimeoutType::ScheduleToClose => {
                failure
                    .cause
                    .as_deref()
                    .map_or_else(|| Silence::new(Unanswered::TooSlow), judge_failure)
            }
        },
        // In place of a failure that is too large for it, the server reports one of its own, with that one cut short below.
        Some(FailureInfo::ActivityFailureInfo(_) | FailureInfo::ServerFailureInfo(_)) => {
            failure.cause.as_deref().map_or_else(|| Silence::failed(""), judge_failure)
        }
        _ => Silence::failed(""),
    }
}

#[cfg(test)]
mod tests {
    use temporalio_common::protos::temporal::api::failure::v1::{
        ApplicationFailureInfo, ServerFailureInfo, TimeoutFailureInfo,
    };

    use super::*;

    fn failure(info: FailureInfo, cause: Option<Failure>) -> Failure {
        Failure { failure_info: Some(info), cause: cause.map(Box::new), ..Failure::default() }
    }

    fn timeout(kind: TimeoutType, cause: Option<Failure>) -> Failure {
        let info = TimeoutFailureInfo { timeout_type: kind.into(), ..Default::default() };
        failure(FailureInfo::TimeoutFailureInfo(info), cause)
    }

    fn application(kind: &str) -> Failure {
        let info = ApplicationFailureInfo { r#type: kind.to_owned(), ..Default::default() };
        failure(FailureInfo::ApplicationFailureInfo(info), None)
    }

    #[test]
    fn a_failure_that_is_too_large_for_the_server_keeps_its_type() {
        let server = || FailureInfo::ServerFailureInfo(ServerFailureInfo::default());
        let too_large = failure(server(), Some(application("ValueError")));
        assert_eq!(judge_failure(&too_large), Silence::failed("ValueError"));
        assert_eq!(judge_failure(&failure(server(), None)), Silence::failed(""));
        let kept = timeout(TimeoutType::ScheduleToClose, Some(too_large));
        assert_eq!(judge_failure(&kept), Silence::failed("ValueError"));
    }

    #[test]
    fn a_failure_says_why_there_is_no_answer() {
        for (failure, silence) in [
            (timeout(TimeoutType::ScheduleToStart, None), Silence::new(Unanswered::NobodyTookIt)),
            (timeout(TimeoutType::StartToClose, None), Silence::new(Unanswered::TooSlow)),
            (timeout(TimeoutType::ScheduleToClose, None), Silence::new(Unanswered::TooSlow)),
            (timeout(TimeoutType::Heartbeat, None), Silence::new(Unanswered::Died)),
            (application("ValueError"), Silence::failed("ValueError")),
            (
                timeout(TimeoutType::ScheduleToClose, Some(application("ValueError"))),
                Silence::failed("ValueError"),
            ),
            (Failure::default(), Silence::failed("")),
        ] {
            assert_eq!(judge_failure(&failure), silence);
        }
    }

    #[test]
    fn the_failure_of_a_delivery_says_whether_and_when_to_try_again() {
        let mut own = application("PagerDown");
        let Some(FailureInfo::ApplicationFailureInfo(info)) = &mut own.failure_info else {
            panic!("no failure of an application")
        };
        info.next_retry_delay = Duration::from_secs(90).try_into().ok();
        let end = |for_good, retry_after| DeliveryEnd::Failed {
            silence: Silence::failed("PagerDown"),
            for_good,
            retry_after,
        };
        assert_eq!(judge_delivery(&own), end(false, Some(Duration::from_secs(90))));
        let Some(FailureInfo::ApplicationFailureInfo(info)) = &mut own.failure_info else {
            panic!("no failure of an application")
        };
        (info.non_retryable, info.next_retry_delay) = (true, None);
        let wrapped = timeout(TimeoutType::ScheduleToClose, Some(own));
        assert_eq!(judge_delivery(&wrapped), end(true, None));
        let lost = timeout(TimeoutType::ScheduleToStart, None);
        let nobody = DeliveryEnd::failed(Silence::new(Unanswered::NobodyTookIt));
        assert_eq!(judge_delivery(&lost), nobody);
    }

    #[test]
    fn an_answer_is_json_nothing_or_unreadable() {
        let payload = |encoding: &str, data: &[u8]| {
            let metadata = [("encoding".to_owned(), encoding.as_bytes().to_vec())].into();
            RawValue::new(vec![Payload { metadata, data: data.to_vec(), ..Payload::default() }])
        };
        let null = ActivityEnd::Answered(b"null".to_vec());
        assert_eq!(
            read_answer(payload("json/plain", b"{}")),
            ActivityEnd::Answered(b"{}".to_vec())
        );
        assert_eq!(read_answer(payload("binary/null", b"")), null);
        assert_eq!(read_answer(RawValue::new(Vec::new())), null);
        let encrypted = ActivityEnd::Unanswered(Silence::encoded(b"binary/encrypted"));
        assert_eq!(read_answer(payload("binary/encrypted", b"{}")), encrypted);
        let unreadable = ActivityEnd::Unanswered(Silence::new(Unanswered::Unreadable));
        assert_eq!(read_answer(RawValue::empty()), unreadable);
    }

    #[test]
    fn a_poller_that_was_heard_of_within_a_long_poll_polls() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_secs();
        assert_eq!(judge_polling(Some(now - 60)), Polling::Now);
        assert!(matches!(judge_polling(Some(now - 300)), Polling::Ended(_)));
        assert_eq!(judge_polling(None), Polling::Never);
    }
}
