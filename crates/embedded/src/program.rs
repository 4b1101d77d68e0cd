//! A program of the user's that runs beside the engines: a line of a shell in a folder, and all
//! that it starts, as one process group.
//!
//! The group ends with this value, with the program itself, and, after a few seconds, with this
//! process even if that is killed with -9. Unlike an engine it may be anything, such as a package
//! manager that starts a shell that starts the program, and then the kernel's death signal would
//! reach the first of them only. So a watcher in the same group waits for the end of a pipe that
//! this process holds, and then ends the group as [`Program::stop`] does.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

use crate::process::{Stopped, TIMEOUT};

/// `$1` is the line, `$2` the seconds between asking and killing. The shell outlives the request to
/// end, so that the group's end is that of what the line runs; the watcher keeps neither its output
/// open nor what it reads from, and is no job of the shell, for which a line that says `wait` waits.
const WATCHED: &str = r#"
exec 3<&0 </dev/null
( ( trap "" HUP INT TERM; read -r line; kill -TERM 0; sleep "$2"; kill -KILL 0 ) <&3 3<&- >/dev/null 2>&1 & )
exec 3<&-
trap : HUP INT TERM
eval "$1"
"#;

/// A running program, and whatever it has started.
#[derive(Debug)]
pub struct Program {
    child: Child,
    group: Pid,
    /// Its end is what the watcher waits for.
    held: Option<ChildStdin>,
}

/// How a [`Program`] is started.
#[derive(Debug, Clone)]
pub struct ProgramOptions<'a> {
    /// As a shell reads it.
    pub line: &'a str,
    pub folder: &'a Path,
    /// What its environment has beside ours.
    pub set: Vec<(&'static str, OsString)>,
    /// What it has not of ours.
    pub unset: Vec<OsString>,
}

impl Program {
    /// Starts it; the two pipes are what it prints.
    ///
    /// # Errors
    /// When there is no shell, or no such folder. A program that is not there ends with exit code
    /// 127.
    pub fn start(options: &ProgramOptions<'_>) -> io::Result<(Self, ChildStdout, ChildStderr)> {
        let mut command = Command::new("sh");
        command
            .args(["-c", WATCHED, "sh", options.line, &TIMEOUT.as_secs().to_string()])
            .current_dir(options.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        for name in &options.unset {
            command.env_remove(name);
        }
        command.envs(options.set.iter().map(|(name, value)| (name, value)));
        let mut child = command.spawn()?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let (Some(group), (held, Some(stdout), Some(stderr))) = (group, pipes) else {
            return Err(io::Error::other("the program has no id or prints nowhere"));
        };
        Ok((Self { child, group, held }, stdout, stderr))
    }

    /// Waits until it ends, and ends what it leaves behind.
    ///
    /// # Errors
    /// When the system does not say how it ended.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await?;
        self.held = None;
        self.signal(Signal::KILL);
        Ok(status)
    }

    /// Asks it to end, and kills what has not ended in ten seconds.
    pub async fn stop(mut self) -> Stopped {
        self.signal(Signal::TERM);
        match tokio::time::timeout(TIMEOUT, self.child.wait()).await {
            Ok(_) => Stopped::Orderly,
            Err(_) => Stopped::Killed,
        }
    }

    /// Sends this to all of its group.
    pub fn signal(&self, signal: Signal) {
        // There may be none left.
        let _ = rustix::process::kill_process_group(self.group, signal);
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, Lines};

    use super::*;

    /// Prints its own id and that of what it has started, which prints it itself: a child that runs no program yet
    /// would lose the signal to its shell's trap.
    const PARENT: &str = "echo $$; sh -c 'echo $$; exec sleep 1000' & wait";

    fn start(
        line: &str,
        set: Vec<(&'static str, OsString)>,
    ) -> (Program, Lines<BufReader<ChildStdout>>) {
        let options =
            ProgramOptions { line, folder: Path::new("/"), set, unset: vec!["HOME".into()] };
        let (program, stdout, mut stderr) = Program::start(&options).unwrap();
        // A shell that says that a signal ended a command of its own ends itself where nobody reads.
        tokio::spawn(async move { tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await });
        (program, BufReader::new(stdout).lines())
    }

    async fn ids(lines: &mut Lines<BufReader<ChildStdout>>) -> [Pid; 2] {
        let mut id = async || {
            let line = lines.next_line().await.unwrap().unwrap();
            Pid::from_raw(line.parse().unwrap()).unwrap()
        };
        [id().await, id().await]
    }

    async fn gone(ids: [Pid; 2]) {
        for id in ids {
            let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
            while rustix::process::test_kill_process(id).is_ok() && !is_zombie(id) {
                assert!(tokio::time::Instant::now() < deadline, "{id:?} still runs");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }

    /// Nobody may reap what a container's first process has inherited.
    fn is_zombie(id: Pid) -> bool {
        let path = format!("/proc/{}/stat", id.as_raw_nonzero());
        std::fs::read_to_string(path).is_ok_and(|stat| stat.contains(") Z "))
    }

    #[tokio::test]
    async fn it_gets_the_environment_that_was_said_and_its_output_ends_with_it() {
        let (mut program, mut lines) =
            start("echo $WHAT; echo ${HOME-none}; exit 3", vec![("WHAT", "a b".into())]);
        assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("a b"));
        assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("none"));
        assert_eq!(program.wait().await.unwrap().code(), Some(3));
        let mut rest = String::new();
        lines.into_inner().read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "");
    }

    #[tokio::test]
    async fn it_ends_with_all_that_it_has_started_when_it_is_stopped() {
        let (program, mut lines) = start(PARENT, Vec::new());
        let ids = ids(&mut lines).await;
        assert_eq!(program.stop().await, Stopped::Orderly);
        gone(ids).await;
    }

    #[tokio::test]
    async fn a_line_may_wait_for_all_that_it_has_started() {
        let (mut program, mut lines) = start("sleep 0.1 & wait; echo all ended", Vec::new());
        let ended = tokio::time::timeout(Duration::from_secs(30), program.wait()).await;
        assert_eq!(ended.expect("it waits for what it has not started").unwrap().code(), Some(0));
        assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("all ended"));
    }

    #[tokio::test]
    async fn it_may_finish_what_it_does_when_it_is_stopped() {
        let (program, mut lines) = start(
            "sh -c 'trap \"sleep 0.3; echo finished; exit\" TERM; echo ready; while :; do sleep 0.1; done'",
            Vec::new(),
        );
        assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("ready"));
        assert_eq!(program.stop().await, Stopped::Orderly);
        assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("finished"));
    }

    #[tokio::test]
    async fn it_ends_with_all_that_it_has_started_when_it_is_forgotten() {
        let (program, mut lines) = start(PARENT, Vec::new());
        let ids = ids(&mut lines).await;
        drop(program);
        gone(ids).await;
    }

    #[tokio::test]
    async fn it_ends_with_all_that_it_has_started_when_nobody_holds_it_any_more() {
        let (mut program, mut lines) = start(PARENT, Vec::new());
        let ids = ids(&mut lines).await;
        // What the kernel does for a process that was killed.
        drop(program.held.take());
        program.child.wait().await.unwrap();
        gone(ids).await;
    }

    #[tokio::test]
    async fn what_it_leaves_behind_ends_with_it() {
        let (mut program, mut lines) = start("sleep 1000 & echo $$; echo $!", Vec::new());
        let ids = ids(&mut lines).await;
        program.wait().await.unwrap();
        gone(ids).await;
    }
}
