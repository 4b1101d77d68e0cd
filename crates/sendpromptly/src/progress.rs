//! A sign of life while something takes longer than a second, on a terminal only.

use std::time::Duration;

use indicatif::ProgressBar;

const TIMEOUT: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(120);

/// Waits for `work`, and from the second second on says on standard error what for.
pub async fn while_waiting<F: Future>(what: impl Into<String>, work: F) -> F::Output {
    let mut work = std::pin::pin!(work);
    if let Ok(done) = tokio::time::timeout(TIMEOUT, &mut work).await {
        return done;
    }
    // Draws on standard error, and not at all where that is no terminal.
    let spinner = ProgressBar::new_spinner().with_message(what.into());
    spinner.enable_steady_tick(TICK);
    let done = work.await;
    spinner.finish_and_clear();
    done
}
