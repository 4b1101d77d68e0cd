//! `sendpromptly dev` as a newcomer runs it: a process in a folder of its own.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::Context as _;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::binary;

/// The ports of one `dev`.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    pub api: u16,
    pub postgres: u16,
    pub temporal: u16,
    /// Temporal's web interface.
    pub ui: u16,
}

impl Ports {
    /// Four ports that are free at the moment.
    ///
    /// # Errors
    /// When the system has none.
    pub fn free() -> anyhow::Result<Self> {
        let free = embedded::free_port;
        Ok(Self { api: free()?, postgres: free()?, temporal: free()?, ui: free()? })
    }

    /// Those that something listens on.
    #[must_use]
    pub fn taken(self) -> Vec<u16> {
        let all = [self.api, self.postgres, self.temporal, self.ui];
        all.into_iter().filter(|port| !embedded::port_is_free(*port)).collect()
    }
}

/// A running `dev`. It dies with this value, and so do its engines.
pub struct Dev {
    child: Child,
    log: PathBuf,
    /// The line that it printed when it was ready.
    pub ready: Value,
}

impl Dev {
    /// Starts `dev` and waits until it is ready.
    ///
    /// # Errors
    /// When it ends before that.
    pub async fn start(folder: &TempDir, ports: Ports) -> anyhow::Result<Self> {
        Self::start_with(folder, ports, &[]).await
    }

    /// The same with more arguments.
    ///
    /// # Errors
    /// When it ends before it is ready.
    pub async fn start_with(folder: &TempDir, ports: Ports, more: &[&str]) -> anyhow::Result<Self> {
        let log = folder.path().join("dev.log");
        let mut command = command(folder.path(), ports)?;
        command.args(more);
        command.stdout(Stdio::piped()).stderr(File::create(&log)?);
        let mut child = command.spawn()?;
        let output = child.stdout.take().context("standard output")?;
        let line = BufReader::new(output).lines().next_line().await?;
        let Some(line) = line else {
            anyhow::bail!("dev ended before it was ready: {}", std::fs::read_to_string(&log)?);
        };
        let ready = serde_json::from_str(&line)?;
        Ok(Self { child, log, ready })
    }

    /// What it said so far, on standard error.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id().unwrap_or_default()
    }

    /// Kills it as `kill -9` does.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Ends it as Ctrl-C does, and gives its exit code.
    ///
    /// # Errors
    /// When it cannot be signalled.
    pub async fn interrupt(mut self) -> anyhow::Result<Option<i32>> {
        let pid = i32::try_from(self.pid())?;
        let pid = rustix::process::Pid::from_raw(pid).context("a process id")?;
        rustix::process::kill_process(pid, rustix::process::Signal::INT)?;
        Ok(self.child.wait().await?.code())
    }
}

/// A `dev` that is expected not to start: its exit code and what it said.
///
/// # Errors
/// When it cannot be run.
pub async fn rejected(folder: &TempDir, ports: Ports) -> anyhow::Result<(Option<i32>, String)> {
    rejected_with(folder, ports, &[]).await
}

/// The same with more arguments.
///
/// # Errors
/// When it cannot be run.
pub async fn rejected_with(
    folder: &TempDir,
    ports: Ports,
    more: &[&str],
) -> anyhow::Result<(Option<i32>, String)> {
    let output = command(folder.path(), ports)?.args(more).output().await?;
    let printed = [output.stdout, output.stderr].concat();
    Ok((output.status.code(), String::from_utf8_lossy(&printed).into_owned()))
}

fn command(folder: &Path, ports: Ports) -> anyhow::Result<Command> {
    let mut command = Command::new(binary::path()?);
    command
        .args(["dev", "--json", "--listen", &format!("127.0.0.1:{}", ports.api)])
        .args(["--postgres-port", &ports.postgres.to_string()])
        .args(["--temporal-port", &ports.temporal.to_string()])
        .args(["--temporal-ui-port", &ports.ui.to_string()])
        .env("SENDPROMPTLY_METRICS_LISTEN", "off")
        // What leads Temporal's tools elsewhere leads dev nowhere else.
        .env("TEMPORAL_API_KEY", "of-another-temporal")
        .env_remove("DATABASE_URL")
        .env_remove("SENDPROMPTLY_MASTER_KEY")
        .env_remove("SMTP_URL")
        .current_dir(folder)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    Ok(command)
}
