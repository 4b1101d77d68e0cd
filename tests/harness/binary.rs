//! The real binary, as a process of its own: for what only a process can show, such as dying.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::Context as _;
use serde_json::Value;
use tokio::process::{Child, Command};

use crate::World;

/// A part of the product in its own process. It dies with this value.
pub struct Part {
    child: Child,
}

impl Part {
    /// What it holds in memory, in KiB.
    ///
    /// # Errors
    /// When it has ended, or this is no Linux.
    pub fn resident(&self) -> anyhow::Result<u64> {
        let pid = self.child.id().context("it ended before")?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().nth(1)).context("no VmRSS")?;
        Ok(kib.parse()?)
    }

    /// Kills the part as `kill -9` does, and waits until it is gone.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Asks the part to end, as a supervisor does, and gives its exit code once it has ended.
    ///
    /// # Errors
    /// When it cannot be signalled.
    pub async fn end(mut self) -> anyhow::Result<Option<i32>> {
        let pid = i32::try_from(self.child.id().context("it ended before")?)?;
        let pid = rustix::process::Pid::from_raw(pid).context("a process id")?;
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        Ok(self.child.wait().await?.code())
    }
}

/// What a part logs; the file goes with this value.
pub struct Log(tempfile::NamedTempFile);

impl Log {
    /// Everything so far.
    ///
    /// # Panics
    /// When it cannot be read.
    #[must_use]
    pub fn text(&self) -> String {
        std::fs::read_to_string(self.0.path()).expect("the log")
    }
}

/// Where the binary is: beside the tests, where `make test` has built it.
///
/// # Errors
/// When it was not built.
pub fn path() -> anyhow::Result<PathBuf> {
    let tests = std::env::current_exe()?;
    let profile = tests.ancestors().nth(2).context("the folder of the build")?;
    let path = profile.join("sendpromptly");
    anyhow::ensure!(path.exists(), "{} is missing: run `cargo build --workspace`", path.display());
    Ok(path)
}

impl World {
    /// A command of the binary in this world, which the test may change before it runs.
    ///
    /// # Errors
    /// When the binary was not built.
    pub fn command(&self, arguments: &[&str]) -> anyhow::Result<Command> {
        let mut command = Command::new(path()?);
        command
            .args(arguments)
            .env_clear()
            .env("DATABASE_URL", &self.database_url)
            .env("SENDPROMPTLY_MASTER_KEY", &self.master_key)
            .env("SENDPROMPTLY_CALLBACK_ALLOW", "127.0.0.0/8")
            .env("SENDPROMPTLY_LOG", "warn")
            .env("SENDPROMPTLY_METRICS_LISTEN", "off")
            .env("SMTP_URL", self.mailbox.url())
            .env("MAIL_FROM", "alerts@cometcart.test")
            .env("TEMPORAL_ADDRESS", &self.temporal_address)
            .env("TEMPORAL_NAMESPACE", embedded::NAMESPACE)
            .env("USER", "bob")
            .envs(self.variables.iter().copied())
            .current_dir(std::env::temp_dir())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        if let Some(authority) = self.mailbox.authority() {
            command.env("SSL_CERT_FILE", authority);
        }
        Ok(command)
    }

    /// Runs a command with `--json` and gives its exit code and what it printed.
    ///
    /// # Errors
    /// When it cannot be run or prints no JSON.
    pub async fn cli(&self, arguments: &[&str]) -> anyhow::Result<(i32, Value)> {
        let output = self.command(arguments)?.arg("--json").output().await?;
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        let printed = serde_json::from_slice(&output.stdout)
            .with_context(|| format!("{arguments:?} printed no JSON: {errors}"))?;
        Ok((output.status.code().context("an exit code")?, printed))
    }

    /// Starts `worker` as a process of its own.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn_worker(&self) -> anyhow::Result<Part> {
        Ok(Part { child: self.command(&["worker"])?.spawn()? })
    }

    /// Starts `api` as a process of its own, where this world's API would be.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn_api(&self) -> anyhow::Result<Part> {
        Ok(Part { child: self.part("api", &[])?.spawn()? })
    }

    /// A service as a process of its own with further settings, and what it logs.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn_logged(
        &self,
        service: &str,
        settings: &[(&str, &str)],
    ) -> anyhow::Result<(Part, Log)> {
        let log = Log(tempfile::NamedTempFile::new()?);
        let child = self.part(service, settings)?.stderr(log.0.reopen()?).spawn()?;
        Ok((Part { child }, log))
    }

    fn part(&self, service: &str, settings: &[(&str, &str)]) -> anyhow::Result<Command> {
        let mut command = self.command(&[service])?;
        command
            .env("SENDPROMPTLY_LISTEN", self.url.trim_start_matches("http://"))
            .envs(settings.iter().copied());
        Ok(command)
    }

    /// Runs a command with `--json`, further settings and something to read; gives its exit code,
    /// what it printed and what it logged.
    ///
    /// # Errors
    /// When it cannot be run or prints no JSON.
    pub async fn cli_with(
        &self,
        arguments: &[&str],
        settings: &[(&str, &str)],
        stdin: &str,
    ) -> anyhow::Result<(i32, Value, String)> {
        let mut command = self.command(arguments)?;
        command.arg("--json").envs(settings.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let mut input = child.stdin.take().context("standard input")?;
        // A command that reads nothing may have ended by now.
        let _ = tokio::io::AsyncWriteExt::write_all(&mut input, stdin.as_bytes()).await;
        drop(input);
        let output = child.wait_with_output().await?;
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        let printed = serde_json::from_slice(&output.stdout)
            .with_context(|| format!("{arguments:?} printed no JSON: {errors}"))?;
        Ok((output.status.code().context("an exit code")?, printed, errors))
    }
}
