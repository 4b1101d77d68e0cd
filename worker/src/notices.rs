//! What no watch can tell people: results that never found their receipt, looked for once a minute.

use std::time::Duration;

use activities::{Deps, notices};

const EVERY: Duration = Duration::from_mins(1);

/// Tells people for the life of a worker process. What fails is logged and left to the next round.
pub(crate) async fn run(deps: &Deps) {
    loop {
        if let Err(error) = notices::send_due(deps).await {
            tracing::warn!(%error, "could not tell about unclaimed results");
        }
        tokio::time::sleep(EVERY).await;
    }
}
