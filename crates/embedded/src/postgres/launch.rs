//! Starts the server process and waits until it takes connections.
//!
//! Ready means what it means to Postgres's own tools: `postmaster.pid` names our process and says
//! `ready`, which also covers recovery after a crash. A server that ends because of what a killed
//! predecessor left behind is started again for half a minute; any other early end is an error with
//! the end of its log.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use rustix::process::Signal;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use super::PostgresOptions;
use super::cluster::DataFolder;
use crate::error::StartError;
use crate::locate::PostgresBins;
use crate::log_file::LogFile;
use crate::port::{port_is_free, wait_until_free};
use crate::process::{Process, StopSignals};
use crate::spawner::engine_command;

const NAME: &str = "PostgreSQL";
/// Long, because recovery after a crash counts into it.
const READY_TIMEOUT: Duration = Duration::from_mins(2);
/// How long a predecessor's backends may take to notice that it is dead.
const LEFTOVER_TIMEOUT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);
/// Index of the line with the state in `postmaster.pid`, see Postgres's `pidfile.h`.
const STATUS_LINE: usize = 7;

/// Fast shutdown when there is time, immediate shutdown when there is none. Even the second one
/// frees the shared memory, which SIGKILL would leave behind.
const SIGNALS: StopSignals = StopSignals { orderly: Signal::INT, hurried: Signal::QUIT };

pub(super) async fn launch(
    bins: &PostgresBins,
    folder: &DataFolder,
    options: &PostgresOptions,
) -> Result<Process, StartError> {
    // A server whose parent was killed a moment ago may still be on its way out.
    let leftover = folder.dir.join("postmaster.pid").exists();
    let timeout = if leftover { Duration::from_secs(10) } else { Duration::ZERO };
    wait_until_free(options.port, timeout).await?;

    let deadline = Instant::now() + LEFTOVER_TIMEOUT;
    loop {
        let (process, log) = spawn(bins, folder, options)?;
        let Some(status) = until_ready(&process, folder, options.port, &log).await? else {
            return Ok(process);
        };
        let tail = log.tail();
        if is_about_leftovers(&tail) && Instant::now() < deadline {
            tracing::debug!("PostgreSQL still finds a killed predecessor, it is started again");
            sleep(Duration::from_millis(250)).await;
        } else if !port_is_free(options.port) {
            return Err(StartError::PortTaken { port: options.port });
        } else {
            let status = status.to_string();
            return Err(StartError::Died { engine: NAME, status, log: log.path, tail });
        }
    }
}

fn spawn(
    bins: &PostgresBins,
    folder: &DataFolder,
    options: &PostgresOptions,
) -> Result<(Process, LogFile), StartError> {
    let path = options.log_file.clone().unwrap_or_else(|| beside(&folder.dir));
    let (log, out, err) = LogFile::open(&path).map_err(StartError::file("write", &path))?;
    let program = bins.program("postgres");
    let mut command = engine_command(program.as_os_str(), "SIGINT", 0);
    command.arg("-D").arg(&folder.dir).stdout(out).stderr(err);
    settings(&mut command, options);
    folder.run_as_account(&mut command);
    let process = Process::spawn(NAME, command, SIGNALS)
        .map_err(|source| StartError::Run { program: program.display().to_string(), source })?;
    Ok((process, log))
}

fn settings(command: &mut Command, options: &PostgresOptions) {
    let port = options.port.to_string();
    let ours = [
        ("listen_addresses", "127.0.0.1"),
        ("port", &port),
        ("unix_socket_directories", ""),
        ("TimeZone", "UTC"),
        ("log_timezone", "UTC"),
    ];
    let theirs = options.extra_settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in ours.into_iter().chain(theirs) {
        command.arg("-c").arg(format!("{name}={value}"));
    }
}

/// `None` when it is ready, its exit status when it ended before that.
async fn until_ready(
    process: &Process,
    folder: &DataFolder,
    port: u16,
    log: &LogFile,
) -> Result<Option<ExitStatus>, StartError> {
    let pid_file = folder.dir.join("postmaster.pid");
    let deadline = Instant::now() + READY_TIMEOUT;
    loop {
        if let Some(status) = process.exited() {
            return Ok(Some(status));
        }
        if says_ready(&pid_file, process.id())
            && TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_ok()
        {
            return Ok(None);
        }
        if Instant::now() >= deadline {
            return Err(StartError::NotReady {
                engine: NAME,
                timeout: READY_TIMEOUT,
                log: log.path.clone(),
                tail: log.tail(),
            });
        }
        sleep(POLL).await;
    }
}

fn says_ready(pid_file: &Path, pid: u32) -> bool {
    let text = fs::read_to_string(pid_file).unwrap_or_default();
    let mut lines = text.lines();
    let is_ours = lines.next().is_some_and(|line| line.trim() == pid.to_string());
    is_ours && lines.nth(STATUS_LINE - 1).is_some_and(|line| line.trim() == "ready")
}

/// Postgres's two complaints about a predecessor: its file, or its shared memory still in use.
fn is_about_leftovers(log: &str) -> bool {
    log.contains("lock file \"postmaster.pid\"") || log.contains("shared memory block")
}

fn beside(dir: &Path) -> PathBuf {
    let mut name = dir.as_os_str().to_owned();
    name.push(".log");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_server_counts_as_ready() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("postmaster.pid");
        let text = "42\n/data\n1700000000\n5433\n\n127.0.0.1\n  1 2\nready   \n";
        fs::write(&file, text).unwrap();
        assert!(says_ready(&file, 42));
        assert!(!says_ready(&file, 43));
        fs::write(&file, text.replace("ready   ", "starting")).unwrap();
        assert!(!says_ready(&file, 42));
        fs::write(&file, "42\n").unwrap();
        assert!(!says_ready(&file, 42));
        assert!(!says_ready(&folder.path().join("missing"), 42));
    }

    #[test]
    fn leftovers_of_a_killed_server_are_told_from_other_troubles() {
        assert!(is_about_leftovers("FATAL:  lock file \"postmaster.pid\" already exists"));
        assert!(is_about_leftovers(
            "FATAL:  pre-existing shared memory block (key 1, ID 2) is still in use"
        ));
        assert!(!is_about_leftovers("FATAL:  unrecognized configuration parameter \"fsycn\""));
    }
}
