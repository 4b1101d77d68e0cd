//! The fault lab, `make faults`: the real product under load, a fault at a random moment, and afterwards the question
//! whether everything that was promised holds.
//!
//! A round has a stage of its own: Postgres, Temporal, API and worker as processes, and doubles of the neighbours. The
//! shop keeps a ledger of what it sent; the checker holds it against the database, the neighbours, the histories and the
//! logs. A broken promise fails the run, and so does a fault that nobody could see in metrics and health.
//!
//! What a round has started ends with it. A run that is cut off has its finished rounds in its folder, and
//! `--resume` goes on behind them.

pub mod checker;
pub mod dice;
pub mod facts;
pub mod faults;
pub mod journal;
pub mod report;
pub mod round;
pub mod run;
pub mod shop;
pub mod sight;
pub mod stage;

use std::time::Duration;

use tokio::time::{Instant, sleep};

const POLL_EVERY: Duration = Duration::from_millis(200);

/// Asks again and again until there is a result.
async fn eventually<T>(
    what: &str,
    timeout: Duration,
    mut ask: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let deadline = Instant::now() + timeout;
    loop {
        if let Some(found) = ask().await? {
            return Ok(found);
        }
        anyhow::ensure!(Instant::now() < deadline, "waited in vain for {what}");
        sleep(POLL_EVERY).await;
    }
}
