//! Starts engines so that none of them outlives us, not even after a `kill -9`.
//!
//! The kernel can signal a child when its parent dies (`PR_SET_PDEATHSIG`), and `setpriv` from
//! util-linux asks for that without unsafe code here. But for the kernel the parent is the *thread*
//! that started the child, and a pool thread ends while the process lives on. So every engine is
//! started by one thread, the spawner, which lives as long as the process.
//!
//! Where `setpriv` cannot do it, engines are started without and a warning says what that means.
//! Each engine gets a process group of its own: Ctrl-C in a terminal reaches us only, and we stop
//! the engines in order.

use std::ffi::OsStr;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{OnceLock, mpsc};
use std::thread;

type Request = (Command, mpsc::Sender<io::Result<Child>>);

/// Variables that an engine may see. Ours hold secrets, and Postgres may run as another account.
const PASSED_ON: [&str; 4] = ["PATH", "TMPDIR", "LD_LIBRARY_PATH", "TZDIR"];

/// A command for an engine that gets `death_signal` when this process dies. It gets less of a busy
/// processor the larger `niceness` is, which is 0 for this process.
pub(crate) fn engine_command(program: &OsStr, death_signal: &str, niceness: u8) -> Command {
    let niceness = niceness.to_string();
    let mut words: Vec<&OsStr> = Vec::new();
    if setpriv_works() {
        words.extend(["setpriv", "--pdeathsig", death_signal, "--"].map(OsStr::new));
    }
    if niceness != "0" {
        words.extend(["nice", "-n", &niceness].map(OsStr::new));
    }
    words.push(program);
    let mut command = Command::new(words[0]);
    command.args(&words[1..]);
    clean_environment(&mut command);
    command.process_group(0);
    command
}

/// Starts the command on the spawner's thread.
pub(crate) fn spawn(command: Command) -> io::Result<Child> {
    let (answer, started) = mpsc::channel();
    let gone = || io::Error::other("the thread that starts engines is gone");
    spawner().ok_or_else(gone)?.send((command, answer)).map_err(|_| gone())?;
    started.recv().map_err(|_| gone())?
}

/// Takes away the environment, the terminal and the folder, none of which are an engine's business.
pub(crate) fn clean_environment(command: &mut Command) {
    command.env_clear().current_dir("/").stdin(Stdio::null());
    for name in PASSED_ON {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.env("LC_ALL", "C");
}

fn spawner() -> Option<&'static mpsc::Sender<Request>> {
    static SPAWNER: OnceLock<Option<mpsc::Sender<Request>>> = OnceLock::new();
    let start = || {
        let (sender, requests) = mpsc::channel::<Request>();
        let keep = move || {
            for (mut command, answer) in requests {
                // If no caller waits for the result any more, the child must not live on unseen.
                if let Err(mpsc::SendError(Ok(mut child))) = answer.send(command.spawn()) {
                    let _ = child.kill().and_then(|()| child.wait());
                }
            }
        };
        thread::Builder::new().name("engine keeper".to_owned()).spawn(keep).ok().map(|_| sender)
    };
    SPAWNER.get_or_init(start).as_ref()
}

/// Asked once: the `setpriv` of busybox has no `--pdeathsig`, and some images have none at all.
fn setpriv_works() -> bool {
    static WORKS: OnceLock<bool> = OnceLock::new();
    *WORKS.get_or_init(|| {
        let probe = Command::new("setpriv")
            .args(["--pdeathsig", "SIGTERM", "--", "true"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        let works = probe.is_ok_and(|status| status.success());
        if !works {
            tracing::warn!(
                "setpriv from util-linux is missing: if this process is killed with -9, the \
                 embedded PostgreSQL and Temporal keep running"
            );
        }
        works
    })
}
