//! How long each activity may take and how it is retried.
//!
//! None of them ever gives up by itself: a database or a network that is away for a day is waited
//! for. Only alerts and extensions have a limit, because what they do is done without them too. What
//! ends another activity is decided by the activity, which knows why it failed, or by an operator
//! with Temporal's tools: see [`crate::callback_end`].

use std::time::Duration;

use temporalio_common::ActivityCloseTimeouts;
use temporalio_workflow::{ActivityOptions, RetryPolicy, WorkflowCancellationToken};

/// How long a watch lets an alert take. An attempt that is under way then goes on without it, and
/// what is not delivered is sent from the database.
const ALERT: Duration = Duration::from_secs(30);

/// How long one attempt of an extension may take.
pub const EXTENSION_ATTEMPT: Duration = domain::extension::MAX_ATTEMPT;

/// How often a probe tries to call the dead-man URL.
pub const PROBE_ATTEMPTS: u32 = 3;

/// For activities that only touch the database; `summary` says in a history what one was for.
#[must_use]
pub fn records(summary: &str) -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(Duration::from_secs(15))
        .retry_policy(backing_off(Duration::from_secs(1), Duration::from_mins(1)))
        .summary(summary.to_owned())
        .build()
}

/// For what has to be recorded although the watch was canceled.
#[must_use]
pub fn records_after_cancel(summary: &str) -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(Duration::from_secs(15))
        .retry_policy(backing_off(Duration::from_secs(1), Duration::from_mins(1)))
        .cancellation_token(WorkflowCancellationToken::new())
        .summary(summary.to_owned())
        .build()
}

/// For the callback: an exchange may take 30 s, and a worker that died is noticed by its missing
/// heartbeat. The waits between attempts come from the activity (`next_retry_delay`); the policy
/// here only serves attempts that were lost with their worker.
#[must_use]
pub fn callback(summary: String) -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(Duration::from_mins(1))
        .heartbeat_timeout(Duration::from_secs(10))
        .retry_policy(backing_off(Duration::from_secs(1), Duration::from_mins(1)))
        .summary(summary)
        .build()
}

/// For alerts: a destination that hangs, and a worker that died, keep no watch from its end.
#[must_use]
pub fn alert(summary: String) -> ActivityOptions {
    ActivityOptions::with_schedule_to_close_timeout(ALERT)
        .retry_policy(backing_off(Duration::from_secs(5), Duration::from_mins(30)))
        .summary(summary)
        .build()
}

/// For an extension: its own worker answers within the budget or not at all. That nobody takes the
/// task is known after half of it; that its worker died, where it sends heartbeats.
#[must_use]
pub fn extension(
    queue: String,
    budget: Duration,
    heartbeat: Option<Duration>,
    summary: String,
) -> ActivityOptions {
    let policy =
        RetryPolicy::builder().initial_interval(Duration::from_secs(1)).maximum_attempts(3).build();
    ActivityOptions::with_close_timeouts(ActivityCloseTimeouts::ScheduleAndStartToClose {
        schedule_to_close: budget,
        start_to_close: budget.min(EXTENSION_ATTEMPT),
    })
    .schedule_to_start_timeout(budget / 2)
    .maybe_heartbeat_timeout(heartbeat)
    .task_queue(queue)
    .retry_policy(policy)
    .summary(summary)
    .build()
}

/// For the probe: three attempts, all within its time; one whose worker died is followed by another.
#[must_use]
pub fn probe(summary: &str) -> ActivityOptions {
    let policy = RetryPolicy::builder()
        .initial_interval(Duration::from_secs(2))
        .maximum_attempts(PROBE_ATTEMPTS)
        .build();
    ActivityOptions::with_close_timeouts(ActivityCloseTimeouts::ScheduleAndStartToClose {
        schedule_to_close: Duration::from_secs(80),
        start_to_close: Duration::from_secs(20),
    })
    .retry_policy(policy)
    .summary(summary.to_owned())
    .build()
}

/// How often a rule of retention is tried in one run.
const RETENTION_ATTEMPTS: u32 = 5;

/// For a rule of retention: its batches take as long as they take, and a worker that died is noticed by its missing
/// heartbeat. What a run does not get done is left to the next one.
#[must_use]
pub fn retention(summary: String) -> ActivityOptions {
    let policy = RetryPolicy::builder()
        .initial_interval(Duration::from_secs(1))
        .maximum_interval(Duration::from_mins(1))
        .maximum_attempts(RETENTION_ATTEMPTS)
        .build();
    ActivityOptions::with_start_to_close_timeout(Duration::from_hours(12))
        .heartbeat_timeout(Duration::from_secs(30))
        .retry_policy(policy)
        .summary(summary)
        .build()
}

fn backing_off(first: Duration, longest: Duration) -> RetryPolicy {
    RetryPolicy::builder().initial_interval(first).maximum_interval(longest).build()
}
