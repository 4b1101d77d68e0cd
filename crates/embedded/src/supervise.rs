//! Keeps an engine running: starts it again when it dies, and reports what happened.
//!
//! The first restart comes after one second and each further one after twice the time, at most half
//! a minute; an engine that has run for a minute starts over at one second. Data and port stay the
//! same, so clients only have to connect again. Stopping works at any moment, also between two
//! attempts. If the receiver of the events is gone, the engine is kept running all the same.

use std::fmt;
use std::future::Future;
use std::process::ExitStatus;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::error::StartError;
use crate::postgres::Postgres;
use crate::process::Stopped;
use crate::temporal::Temporal;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// An engine that ran this long was not broken from the start.
const HEALTHY_AFTER: Duration = Duration::from_mins(1);

/// What happened to a supervised engine. Its text is a line for the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EngineEvent {
    Died { engine: &'static str, how: String, restart_in: Duration },
    RestartFailed { engine: &'static str, reason: String, next_try_in: Duration },
    Restarted { engine: &'static str, down_for: Duration },
}

impl fmt::Display for EngineEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Died { engine, how, restart_in } => {
                write!(f, "{engine} died ({how}), it is started again in {restart_in:?}")
            }
            Self::RestartFailed { engine, reason, next_try_in } => {
                write!(
                    f,
                    "{engine} could not be started again: {reason}. Next try in {next_try_in:?}"
                )
            }
            Self::Restarted { engine, down_for } => {
                write!(f, "{engine} runs again after {:.1} s", down_for.as_secs_f32())
            }
        }
    }
}

/// An engine that can be kept running.
pub trait Engine: Sized + Send + Sync + 'static {
    const NAME: &'static str;
    fn wait_exit(&self) -> impl Future<Output = ExitStatus> + Send;
    fn start_again(&self) -> impl Future<Output = Result<Self, StartError>> + Send;
    fn stop(self) -> impl Future<Output = Stopped> + Send;
}

impl Engine for Postgres {
    const NAME: &'static str = "PostgreSQL";

    async fn wait_exit(&self) -> ExitStatus {
        Self::wait_exit(self).await
    }

    async fn start_again(&self) -> Result<Self, StartError> {
        Self::start_again(self).await
    }

    async fn stop(self) -> Stopped {
        Self::stop(self).await
    }
}

impl Engine for Temporal {
    const NAME: &'static str = "Temporal";

    async fn wait_exit(&self) -> ExitStatus {
        Self::wait_exit(self).await
    }

    async fn start_again(&self) -> Result<Self, StartError> {
        Self::start_again(self).await
    }

    async fn stop(self) -> Stopped {
        Self::stop(self).await
    }
}

/// An engine that is being kept running. Dropping this ends the engine.
#[derive(Debug)]
pub struct Supervised {
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<Stopped>,
}

impl Supervised {
    /// Takes over a running engine.
    #[must_use]
    pub fn keep_running<E: Engine>(engine: E, events: mpsc::UnboundedSender<EngineEvent>) -> Self {
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(keep_running(engine, events, stopped));
        Self { stop: Some(stop), task }
    }

    /// Stops the engine in order and for good.
    pub async fn stop(mut self) -> Stopped {
        if let Some(stop) = self.stop.take() {
            // A task that ended already has nothing to stop.
            let _ = stop.send(());
        }
        // A task that panicked dropped its engine, which kills it.
        (&mut self.task).await.unwrap_or(Stopped::Killed)
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn keep_running<E: Engine>(
    mut engine: E,
    events: mpsc::UnboundedSender<EngineEvent>,
    mut stop: oneshot::Receiver<()>,
) -> Stopped {
    let mut pause = FIRST_PAUSE;
    loop {
        let begin = Instant::now();
        let status = tokio::select! {
            status = engine.wait_exit() => status,
            _ = &mut stop => return engine.stop().await,
        };
        if begin.elapsed() >= HEALTHY_AFTER {
            pause = FIRST_PAUSE;
        }
        let how = status.to_string();
        notify(&events, EngineEvent::Died { engine: E::NAME, how, restart_in: pause });
        let died = Instant::now();
        engine = tokio::select! {
            restarted = restart(&engine, &mut pause, &events) => restarted,
            _ = &mut stop => return Stopped::Orderly,
        };
        notify(&events, EngineEvent::Restarted { engine: E::NAME, down_for: died.elapsed() });
    }
}

/// Tries until it succeeds, and leaves in `pause` how long to wait at the next death.
async fn restart<E: Engine>(
    dead: &E,
    pause: &mut Duration,
    events: &mpsc::UnboundedSender<EngineEvent>,
) -> E {
    loop {
        sleep(*pause).await;
        *pause = (*pause * 2).min(LONGEST_PAUSE);
        match dead.start_again().await {
            Ok(engine) => return engine,
            Err(error) => notify(
                events,
                EngineEvent::RestartFailed {
                    engine: E::NAME,
                    reason: error.with_causes(),
                    next_try_in: *pause,
                },
            ),
        }
    }
}

fn notify(events: &mpsc::UnboundedSender<EngineEvent>, event: EngineEvent) {
    tracing::warn!(%event, "embedded engine");
    // There may be no receiver.
    let _ = events.send(event);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// Dies immediately on request, and cannot be started for the first few attempts.
    struct Till {
        dies: bool,
        failures_left: Arc<AtomicU32>,
    }

    impl Engine for Till {
        const NAME: &'static str = "till";

        async fn wait_exit(&self) -> ExitStatus {
            if !self.dies {
                std::future::pending::<()>().await;
            }
            ExitStatus::default()
        }

        async fn start_again(&self) -> Result<Self, StartError> {
            let failures_left = Arc::clone(&self.failures_left);
            if failures_left.load(Ordering::Relaxed) == 0 {
                return Ok(Self { dies: false, failures_left });
            }
            failures_left.fetch_sub(1, Ordering::Relaxed);
            Err(StartError::PortTaken { port: 7233 })
        }

        async fn stop(self) -> Stopped {
            Stopped::Orderly
        }
    }

    fn dying(failures: u32) -> Till {
        Till { dies: true, failures_left: Arc::new(AtomicU32::new(failures)) }
    }

    #[tokio::test]
    async fn a_failed_restart_is_told_and_tried_again_later() {
        let (sender, mut events) = mpsc::unbounded_channel();
        let supervised = Supervised::keep_running(dying(1), sender);
        let seconds = Duration::from_secs;
        let died = events.recv().await.unwrap();
        assert!(matches!(died, EngineEvent::Died { restart_in, .. } if restart_in == seconds(1)));
        let failed = events.recv().await.unwrap();
        assert_eq!(
            failed.to_string(),
            "till could not be started again: port 7233 on 127.0.0.1 is taken by another program. \
             Next try in 2s"
        );
        let EngineEvent::Restarted { down_for, .. } = events.recv().await.unwrap() else {
            panic!("it was not restarted");
        };
        assert!(down_for >= seconds(3), "{down_for:?}");
        assert_eq!(supervised.stop().await, Stopped::Orderly);
    }

    #[tokio::test]
    async fn an_engine_that_is_down_can_be_stopped_for_good() {
        let (sender, mut events) = mpsc::unbounded_channel();
        let supervised = Supervised::keep_running(dying(u32::MAX), sender);
        events.recv().await.unwrap();
        assert_eq!(supervised.stop().await, Stopped::Orderly);
        assert_eq!(events.recv().await, None);
    }

    #[tokio::test]
    async fn an_engine_is_kept_running_when_nobody_listens() {
        let (sender, _) = mpsc::unbounded_channel();
        let till = Till { dies: false, failures_left: Arc::default() };
        let supervised = Supervised::keep_running(till, sender);
        assert_eq!(supervised.stop().await, Stopped::Orderly);
    }
}
