//! How long each activity may take and how it is retried.
//!
//! None of them ever gives up by itself: a database or a network that is away for a day is waited
//! for. What ends an activity is decided by the activity, which knows why it failed, or by an
//! operator with Temporal's tools: see [`crate::callback_end`].

use std::time::Duration;

use temporalio_workflow::{ActivityOptions, RetryPolicy, WorkflowCancellationToken};

/// How long an alert may take; a mail conversation that is given up before ends within it.
pub const ALERT: Duration = Duration::from_secs(90);

/// For activities that only touch the database.
#[must_use]
pub fn records() -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(Duration::from_secs(15))
        .retry_policy(backing_off(Duration::from_secs(1), Duration::from_mins(1)))
        .build()
}

/// For what has to be recorded although the watch was canceled.
#[must_use]
pub fn records_after_cancel() -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(Duration::from_secs(15))
        .retry_policy(backing_off(Duration::from_secs(1), Duration::from_mins(1)))
        .cancellation_token(WorkflowCancellationToken::new())
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

/// For alerts: the activity gives up after 24 hours, so this policy need not.
#[must_use]
pub fn alert() -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(ALERT)
        .retry_policy(backing_off(Duration::from_secs(5), Duration::from_mins(30)))
        .build()
}

fn backing_off(first: Duration, longest: Duration) -> RetryPolicy {
    RetryPolicy::builder().initial_interval(first).maximum_interval(longest).build()
}
