//! The browser's process: started with two pipes, ended with this value, profile and all.
//!
//! It ends by itself when its pipes are closed, and so also when this process is killed; only its
//! profile in the folder for temporary files is left then.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustix::process::{Pid, Signal};
use tempfile::TempDir;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// The browser reads commands from its descriptor 3 and responds on 4; nothing else can be set
/// there without unsafe code.
const ONTO_3_AND_4: &str = r#"exec "$0" "$@" 3<&0 4>&1 0</dev/null 1>/dev/null"#;

const FLAGS: [&str; 16] = [
    "--remote-debugging-pipe",
    "--headless=new",
    // The pages are ours, and neither root nor every container has what the sandbox needs.
    "--no-sandbox",
    // Containers give /dev/shm 64 MB, and some of them none.
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--hide-scrollbars",
    "--lang=en-US",
    // A page that asks for another host must not get there.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost, EXCLUDE *.localhost",
    // Several pages are in use concurrently, so none of them may be slowed down as being out of
    // sight.
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    // What it does on its own account.
    "--no-first-run",
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-component-update",
    "--disable-sync",
];

const LOG: &str = "stderr.log";
const END_TIMEOUT: Duration = Duration::from_secs(3);

/// What the browser is spoken to with.
pub(super) type Pipes = (ChildStdin, ChildStdout);

pub(super) struct Process {
    child: Child,
    home: TempDir,
}

impl Process {
    pub fn start(program: &Path) -> anyhow::Result<(Self, Pipes)> {
        let home = tempfile::Builder::new().prefix("browser-").tempdir()?;
        let mut command = Command::new("sh");
        command
            .args(["-c", ONTO_3_AND_4])
            .arg(program)
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", home.path().join("profile").display()))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", home.path())
            .env("TMPDIR", home.path())
            .env("TZ", "UTC")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(home.path().join(LOG))?)
            .process_group(0)
            .kill_on_drop(true);
        let mut child = command.spawn().with_context(|| format!("run {}", program.display()))?;
        let stdin = child.stdin.take().context("standard input")?;
        let stdout = child.stdout.take().context("standard output")?;
        Ok((Self { child, home }, (stdin, stdout)))
    }

    fn ends_within(&mut self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        true
    }

    /// The end of what it said on standard error.
    pub fn last_words(&self) -> String {
        let said = std::fs::read_to_string(self.home.path().join(LOG)).unwrap_or_default();
        let lines: Vec<&str> = said.lines().rev().take(10).collect();
        format!("the browser said: {}", lines.into_iter().rev().collect::<Vec<_>>().join("\n"))
    }
}

impl Drop for Process {
    /// The pipes are closed by now, at which the browser ends in order. Returns when it is gone, so
    /// that its profile can be removed.
    fn drop(&mut self) {
        if !self.ends_within(END_TIMEOUT) {
            let pid = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
            // It may have ended in this moment.
            let _ = pid.map(|group| rustix::process::kill_process_group(group, Signal::KILL));
            self.ends_within(END_TIMEOUT);
        }
    }
}
