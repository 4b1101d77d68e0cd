//! Starts the server process.

use std::ffi::OsString;
use std::time::Duration;

use rustix::process::Signal;

use super::TemporalOptions;
use crate::error::StartError;
use crate::locate::TemporalBin;
use crate::log_file::LogFile;
use crate::places::absolute;
use crate::port::wait_until_free;
use crate::process::{Process, StopSignals};
use crate::spawner::engine_command;

pub(super) const NAME: &str = "Temporal";
/// Settings of the user's own `temporal` command must not leak into ours.
pub(super) const NO_USER_CONFIG: [&str; 2] = ["--disable-config-file", "--disable-config-env"];
/// A server takes about a second to end after its parent was killed.
const PREDECESSOR_TIMEOUT: Duration = Duration::from_secs(3);

/// Receipts are taken before watches are started: where both want the processor, Temporal gets a
/// third of what Postgres and this process get.
const NICENESS: u8 = 5;

/// It has no way to end sooner and still clean up, and with a file it needs none.
const SIGNALS: StopSignals = StopSignals { orderly: Signal::TERM, hurried: Signal::KILL };

pub(super) async fn launch(
    bin: &TemporalBin,
    options: &TemporalOptions,
) -> Result<(Process, LogFile), StartError> {
    let may_have_predecessor = options.db_file.as_ref().is_some_and(|file| file.exists());
    let timeout = if may_have_predecessor { PREDECESSOR_TIMEOUT } else { Duration::ZERO };
    for port in [Some(options.port), options.ui_port].into_iter().flatten() {
        wait_until_free(port, timeout).await?;
    }
    let path = absolute(options.log_file.clone());
    let (log, out, err) = LogFile::open(&path).map_err(StartError::file("write", &path))?;
    let mut command = engine_command(bin.path.as_os_str(), "SIGTERM", NICENESS);
    command.args(arguments(options)).stdout(out).stderr(err);
    let process = Process::spawn(NAME, command, SIGNALS)
        .map_err(|source| StartError::Run { program: bin.path.display().to_string(), source })?;
    Ok((process, log))
}

fn arguments(options: &TemporalOptions) -> Vec<OsString> {
    let port = options.port.to_string();
    let mut all: Vec<OsString> = NO_USER_CONFIG.map(OsString::from).to_vec();
    let mut add = |words: &[&str]| all.extend(words.iter().map(OsString::from));
    add(&["server", "start-dev", "--ip", "127.0.0.1", "--port", &port]);
    match options.ui_port {
        Some(ui) => add(&["--ui-port", &ui.to_string(), "--ui-disable-news-fetch"]),
        None => add(&["--headless"]),
    }
    for name in &options.search_attributes {
        add(&["--search-attribute", &format!("{name}=Keyword")]);
    }
    for setting in &options.dynamic_config {
        add(&["--dynamic-config-value", setting]);
    }
    if let Some(file) = &options.db_file {
        // Three times as fast as without; a power cut can lose the last moments, and what is lost
        // is asked for again from Postgres.
        add(&["--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=1"]);
        all.push("--db-filename".into());
        all.push(absolute(file.clone()).into());
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(options: &TemporalOptions) -> String {
        let words = arguments(options);
        words.iter().map(|word| word.to_str().unwrap()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_server_in_memory_has_no_file_and_no_web_interface() {
        let line = line(&TemporalOptions::new(7233, "/log"));
        assert!(line.ends_with("server start-dev --ip 127.0.0.1 --port 7233 --headless"), "{line}");
    }

    #[test]
    fn a_server_with_a_file_gets_the_fast_pragmas() {
        let mut options = TemporalOptions::new(7233, "/log");
        options.db_file = Some("/data/temporal.db".into());
        options.ui_port = Some(8233);
        options.search_attributes = vec!["SpProjectId".to_owned()];
        options.dynamic_config = vec!["frontend.WorkflowTimeSkippingEnabled=true".to_owned()];
        let line = line(&options);
        for part in [
            "--db-filename /data/temporal.db",
            "--sqlite-pragma journal_mode=wal --sqlite-pragma synchronous=1",
            "--ui-port 8233",
            "--search-attribute SpProjectId=Keyword",
            "--dynamic-config-value frontend.WorkflowTimeSkippingEnabled=true",
        ] {
            assert!(line.contains(part), "{part} is not in {line}");
        }
    }
}
