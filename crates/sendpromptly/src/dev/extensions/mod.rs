//! `dev --extension DIR`: a team's own worker beside `dev`, on its Temporal.
//!
//! It runs as its `Procfile` says, in its folder, with the environment of `dev` but for two things:
//! `TEMPORAL_ADDRESS` and `TEMPORAL_NAMESPACE` lead to this Temporal, whatever else of Temporal's the
//! terminal has set, and the master key is nobody else's. What it prints is shown behind its
//! folder's name. One that ends is started again, after a second at first and half a minute at
//! most; it ends with `dev`, and so does all that it has started, even if `dev` is killed.

mod procfile;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use embedded::{Program, ProgramOptions};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::welcome;
use procfile::Procfile;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A worker that ran this long was not broken from the start.
const HEALTHY_AFTER: Duration = Duration::from_mins(1);
/// A longer line is shown in pieces.
const LONGEST_LINE: u64 = 16 * 1024;
const NOT_THEIRS: [&str; 2] = ["SENDPROMPTLY_MASTER_KEY", "SENDPROMPTLY_MASTER_KEY_FILE"];

/// The workers that run beside `dev`. They end with this value.
pub(super) struct Extensions {
    procfiles: Vec<Procfile>,
    ending: CancellationToken,
    running: TaskTracker,
}

impl Extensions {
    /// Reads how each is started.
    ///
    /// # Errors
    /// When a folder does not say how.
    pub(super) fn read(folders: &[PathBuf]) -> anyhow::Result<Self> {
        let procfiles = folders.iter().map(|folder| Procfile::read(folder));
        Ok(Self {
            procfiles: procfiles.collect::<Result<_, _>>()?,
            ending: CancellationToken::new(),
            running: TaskTracker::new(),
        })
    }

    /// Starts each, and keeps it running.
    pub(super) fn start(&self, temporal_address: &str) {
        for procfile in self.procfiles.clone() {
            let (ending, address) = (self.ending.clone(), temporal_address.to_owned());
            self.running.spawn(async move { keep_running(&procfile, &address, &ending).await });
        }
    }

    /// Lets each finish what it does, for ten seconds at most.
    pub(super) async fn stop(&self) {
        self.ending.cancel();
        self.running.close();
        self.running.wait().await;
    }
}

impl Drop for Extensions {
    fn drop(&mut self) {
        self.ending.cancel();
    }
}

async fn keep_running(procfile: &Procfile, temporal_address: &str, ending: &CancellationToken) {
    let mut pause = FIRST_PAUSE;
    loop {
        let begin = Instant::now();
        let Some(ended) = run_once(procfile, temporal_address, ending).await else { return };
        if begin.elapsed() >= HEALTHY_AFTER {
            pause = FIRST_PAUSE;
        }
        let label = &procfile.label;
        welcome::say(&format!("[{label}] {ended}; it is started again in {pause:?}"));
        if ending.run_until_cancelled(sleep(pause)).await.is_none() {
            return;
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Runs the worker until it ends by itself, and says how; or until it is told to.
async fn run_once(
    procfile: &Procfile,
    temporal_address: &str,
    ending: &CancellationToken,
) -> Option<String> {
    let Procfile { folder, label, line } = procfile;
    welcome::say(&format!("[{label}] starting: {line}"));
    let options = ProgramOptions {
        line,
        folder,
        set: vec![
            ("TEMPORAL_ADDRESS", temporal_address.into()),
            ("TEMPORAL_NAMESPACE", embedded::NAMESPACE.into()),
        ],
        unset: not_theirs(std::env::vars_os().map(|(name, _)| name)),
    };
    let (mut program, stdout, stderr) = match Program::start(&options) {
        Ok(started) => started,
        Err(error) => return Some(format!("could not be started: {error}")),
    };
    let mut shown = JoinSet::new();
    shown.spawn(show(label.clone(), stdout));
    shown.spawn(show(label.clone(), stderr));
    let ended = ending.run_until_cancelled(program.wait()).await;
    if ended.is_none() {
        program.stop().await;
    }
    rest_of(shown).await;
    let how = |status: ExitStatus| format!("ended ({status})");
    ended.map(|status| status.map_or_else(|error| error.to_string(), how))
}

/// The variables that the worker does not get of ours: where else a Temporal is, and our key.
fn not_theirs(names: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let of_temporal = |name: &OsString| name.to_string_lossy().starts_with("TEMPORAL_");
    names.filter(of_temporal).chain(NOT_THEIRS.map(OsString::from)).collect()
}

/// All that could print has ended, so this is what is still in the pipes.
async fn rest_of(shown: JoinSet<()>) {
    let _shown = timeout(FIRST_PAUSE, shown.join_all()).await;
}

/// Shows what the worker prints, line by line, until it prints no more.
async fn show(label: String, output: impl AsyncRead + Unpin) {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut output).take(LONGEST_LINE).read_until(b'\n', &mut line).await {
            Ok(1..) => {
                let line = String::from_utf8_lossy(&line);
                welcome::say(&format!("[{label}] {}", line.trim_end_matches(['\n', '\r'])));
            }
            Ok(0) | Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_led_to_this_temporal_and_to_no_other_and_keeps_its_own_settings() {
        let names = ["TEMPORAL_API_KEY", "TEMPORAL_TLS_CLIENT_CERT_PATH", "DATABASE_URL", "PATH"];
        let taken = not_theirs(names.map(OsString::from).into_iter());
        let expected = [&names[..2], &NOT_THEIRS[..]].concat();
        assert_eq!(taken, expected);
    }
}
