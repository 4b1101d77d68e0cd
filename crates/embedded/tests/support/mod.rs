//! Signals, deadlines, and tests that play a second role in a process of their own.
//!
//! A test that must be killed, or must run as someone else, starts its own test program again for
//! that one test, with a variable that gives it the other role.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use embedded::{Engines, scratch_dir};
use rustix::process::{Pid, Signal, geteuid, kill_process, test_kill_process};

const ROLE: &str = "EMBEDDED_TEST_ROLE";
const NOBODY: u32 = 65534;

pub fn is_root() -> bool {
    geteuid().is_root()
}

pub fn kill(pid: u32) {
    kill_process(to_pid(pid), Signal::KILL).unwrap();
}

pub fn is_alive(pid: u32) -> bool {
    test_kill_process(to_pid(pid)).is_ok()
}

pub fn until(what: &str, done: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Whether this process was started to play the second role of the test.
pub fn role(test: &str) -> bool {
    std::env::var(ROLE).is_ok_and(|role| role == test)
}

/// A child that is killed when the test fails.
pub struct Role(Child);

impl Role {
    pub fn kill_hard(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the second role and waits for a line of its output.
pub fn spawn_role(test: &str, prefix: &str) -> (Role, String) {
    let mut command = again(&std::env::current_exe().unwrap(), test);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let role = Role(child);
    let line = output.lines().map(Result::unwrap).find(|line| line.starts_with(prefix));
    (role, line.unwrap())
}

/// Plays the second role as an unprivileged user, if the tests run as root.
pub fn run_role_as_ordinary_user(test: &str, engines: &Engines) -> ExitStatus {
    // The user may not be able to reach the build folder.
    let folder = scratch_dir().unwrap();
    let program = folder.path().join("tests");
    // Not copied by ourselves: a child that another test starts in the meantime would hold the copy
    // open for writing, and such a program cannot be run.
    let copied = Command::new("cp").arg(std::env::current_exe().unwrap()).arg(&program).status();
    assert!(copied.unwrap().success());
    let mut command = again(&program, test);
    command
        .current_dir("/")
        .env("SENDPROMPTLY_POSTGRES_BIN_DIR", &engines.postgres.dir)
        .env("SENDPROMPTLY_TEMPORAL_BIN", &engines.temporal.path)
        .env("HOME", "/nonexistent")
        .env("TMPDIR", "/tmp");
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command.status().unwrap()
}

fn again(program: &Path, test: &str) -> Command {
    let mut command = Command::new(program);
    command.args(["--exact", test, "--nocapture"]).env(ROLE, test);
    command
}

fn to_pid(pid: u32) -> Pid {
    Pid::from_raw(pid.try_into().unwrap()).unwrap()
}
