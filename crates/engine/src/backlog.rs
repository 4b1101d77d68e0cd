//! Whether new watches would only wait for a worker.
//!
//! A start costs Temporal less than the watch's first task costs server and worker together. Where
//! many starts come at once, first tasks pile up behind them, and a deadline that is near is not
//! waited for by anyone yet. So while tasks wait too long, watches whose deadline is far are left
//! in the outbox. Where nothing polls, nothing would be gained by waiting.
//!
//! A server gives the same answer for five seconds, unless `matching.TaskQueueInfoByBuildIdTTL` says
//! otherwise (`findings/temporal_queue_statistics_are_five_seconds_old.sh`); the embedded one does.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use temporalio_common::protos::temporal::api::enums::v1::TaskQueueType;
use temporalio_common::protos::temporal::api::taskqueue::v1::TaskQueue;
use temporalio_common::protos::temporal::api::workflowservice::v1::{
    DescribeTaskQueueRequest, DescribeTaskQueueResponse,
};
use tonic::IntoRequest;

use crate::connect::{Engine, EngineError, ask, judge_status};

/// Older tasks show that there are more of them than are taken.
const OLD: Duration = Duration::from_secs(1);
/// So many starts may be made before the next look.
const STARTS: usize = 50;
/// How long a look is good for, while starts are held back.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(250);
/// A poller that was not heard of for longer is gone: a long poll takes a minute.
const POLLED_WITHIN: Duration = Duration::from_secs(70);

/// What is known of the tasks that wait.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    /// Starts since the last look.
    starts: usize,
    held: Option<Instant>,
}

impl Backlog {
    pub(crate) fn count_starts(&mut self, starts: usize) {
        self.starts += starts;
    }

    /// Whether starts are to be held back now. Where Temporal does not say, they are not.
    pub(crate) async fn holds(&mut self, engine: &Engine) -> bool {
        match self.held {
            Some(looked) if looked.elapsed() < LOOK_EVERY => return true,
            None if self.starts < STARTS => return false,
            _ => {}
        }
        self.starts = 0;
        let is_old = match look(engine).await {
            Ok(described) => is_old(&described),
            Err(error) => {
                tracing::debug!(%error, "could not see how many tasks wait");
                false
            }
        };
        self.held = is_old.then(Instant::now);
        is_old
    }
}

async fn look(engine: &Engine) -> Result<DescribeTaskQueueResponse, EngineError> {
    let client = engine.client().await?;
    let request = DescribeTaskQueueRequest {
        namespace: client.options().namespace.clone(),
        task_queue: Some(TaskQueue {
            name: engine.task_queue().to_owned(),
            ..TaskQueue::default()
        }),
        task_queue_type: TaskQueueType::Workflow.into(),
        report_stats: true,
        ..DescribeTaskQueueRequest::default()
    };
    let mut service = client.connection().workflow_service();
    ask(service.describe_task_queue(request.into_request()))
        .await
        .map_err(|status| judge_status(&status))
}

fn is_old(described: &DescribeTaskQueueResponse) -> bool {
    let age = described.stats.and_then(|stats| stats.approximate_backlog_age);
    let age = age.and_then(|age| Duration::try_from(age).ok()).unwrap_or_default();
    age > OLD && is_polled(described)
}

fn is_polled(described: &DescribeTaskQueueResponse) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let since = now.saturating_sub(POLLED_WITHIN.as_secs());
    let last = described.pollers.iter().filter_map(|poller| poller.last_access_time);
    last.map(|at| u64::try_from(at.seconds).unwrap_or_default()).any(|at| at >= since)
}

#[cfg(test)]
mod tests {
    use temporalio_common::protos::temporal::api::taskqueue::v1::{PollerInfo, TaskQueueStats};

    use super::*;

    fn described(age: f64, polled_before: u64) -> DescribeTaskQueueResponse {
        let at = SystemTime::now() - Duration::from_secs(polled_before);
        let poller = PollerInfo { last_access_time: Some(at.into()), ..PollerInfo::default() };
        let age = Duration::from_secs_f64(age).try_into().ok();
        let stats = TaskQueueStats { approximate_backlog_age: age, ..TaskQueueStats::default() };
        DescribeTaskQueueResponse {
            pollers: vec![poller],
            stats: Some(stats),
            ..DescribeTaskQueueResponse::default()
        }
    }

    #[test]
    fn old_tasks_hold_starts_back_as_long_as_a_worker_takes_them() {
        assert!(is_old(&described(1.5, 5)));
        assert!(!is_old(&described(0.4, 5)));
        assert!(!is_old(&described(600.0, 180)), "a worker that died is still listed");
        assert!(!is_old(&DescribeTaskQueueResponse::default()), "a server that does not say");
    }
}
