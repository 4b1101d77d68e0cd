//! Calls that need a transaction of their own, and how many of them are under way.
//!
//! Each holds a connection for as long as it takes, which may be long: it may wait for a row that another transaction
//! has locked. So however many come, some connections are left for batches, and for the poll that knows whose a key is
//! ([`web::admission`]); without that poll, every call would have to ask the database. A call that gets no turn in
//! time, and one that comes when too many wait or the database is away, has not begun and gets its 503.

use std::sync::Arc;
use std::time::Duration;

use store::PgPool;
use tokio::sync::Semaphore;
use web::error::ApiError;

/// How many connections are left to others: two batches of receipts, two of results, and the poll.
const LEFT: usize = 5;
/// How many may wait. The next one would not get its turn in time.
const WAITING: usize = 1_024;
/// How long a call waits for its turn.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Gives calls their turns. Clones share them.
#[derive(Clone)]
pub(super) struct TakenAlone(Arc<Shared>);

struct Shared {
    pool: PgPool,
    /// Of those that wait or are under way.
    places: Semaphore,
    turns: Semaphore,
    timeout: Duration,
}

impl TakenAlone {
    /// For calls on this pool.
    pub(super) fn new(pool: PgPool) -> Self {
        Self::with_timeout(pool, TIMEOUT)
    }

    fn with_timeout(pool: PgPool, timeout: Duration) -> Self {
        let turns = turns(pool.usage().most);
        let (places, turns) = (Semaphore::new(turns + WAITING), Semaphore::new(turns));
        Self(Arc::new(Shared { pool, places, turns, timeout }))
    }

    /// Does the work of a call when it is its turn.
    ///
    /// # Errors
    /// The work's; [`ApiError::Unavailable`] if it could not be begun in time.
    pub(super) async fn run<T, W>(&self, work: W) -> Result<T, ApiError>
    where
        W: Future<Output = Result<T, ApiError>>,
    {
        let Shared { pool, places, turns, timeout } = &*self.0;
        if turns.available_permits() == 0 && pool.is_away() {
            return Err(too_many());
        }
        let _place = places.try_acquire().map_err(|_| too_many())?;
        let turn = tokio::time::timeout(*timeout, turns.acquire()).await;
        let _turn = turn.map_err(|_| too_many())?.map_err(ApiError::internal)?;
        work.await
    }
}

/// How many calls may be under way. A small pool is shared by halves.
fn turns(connections: u32) -> usize {
    let connections = usize::try_from(connections).unwrap_or_default();
    connections.saturating_sub(LEFT).max(connections / 2).max(1)
}

fn too_many() -> ApiError {
    ApiError::unavailable("too many requests that need a transaction of their own already wait")
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::pending;

    use tokio::sync::oneshot;

    use super::*;

    const BRIEF: Duration = Duration::from_millis(50);

    /// A pool with one connection, which is never asked for.
    fn nowhere() -> PgPool {
        let nowhere = "postgres://sendpromptly@127.0.0.1:1/none";
        store::pool::connect_lazily(nowhere, 1).expect("a pool")
    }

    #[test]
    fn connections_are_left_to_others() {
        assert_eq!([16, 10, 2, 1].map(turns), [11, 5, 1, 1]);
    }

    #[tokio::test]
    async fn what_gets_no_turn_in_time_is_rejected_and_not_begun() {
        let alone = TakenAlone::with_timeout(nowhere(), BRIEF);
        let (end, ended) = oneshot::channel();
        let mut first = Box::pin(alone.run(async { ended.await.map_err(ApiError::internal) }));
        assert!(futures::poll!(&mut first).is_pending());
        let begun = Cell::new(false);
        let late = alone.run(async {
            begun.set(true);
            Ok(())
        });
        let late = late.await.expect_err("no turn");
        assert_eq!((late.code(), begun.get()), ("unavailable", false));
        end.send("done").expect("one that is under way");
        assert_eq!(first.await.ok(), Some("done"));
        assert_eq!(alone.run(async { Ok("next") }).await.ok(), Some("next"));
    }

    #[tokio::test]
    async fn where_too_many_wait_the_next_one_is_rejected_immediately() {
        let alone = TakenAlone::with_timeout(nowhere(), Duration::MAX);
        let mut calls = Vec::new();
        for _ in 0..=WAITING {
            let mut call = Box::pin(alone.run(pending::<Result<(), _>>()));
            assert!(futures::poll!(&mut call).is_pending());
            calls.push(call);
        }
        let rejected = alone.run(async { Ok(()) }).await.expect_err("no place");
        assert_eq!(rejected.code(), "unavailable");
        calls.pop();
        let call = alone.run(async { Ok(()) });
        assert!(futures::poll!(Box::pin(call)).is_pending(), "it waits for its turn");
    }
}
