//! The `sendpromptly dev` that is measured: started in a folder of its own, ended in every case.
//!
//! It is asked to end, and killed if it does not. If this process is killed, the kernel asks it to
//! end (`PR_SET_PDEATHSIG`, by `setpriv`; the thread that started it is the main thread, which
//! lives as long as the process). Its engines end with it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use api_types::keys::CreatedKey;
use domain::ids::ProjectId;
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{Instant, timeout};

/// The first start makes a database, and may have to install the engines.
const START_TIMEOUT: Duration = Duration::from_mins(5);
const STOP_TIMEOUT: Duration = Duration::from_mins(1);
/// Variables that would make it another `dev` than the one that people start.
const NOT_PASSED_ON: [&str; 5] = [
    "DATABASE_URL",
    "SMTP_URL",
    "SENDPROMPTLY_MASTER_KEY",
    "SENDPROMPTLY_METRICS_LISTEN",
    "SENDPROMPTLY_PUBLIC_URL",
];
/// And the beginning of those that would have it export traces.
const NOT_PASSED_ON_EITHER: &str = "OTEL_";

/// A setting by its name in the environment.
pub type Setting = (&'static str, String);

/// A running `dev`.
pub struct Dev {
    child: Child,
    /// Where everything is.
    pub ready: Ready,
    /// From the start of the process until it was ready.
    pub ready_after: Duration,
    binary: PathBuf,
    settings: Vec<Setting>,
    // Last, because the process must be gone before its folder is.
    folder: TempDir,
}

/// What `dev --json` says.
#[derive(Deserialize)]
pub struct Ready {
    /// The API.
    pub url: String,
    /// Temporal's `host:port`.
    pub temporal_address: String,
    pub temporal_namespace: String,
    pub database_url: String,
    pub project_id: ProjectId,
}

impl Dev {
    /// Starts that program in a folder of its own, with these settings, and waits until it is ready.
    pub async fn start(binary: &Path, settings: Vec<Setting>) -> anyhow::Result<Self> {
        Self::start_in(binary, settings, embedded::scratch_dir()?).await
    }

    /// Starts it again in the folder in which it ran.
    pub async fn restart(self) -> anyhow::Result<Self> {
        let Self { child, folder, binary, settings, .. } = self;
        end(child).await?;
        Self::start_in(&binary, settings, folder).await
    }

    async fn start_in(
        binary: &Path,
        settings: Vec<Setting>,
        folder: TempDir,
    ) -> anyhow::Result<Self> {
        let begin = Instant::now();
        let log = std::fs::File::create(folder.path().join("dev.log"))?;
        let mut child = command(binary, folder.path())
            .args(ports()?)
            .envs(settings.iter().map(|setting| (setting.0, &setting.1)))
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot run {}", binary.display()))?;
        let Some(said) = child.stdout.take() else { bail!("dev has no standard output") };
        let mut lines = BufReader::new(said).lines();
        let line = timeout(START_TIMEOUT, lines.next_line()).await;
        let line = line.context("dev does not get ready")??;
        let line = line.with_context(|| format!("dev ended:\n{}", tail_of(folder.path())))?;
        let ready = serde_json::from_str(&line).with_context(|| format!("dev said {line}"))?;
        let ready_after = begin.elapsed();
        let binary = binary.to_owned();
        Ok(Self { child, ready, ready_after, binary, settings, folder })
    }

    /// Its process: API and worker, without the engines.
    pub fn pid(&self) -> anyhow::Result<u32> {
        self.child.id().context("dev has ended")
    }

    /// Makes API keys for the project, as its owner would.
    pub async fn make_keys(&self, count: u32) -> anyhow::Result<Vec<String>> {
        let project = self.ready.project_id.to_string();
        let mut keys = Vec::new();
        for number in 0..count {
            let label = format!("loadtest {number}");
            let words = ["key", "create", "--project", &project, "--label", &label];
            keys.push(self.administer::<CreatedKey>(&words).await?.key);
        }
        Ok(keys)
    }

    /// The end of what it said on standard error.
    pub fn log_tail(&self) -> String {
        tail_of(self.folder.path())
    }

    /// Asks it to end and waits for it.
    pub async fn stop(self) -> anyhow::Result<()> {
        end(self.child).await
    }

    /// Runs a command of the same program, as its owner would, and gives what it says.
    pub async fn administer<T: DeserializeOwned>(&self, words: &[&str]) -> anyhow::Result<T> {
        let mut command = Command::new(&self.binary);
        command.args(words).arg("--json").arg("--data-dir").arg(self.folder.path());
        let output = without_our_settings(&mut command).kill_on_drop(true).output().await?;
        let said = String::from_utf8_lossy(&output.stdout);
        anyhow::ensure!(output.status.success(), "{words:?}: {said}");
        serde_json::from_str(&said).with_context(|| format!("{words:?} said {said}"))
    }
}

async fn end(mut child: Child) -> anyhow::Result<()> {
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(pid) = pid {
        kill_process(pid, Signal::TERM)?;
    }
    if timeout(STOP_TIMEOUT, child.wait()).await.is_err() {
        child.kill().await?;
    }
    Ok(())
}

fn command(binary: &Path, folder: &Path) -> Command {
    let mut command = if setpriv_works() {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "SIGTERM", "--"]).arg(binary);
        command
    } else {
        Command::new(binary)
    };
    command.args(["dev", "--json", "--data-dir"]).arg(folder);
    without_our_settings(&mut command).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// The `setpriv` of busybox has no `--pdeathsig`, and some systems have none at all.
fn setpriv_works() -> bool {
    let mut probe = std::process::Command::new("setpriv");
    probe.args(["--pdeathsig", "SIGTERM", "--", "true"]).stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success())
}

fn without_our_settings(command: &mut Command) -> &mut Command {
    let given = std::env::vars_os().map(|(name, _)| name);
    let is_about_traces =
        |name: &OsString| name.as_encoded_bytes().starts_with(NOT_PASSED_ON_EITHER.as_bytes());
    for name in given.filter(is_about_traces).chain(NOT_PASSED_ON.map(OsString::from)) {
        command.env_remove(name);
    }
    command
}

fn ports() -> anyhow::Result<Vec<String>> {
    let mut arguments =
        vec!["--listen".to_owned(), format!("127.0.0.1:{}", embedded::free_port()?)];
    for flag in ["--postgres-port", "--temporal-port", "--temporal-ui-port"] {
        arguments.extend([flag.to_owned(), embedded::free_port()?.to_string()]);
    }
    Ok(arguments)
}

fn tail_of(folder: &Path) -> String {
    let text = std::fs::read_to_string(folder.join("dev.log")).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(10)..].join("\n")
}
