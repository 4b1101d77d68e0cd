//! How much waits in Temporal for a worker, and whether new watches would only wait longer.
//!
//! A start costs Temporal less than the watch's first task costs server and worker together. Where
//! many starts come together, first tasks pile up behind them, and a deadline that is near is not
//! waited for by anyone yet. So while tasks wait too long, watches whose deadline is far are left
//! in the outbox. Where nothing polls, nothing would be gained by waiting. A server names a poller for
//! a minute and more after it died, so the worker's own heartbeat is asked for, too: one that is killed holds nothing
//! back after 25 s, one that ends in order immediately.
//!
//! A server gives the same answer for five seconds, unless `matching.TaskQueueInfoByBuildIdTTL` says
//! otherwise (`findings/temporal_queue_statistics_are_five_seconds_old.sh`); the embedded one does.
//! What was seen last is kept in the [`Engine`], for pages and metrics that do not ask themselves.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use store::{PgPool, environments};
use temporalio_common::protos::temporal::api::enums::v1::TaskQueueType;
use temporalio_common::protos::temporal::api::taskqueue::v1::TaskQueue;
use temporalio_common::protos::temporal::api::workflowservice::v1::{
    DescribeTaskQueueRequest, DescribeTaskQueueResponse,
};
use tonic::IntoRequest;

use crate::connect::{Engine, EngineError, ask, judge_status};
use crate::version::Routing;

/// Older tasks show that there are more of them than are taken.
const OLD: Duration = Duration::from_secs(1);
/// So many starts may be made before the next look.
const STARTS: usize = 50;
/// How long a look is good for, while starts are held back.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(250);
/// A poller that was not heard of for longer is gone: a long poll takes a minute.
const POLLED_WITHIN: Duration = Duration::from_secs(70);

/// What was seen is no longer told after this time.
const SEEN_WITHIN: Duration = Duration::from_mins(1);

/// Tasks of one kind that wait for a worker, those of sticky queues not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TasksWaiting {
    /// How many, about.
    pub tasks: i64,
    /// For how long the oldest has waited.
    pub oldest: Duration,
}

/// What waits for a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BacklogSeen {
    /// Tasks of watches that no worker has in memory: first tasks, most of all.
    pub watches: TasksWaiting,
    /// Alerts, callbacks and records.
    pub activities: TasksWaiting,
}

/// What was seen of the task queue last.
pub(crate) type Seen = Mutex<Option<LastSeen>>;

/// What was seen of the task queue, and when. Under load watches are looked at alone.
#[derive(Debug)]
pub(crate) struct LastSeen {
    at: Instant,
    activities_at: Instant,
    queue: QueueSeen,
}

/// What waits, and who gets it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct QueueSeen {
    pub(crate) backlog: BacklogSeen,
    pub(crate) routing: Routing,
}

impl Engine {
    /// What waits for a worker, as it was seen within the last minute.
    #[must_use]
    pub fn backlog(&self) -> Option<BacklogSeen> {
        self.seen().map(|seen| seen.backlog)
    }

    /// What was seen of the task queue within the last minute.
    pub(crate) fn seen(&self) -> Option<QueueSeen> {
        let seen = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        seen.as_ref().and_then(|seen| seen.told(Instant::now()))
    }

    /// Asks what waits for a worker, and which one gets it.
    pub(crate) async fn find_queue(&self) -> Result<QueueSeen, EngineError> {
        let (watches, activities) =
            tokio::join!(look(self, TaskQueueType::Workflow), look(self, TaskQueueType::Activity));
        let (watches, activities) = (watches?, activities?);
        let routing = Routing::read(&watches);
        let backlog = BacklogSeen { watches: waiting(&watches), activities: waiting(&activities) };
        let seen = QueueSeen { backlog, routing };
        let mut kept = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = Some(LastSeen::of_all(seen.clone(), Instant::now()));
        Ok(seen)
    }

    fn keep_watches(&self, described: &DescribeTaskQueueResponse) {
        let mut kept = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = LastSeen::of_watches(kept.take(), described, Instant::now());
        *kept = Some(seen);
    }
}

impl LastSeen {
    const fn of_all(queue: QueueSeen, now: Instant) -> Self {
        Self { at: now, activities_at: now, queue }
    }

    /// What was seen of activities before is as old as it was.
    fn of_watches(
        before: Option<Self>,
        described: &DescribeTaskQueueResponse,
        now: Instant,
    ) -> Self {
        let mut seen = before.unwrap_or_else(|| Self::of_all(QueueSeen::default(), now));
        seen.at = now;
        seen.queue.backlog.watches = waiting(described);
        seen.queue.routing = Routing::read(described);
        seen
    }

    /// What is still told of it. What was seen too long ago of activities alone is told as nothing that waits.
    fn told(&self, now: Instant) -> Option<QueueSeen> {
        let is_told = |at: Instant| now.duration_since(at) < SEEN_WITHIN;
        let mut queue = is_told(self.at).then(|| self.queue.clone())?;
        if !is_told(self.activities_at) {
            queue.backlog.activities = TasksWaiting::default();
        }
        Some(queue)
    }
}

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
    pub(crate) async fn holds(&mut self, engine: &Engine, pool: &PgPool) -> bool {
        match self.held {
            Some(looked) if looked.elapsed() < LOOK_EVERY => return true,
            None if self.starts < STARTS => return false,
            _ => {}
        }
        self.starts = 0;
        let is_old = match look(engine, TaskQueueType::Workflow).await {
            Ok(described) => {
                engine.keep_watches(&described);
                is_old(&described)
            }
            Err(error) => {
                tracing::debug!(%error, "could not see how many tasks wait");
                false
            }
        };
        let holds = is_old && has_worker(engine, pool).await;
        self.held = holds.then(Instant::now);
        holds
    }
}

/// Whether a worker's heartbeat is fresh. Where the database does not say, the server is trusted.
async fn has_worker(engine: &Engine, pool: &PgPool) -> bool {
    let Ok(namespace) = engine.namespace() else { return true };
    environments::is_polled(pool, &namespace, engine.task_queue()).await.unwrap_or(true)
}

async fn look(
    engine: &Engine,
    kind: TaskQueueType,
) -> Result<DescribeTaskQueueResponse, EngineError> {
    let client = engine.client().await?;
    let request = DescribeTaskQueueRequest {
        namespace: client.options().namespace.clone(),
        task_queue: Some(TaskQueue {
            name: engine.task_queue().to_owned(),
            ..TaskQueue::default()
        }),
        task_queue_type: kind.into(),
        report_stats: true,
        ..DescribeTaskQueueRequest::default()
    };
    let mut service = client.connection().workflow_service();
    ask(service.describe_task_queue(request.into_request()))
        .await
        .map_err(|status| judge_status(&status))
}

fn is_old(described: &DescribeTaskQueueResponse) -> bool {
    waiting(described).oldest > OLD && is_polled(described)
}

fn waiting(described: &DescribeTaskQueueResponse) -> TasksWaiting {
    let Some(stats) = described.stats else { return TasksWaiting::default() };
    let age = stats.approximate_backlog_age.and_then(|age| Duration::try_from(age).ok());
    TasksWaiting { tasks: stats.approximate_backlog_count, oldest: age.unwrap_or_default() }
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

    #[test]
    fn what_was_seen_of_activities_is_told_for_a_minute_however_often_watches_are_looked_at() {
        let began = Instant::now();
        let after = |seconds| began + Duration::from_secs(seconds);
        let oldest = Duration::from_secs(200);
        let activities = TasksWaiting { tasks: 3, oldest };
        let backlog = BacklogSeen { activities, ..BacklogSeen::default() };
        let queue = QueueSeen { backlog, ..QueueSeen::default() };
        let mut seen = LastSeen::of_all(queue, began);
        for (looked, told) in [(50, activities), (59, activities), (70, TasksWaiting::default())] {
            seen = LastSeen::of_watches(Some(seen), &described(1.5, 5), after(looked));
            let backlog = seen.told(after(looked)).expect("seen just now").backlog;
            assert_eq!(backlog.activities, told, "{looked}");
            assert_eq!(backlog.watches.oldest, Duration::from_millis(1_500));
        }
        assert_eq!(seen.told(after(130)), None);
    }
}
