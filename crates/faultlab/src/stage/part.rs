//! An API or a worker as a process of its own: the real program, killed, frozen and started again.
//!
//! It dies with this value, and with the lab even if that is killed. All its starts log into one file.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// How long a process may take to end in order: more than the product's own 30 s.
const ENDING: Duration = Duration::from_secs(45);

/// Which part of the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Api,
    Worker,
}

impl Kind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Worker => "worker",
        }
    }
}

/// The process, running or not.
pub struct Part {
    pub kind: Kind,
    /// What it runs; a rolling upgrade changes it.
    pub binary: PathBuf,
    /// Its environment, and nothing else.
    pub settings: BTreeMap<String, String>,
    pub log: PathBuf,
    /// What runs it instead of the system, such as another clock.
    pub launcher: Vec<String>,
    child: Option<Child>,
}

impl Part {
    pub fn new(
        kind: Kind,
        binary: &Path,
        settings: BTreeMap<String, String>,
        log: PathBuf,
    ) -> Self {
        let binary = binary.to_owned();
        Self { kind, binary, settings, log, launcher: Vec::new(), child: None }
    }

    /// Starts it; whether it is ready is another question.
    pub fn start(&mut self) -> anyhow::Result<()> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        let mut words = if setpriv_works() {
            ["setpriv", "--pdeathsig", "SIGKILL", "--"].map(str::to_owned).to_vec()
        } else {
            Vec::new()
        };
        words.extend(self.launcher.iter().cloned());
        words.push(self.binary.display().to_string());
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .arg(self.kind.name())
            .env_clear()
            .envs(&self.settings)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true);
        let started = command.spawn();
        self.child = Some(started.with_context(|| format!("cannot run {}", words.join(" ")))?);
        Ok(())
    }

    /// How it ended by itself, if it did.
    pub fn ended(&mut self) -> anyhow::Result<Option<String>> {
        let Some(child) = &mut self.child else { return Ok(None) };
        Ok(child.try_wait()?.map(|status| status.to_string()))
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let id = self.child.as_ref().and_then(Child::id).context("it does not run")?;
        Ok(kill_process(pid(id)?, signal)?)
    }

    /// `kill -9`; it is gone afterwards.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill().await?;
        }
        Ok(())
    }

    /// Asks it to end, and kills it if it does not. Whether it ended in order.
    pub async fn stop(&mut self) -> anyhow::Result<bool> {
        let Some(mut child) = self.child.take() else { return Ok(true) };
        if child.try_wait()?.is_none()
            && let Some(id) = child.id()
        {
            kill_process(pid(id)?, Signal::TERM)?;
        }
        if let Ok(status) = timeout(ENDING, child.wait()).await {
            return Ok(status?.success());
        }
        child.kill().await?;
        Ok(false)
    }

    /// The end of its log.
    pub fn log_tail(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(10)..].join("\n")
    }
}

/// A process id as the system's calls take it.
pub fn pid(id: u32) -> anyhow::Result<Pid> {
    Pid::from_raw(i32::try_from(id)?).context("no process id")
}

/// The `setpriv` of busybox has no `--pdeathsig`, and some systems have none at all.
fn setpriv_works() -> bool {
    let mut probe = std::process::Command::new("setpriv");
    probe.args(["--pdeathsig", "SIGKILL", "--", "true"]).stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success())
}
