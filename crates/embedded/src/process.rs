//! One running engine: seen when it dies, stopped when asked, killed when forgotten.
//!
//! A thread per engine waits for the exit and reports it through a `watch` channel. It reaps the
//! process only under the lock that signals are sent under, so a signal can never hit another
//! process that got the same id. Stopping asks nicely, waits, and then kills the whole process
//! group. Dropping does the same in a hurry and does not return before the process is gone, so that
//! its files can be removed afterwards.

use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{io, thread};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};
use tokio::sync::watch;

use crate::spawner;

/// How long an engine may take to stop before it is killed.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);
const DROP_TIMEOUT: Duration = Duration::from_secs(5);

/// The two signals that an engine is stopped with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StopSignals {
    /// Finishes in order.
    pub orderly: Signal,
    /// Ends immediately but still cleans up, if the engine has such a signal.
    pub hurried: Signal,
}

/// How an engine ended that was asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    Orderly,
    /// It did not end in ten seconds and was killed. Both engines recover at their next start.
    Killed,
}

#[derive(Debug)]
pub(crate) struct Process {
    name: &'static str,
    pid: Pid,
    signals: StopSignals,
    exit: watch::Receiver<Option<ExitStatus>>,
    reaped: Arc<Mutex<bool>>,
}

impl Process {
    pub fn spawn(name: &'static str, command: Command, signals: StopSignals) -> io::Result<Self> {
        let mut child = spawner::spawn(command)?;
        let pid = Pid::from_child(&child);
        let (notify, exit) = watch::channel(None);
        let reaped = Arc::new(Mutex::new(false));
        let gate = Arc::clone(&reaped);
        // Handed over by a channel, so that the child can still be ended if there is no thread.
        let (hand, take) = std::sync::mpsc::channel::<Child>();
        let wait = move || {
            if let Ok(child) = take.recv() {
                notify.send_replace(Some(wait_and_reap(child, pid, &gate)));
            }
        };
        if let Err(error) = thread::Builder::new().name(format!("{name} waiter")).spawn(wait) {
            child.kill().and_then(|()| child.wait())?;
            return Err(error);
        }
        // The waiter receives exactly once, so this cannot fail.
        let _ = hand.send(child);
        Ok(Self { name, pid, signals, exit, reaped })
    }

    pub fn id(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    pub fn exited(&self) -> Option<ExitStatus> {
        *self.exit.borrow()
    }

    pub async fn wait_exit(&self) -> ExitStatus {
        let mut exit = self.exit.clone();
        match exit.wait_for(Option::is_some).await {
            Ok(status) => status.unwrap_or_default(),
            // The waiter only ends after it reported the status.
            Err(_) => self.exited().unwrap_or_default(),
        }
    }

    pub async fn stop(&self) -> Stopped {
        self.signal(self.signals.orderly);
        if tokio::time::timeout(TIMEOUT, self.wait_exit()).await.is_ok() {
            return Stopped::Orderly;
        }
        tracing::warn!(engine = self.name, "did not stop in {TIMEOUT:?} and is killed");
        self.kill();
        self.wait_exit().await;
        Stopped::Killed
    }

    fn signal(&self, signal: Signal) {
        let reaped = self.reaped.lock().unwrap_or_else(PoisonError::into_inner);
        if !*reaped && let Err(error) = rustix::process::kill_process(self.pid, signal) {
            tracing::warn!(engine = self.name, %error, "cannot be signalled");
        }
    }

    fn kill(&self) {
        let reaped = self.reaped.lock().unwrap_or_else(PoisonError::into_inner);
        // The group has the process's own id, because it was started as its leader.
        if !*reaped && let Err(error) = rustix::process::kill_process_group(self.pid, Signal::KILL)
        {
            tracing::warn!(engine = self.name, %error, "cannot be killed");
        }
    }

    fn exits_within(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        while self.exited().is_none() {
            if Instant::now() >= deadline {
                return false;
            }
            thread::sleep(Duration::from_millis(5));
        }
        true
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.exited().is_some() {
            return;
        }
        self.signal(self.signals.hurried);
        if !self.exits_within(DROP_TIMEOUT) {
            self.kill();
            self.exits_within(DROP_TIMEOUT);
        }
    }
}

/// Waits without reaping first, so that the id stays taken until the lock is held.
fn wait_and_reap(mut child: Child, pid: Pid, reaped: &Mutex<bool>) -> ExitStatus {
    let without_reaping = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    while rustix::process::waitid(WaitId::Pid(pid), without_reaping)
        .is_err_and(|error| error == rustix::io::Errno::INTR)
    {}
    let mut reaped = reaped.lock().unwrap_or_else(PoisonError::into_inner);
    *reaped = true;
    child.wait().unwrap_or_default()
}
