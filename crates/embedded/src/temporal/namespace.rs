//! Brings the `default` namespace of a starting server into shape, with the server's own program.
//!
//! The server sets the retention to a day and registers search attributes only for a namespace that
//! it has just made, so both are done here at every start. Every step can be repeated, and is,
//! until the server responds or the time is up.

use std::ffi::OsStr;
use std::process::Output;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::{Instant, sleep};

use super::launch::{NAME, NO_USER_CONFIG};
use super::{NAMESPACE, TemporalOptions};
use crate::error::StartError;
use crate::locate::TemporalBin;
use crate::log_file::LogFile;
use crate::port::port_is_free;
use crate::process::Process;
use crate::spawner::clean_environment;

const READY_TIMEOUT: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(50);

/// Returns when the namespace responds and is as the options want it.
pub(super) async fn prepare(
    bin: &TemporalBin,
    options: &TemporalOptions,
    process: &Process,
    log: &LogFile,
) -> Result<(), StartError> {
    let deadline = Instant::now() + READY_TIMEOUT;
    loop {
        if let Some(status) = process.exited() {
            let (log, tail) = (log.path.clone(), log.tail());
            return Err(taken_port(options).unwrap_or_else(|| StartError::Died {
                engine: NAME,
                status: status.to_string(),
                log,
                tail,
            }));
        }
        // Cheaper than running the program against a server that does not listen yet.
        if !port_is_free(options.port) && try_prepare(bin, options).await? {
            return Ok(());
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

/// A server that could not listen is gone by now, so a port that is not free is someone else's.
fn taken_port(options: &TemporalOptions) -> Option<StartError> {
    let ports = [Some(options.port), options.ui_port].into_iter().flatten();
    ports.into_iter().find(|port| !port_is_free(*port)).map(|port| StartError::PortTaken { port })
}

async fn try_prepare(bin: &TemporalBin, options: &TemporalOptions) -> Result<bool, StartError> {
    let retention = format!("{}h", options.retention_hours);
    let update = ["namespace", "update", "--namespace", NAMESPACE, "--retention", &retention];
    if !operator(bin, options, &update).await?.status.success() {
        return Ok(false);
    }
    if options.search_attributes.is_empty() {
        return Ok(true);
    }
    let list = ["search-attribute", "list", "--namespace", NAMESPACE];
    let listed = operator(bin, options, &list).await?;
    if !listed.status.success() {
        return Ok(false);
    }
    let missing = missing(&options.search_attributes, &String::from_utf8_lossy(&listed.stdout));
    for name in &missing {
        // One by one: of several in one call, this server silently makes only one.
        let create = ["search-attribute", "create", "--name", name, "--type", "Keyword"];
        operator(bin, options, &create).await?;
    }
    Ok(missing.is_empty())
}

/// The wanted names that are not the first field of a listed line.
fn missing<'a>(wanted: &'a [String], listed: &str) -> Vec<&'a str> {
    let has = |name: &str| listed.lines().any(|line| line.split_whitespace().next() == Some(name));
    wanted.iter().map(String::as_str).filter(|name| !has(name)).collect()
}

async fn operator(
    bin: &TemporalBin,
    options: &TemporalOptions,
    words: &[&str],
) -> Result<Output, StartError> {
    let mut command = std::process::Command::new(&bin.path);
    clean_environment(&mut command);
    command
        .args(NO_USER_CONFIG)
        .args(["--command-timeout", "5s", "--address"])
        .arg(format!("127.0.0.1:{}", options.port))
        .arg("operator")
        .args(words.iter().map(OsStr::new));
    let mut command = Command::from(command);
    command.kill_on_drop(true);
    command
        .output()
        .await
        .map_err(|source| StartError::Run { program: bin.path.display().to_string(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_attribute_is_missing_unless_a_line_begins_with_it() {
        let listed = "  Name         Type\n  SpProjectId  Keyword\n  SpStateful  Keyword\n";
        let wanted = ["SpProjectId", "SpState"].map(str::to_owned);
        assert_eq!(missing(&wanted, listed), ["SpState"]);
    }
}
