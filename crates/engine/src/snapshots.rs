//! Deleting snapshots that were kept for as long as their project wants.
//!
//! Batches are as large as one statement of some 50 ms takes, and requests have the database for themselves
//! between two of them. Each is a transaction of its own that counts what it deleted: a process that dies
//! half-way has deleted what it has counted, and the next round goes on. Several processes do each other no harm.

use std::time::{Duration, Instant};

use store::{PgPool, StoreError, snapshots};

/// How long one batch may take.
const BATCH: Duration = Duration::from_millis(50);
const FIRST: i64 = 50;
const MOST: i64 = 1_000;
/// How long requests have the database for themselves between two batches.
const REST: Duration = Duration::from_millis(50);
/// How long one round may last: the sweep has more to do. What is left is the next one's.
const ROUND: Duration = Duration::from_secs(10);

/// Deletes what is due; how many snapshots that were.
pub async fn purge(pool: &PgPool) -> Result<u64, StoreError> {
    let (mut deleted, mut limit) = (0, FIRST);
    let began = Instant::now();
    while began.elapsed() < ROUND {
        let batch_began = Instant::now();
        let batch = snapshots::purge_due(pool, limit).await?;
        deleted += batch;
        if batch < limit.unsigned_abs() {
            break;
        }
        limit = next_limit(limit, batch_began.elapsed());
        tokio::time::sleep(REST).await;
    }
    if deleted > 0 {
        tracing::info!(snapshots = deleted, "deleted snapshots that were kept long enough");
    }
    Ok(deleted)
}

/// A slow batch halves the next one, a quick one lets it grow.
fn next_limit(limit: i64, took: Duration) -> i64 {
    if took > BATCH {
        (limit / 2).max(1)
    } else if took < BATCH / 2 {
        (limit + limit / 2 + 1).min(MOST)
    } else {
        limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_as_large_as_fifty_milliseconds_allow() {
        assert_eq!(next_limit(100, Duration::from_millis(51)), 50);
        assert_eq!(next_limit(1, Duration::from_secs(1)), 1);
        assert_eq!(next_limit(100, Duration::from_millis(10)), 151);
        assert_eq!(next_limit(MOST, Duration::from_millis(10)), MOST);
        assert_eq!(next_limit(100, Duration::from_millis(40)), 100);
        // Each snapshot takes a millisecond.
        let settled = (0..20)
            .fold(FIRST, |limit, _| next_limit(limit, Duration::from_millis(limit.unsigned_abs())));
        assert!((25..=50).contains(&settled), "{settled}");
    }
}
