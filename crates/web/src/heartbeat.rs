//! Says every five seconds, in the database, that this process takes requests.
//!
//! What it writes and what a gap means is [`store::outages`]. It goes the way of a request, through
//! the same pool, so what keeps requests from being taken keeps the heartbeat away, too. One that
//! fails is tried again after a second. A process that ends in order says so; one that is killed is
//! missed soon.

use std::time::Duration;

use domain::outage::BEAT;
use store::{PgPool, outages};
use tokio_util::sync::CancellationToken;

const AGAIN: Duration = Duration::from_secs(1);

/// Beats until this process ends.
pub async fn run(pool: PgPool, shutdown: CancellationToken) {
    shutdown.run_until_cancelled(beat(&pool)).await;
    if let Err(error) = outages::end_beat(&pool).await {
        tracing::debug!(%error, "could not end the heartbeat");
    }
}

async fn beat(pool: &PgPool) {
    loop {
        let wait = match outages::beat(pool).await {
            Ok(()) => BEAT.unsigned_abs(),
            Err(error) => {
                tracing::debug!(%error, "no heartbeat: the database was not reached");
                AGAIN
            }
        };
        tokio::time::sleep(wait).await;
    }
}
