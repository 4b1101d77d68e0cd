//! What no watch can notify people of: results that never found their receipt, and receipts that do
//! not come, searched for once a minute. What is found waits for its destinations as alerts do: see
//! [`crate::messages`].

use std::time::Duration;

use activities::{Deps, notices, silences};

const EVERY: Duration = Duration::from_mins(1);

/// Searches for what is to be reported, for the life of a worker process. What fails is logged and
/// left to the next round.
pub(crate) async fn run(deps: &Deps) {
    loop {
        if let Err(error) = notices::enqueue_due(deps).await {
            tracing::warn!(%error, "could not look for unclaimed results");
        }
        silences::judge(deps).await;
        tokio::time::sleep(EVERY).await;
    }
}
