//! Signs of life while something takes longer than a second, on a terminal only, and what goes on without the command.

use std::fmt::Display;
use std::io::{Write, stderr};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

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

/// Says on standard error, on a terminal or not, what goes on if the command is ended now, and what shows it.
pub fn say_started(what: &str, id: &dyn Display) {
    // Who has closed it does not want to know.
    let _said = writeln!(
        stderr(),
        "{what} {id} has started: `sendpromptly bulk show {id}` says how far it is"
    );
}

/// Counts what was done so far, on standard error.
pub struct Counting(ProgressBar);

impl Counting {
    /// Begins at none.
    pub fn start(what: &str) -> Self {
        let style = ProgressStyle::with_template("{spinner} {msg}: {pos}");
        let bar = ProgressBar::no_length().with_message(what.to_owned());
        Self(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner())))
    }

    /// So many more are done.
    pub fn add(&self, more: u64) {
        self.0.inc(more);
    }

    /// Removes the line.
    pub fn end(&self) {
        self.0.finish_and_clear();
    }
}
