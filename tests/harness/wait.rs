//! Waiting for a state, with a deadline.

use std::time::Duration;

use store::PgPool;
use tokio::time::Instant;

/// The longest that any state is waited for.
pub const TIMEOUT: Duration = Duration::from_mins(2);

/// Asks again and again until there is a result.
///
/// # Panics
/// When there is none within [`TIMEOUT`]; `what` says what was waited for.
pub async fn eventually<T>(what: &str, ask: impl AsyncFnMut() -> Option<T>) -> T {
    eventually_within(TIMEOUT, what, ask).await
}

/// The same, with a timeout of its own: for the work of hundreds beside other stories.
///
/// # Panics
/// When there is no result by then.
pub async fn eventually_within<T>(
    timeout: Duration,
    what: &str,
    mut ask: impl AsyncFnMut() -> Option<T>,
) -> T {
    let deadline = Instant::now() + timeout;
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until Temporal has got all that is in the outbox.
pub async fn until_dispatched(pool: &PgPool) {
    eventually("an empty outbox", async || {
        let left = store::outbox::count_waiting(pool).await.expect("a count");
        (left == (0, 0)).then_some(())
    })
    .await;
}

/// Waits until some connection of this database waits for a lock.
pub async fn until_lock_wait(pool: &PgPool) {
    eventually("a connection that waits for a lock", async || {
        let waiting: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )
        .fetch_one(pool)
        .await
        .expect("a count");
        (waiting > 0).then_some(())
    })
    .await;
}
