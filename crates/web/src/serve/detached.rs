//! Work that must not end with its connection.
//!
//! A handler is a future that others may drop at any of its awaits: the protocol when the
//! connection fails, a layer with a time-out, the server when the drain time is over. Work that is
//! half done then would stay half done. [`Detached::run`] moves it to a task of its own: the
//! handler waits for it, but dropping the handler does not stop it. The drain of [`super::serve`]
//! waits for these tasks; one that outlasts it ends with the process.

use std::future::Future;

use telemetry::trace;
use tokio_util::task::TaskTracker;

use crate::error::ApiError;
use crate::response::message_of;

/// The detached work of one server. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Detached {
    tasks: TaskTracker,
}

impl Detached {
    /// Starts the work immediately and returns a future of its result.
    ///
    /// Dropping that future leaves the work running.
    ///
    /// # Errors
    /// What the work returns; [`ApiError::Internal`] if it panics.
    pub fn run<T, W>(&self, work: W) -> impl Future<Output = W::Output> + Send + use<T, W>
    where
        T: Send + 'static,
        W: Future<Output = Result<T, ApiError>> + Send + 'static,
    {
        let task = self.tasks.spawn(trace::in_current(work));
        async move {
            match task.await {
                Ok(result) => result,
                Err(failed) => Err(ApiError::internal(match failed.try_into_panic() {
                    Ok(panic) => message_of(panic),
                    Err(cancelled) => cancelled.to_string(),
                })),
            }
        }
    }

    /// Starts work that is no single request's.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(work);
    }

    /// How many tasks are running.
    #[must_use]
    pub fn running(&self) -> usize {
        self.tasks.len()
    }

    /// Waits until nothing is running any more.
    pub(crate) async fn ended(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::sync::oneshot;
    use tokio::time::timeout;

    const SOON: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn the_result_comes_back() {
        let result = Detached::default().run(async { Ok("committed") }).await;
        assert_eq!(result.expect("a result"), "committed");
    }

    #[tokio::test]
    async fn an_error_comes_back_as_it_was() {
        let work = async { Err::<(), _>(ApiError::not_found("no such thing")) };
        let error = Detached::default().run(work).await.expect_err("rejected");
        assert_eq!(error.code(), "not_found");
    }

    #[tokio::test]
    async fn a_panic_is_an_internal_error_that_shows_nothing() {
        let work = async { panic!("the secret of alice") };
        let error = Detached::default().run::<(), _>(work).await.expect_err("failed");
        assert_eq!(error.code(), "internal_error");
        assert!(!error.to_string().contains("alice"));
    }

    #[tokio::test]
    async fn dropping_the_handler_does_not_stop_the_work() {
        let detached = Detached::default();
        let (go, started) = oneshot::channel::<()>();
        let (committed, done) = oneshot::channel();
        let handler = detached.run(async move {
            let _ = started.await;
            let _ = committed.send("committed");
            Ok(())
        });
        drop(handler);
        go.send(()).expect("the work is waiting");
        let done = timeout(SOON, done).await.expect("in time");
        assert_eq!(done, Ok("committed"));
    }

    #[tokio::test]
    async fn ending_waits_for_the_work() {
        let detached = Detached::default();
        let (go, started) = oneshot::channel::<()>();
        drop(detached.run(async move {
            let _ = started.await;
            Ok(())
        }));
        let early = timeout(Duration::from_millis(20), detached.ended()).await;
        assert!(early.is_err(), "the work is still running");
        go.send(()).expect("the work is waiting");
        timeout(SOON, detached.ended()).await.expect("in time");
        assert_eq!(detached.running(), 0);
    }
}
