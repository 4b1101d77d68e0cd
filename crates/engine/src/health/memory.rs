//! What checks found holds for a while, so that they are not made for each request.
//!
//! What may be silent for long is asked beside the request: a request that has waited for half a
//! second is told what was found before, within a minute, and the checks come to their end without
//! it. The first one of a process, and one after a pause, waits for them.

use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tokio::time::timeout;

use super::Check;

/// For how long what was found is not asked again.
const MEMORY: Duration = Duration::from_secs(5);
/// How long who can be told what was found before waits. Probes of Kubernetes wait for a second.
const ASK_TIMEOUT: Duration = Duration::from_millis(500);
/// How long ago that may have been found.
const OLDEST: Duration = Duration::from_mins(1);

/// What some checks found, and when. A request that comes while they are made waits for them.
#[derive(Default)]
pub(super) struct Memory {
    found: StdMutex<Option<(Instant, Vec<Check>)>>,
    /// Held by the one who asks.
    asking: Mutex<()>,
}

impl Memory {
    pub(super) async fn get(&self, checks: impl Future<Output = Vec<Check>>) -> Vec<Check> {
        let _alone = self.asking.lock().await;
        if let Some(checks) = self.within(MEMORY) {
            return checks;
        }
        let checks = checks.await;
        *self.found() = Some((Instant::now(), checks.clone()));
        checks
    }

    /// What was found, if that is no longer ago.
    fn within(&self, at_most: Duration) -> Option<Vec<Check>> {
        let found = self.found();
        let (_, checks) = found.as_ref().filter(|(at, _)| at.elapsed() < at_most)?;
        Some(checks.clone())
    }

    fn found(&self) -> MutexGuard<'_, Option<(Instant, Vec<Check>)>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As [`Memory::get`], of what may be silent for long.
pub(super) async fn get_soon(
    memory: &Arc<Memory>,
    checks: impl Future<Output = Vec<Check>> + Send + 'static,
) -> Vec<Check> {
    let asked = Arc::clone(memory);
    let mut asking = tokio::spawn(async move { asked.get(checks).await });
    if let Ok(asked) = timeout(ASK_TIMEOUT, &mut asking).await {
        return asked.unwrap_or_default();
    }
    match memory.within(OLDEST) {
        Some(checks) => checks,
        None => asking.await.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::sync::oneshot;
    use tokio::time::sleep;

    use super::*;

    /// Long before what is silent would be given up, also on a busy machine.
    const SOON: Duration = Duration::from_secs(20);

    fn found(detail: &str) -> Vec<Check> {
        vec![Check::ok("a", detail)]
    }

    /// What was found a while ago.
    fn remembered(age: Duration) -> Arc<Memory> {
        let at = Instant::now().checked_sub(age).expect("a machine that runs for minutes");
        let memory = Memory { found: StdMutex::new(Some((at, found("1")))), ..Memory::default() };
        Arc::new(memory)
    }

    #[tokio::test]
    async fn what_was_found_a_moment_ago_is_not_asked_again() {
        let memory = Memory::default();
        let first = memory.get(async { found("1") }).await;
        let again = memory.get(async { panic!("asked again") }).await;
        assert_eq!(first, again);
    }

    #[tokio::test]
    async fn nobody_waits_for_what_is_silent_and_was_found_before() {
        let memory = remembered(MEMORY);
        let silent = timeout(SOON, get_soon(&memory, pending())).await;
        assert_eq!(silent, Ok(found("1")));
        let next = timeout(SOON, get_soon(&memory, pending())).await;
        assert_eq!(next, Ok(found("1")), "nor for one who waits for it already");
    }

    #[tokio::test]
    async fn what_comes_late_is_there_for_the_next_one() {
        let memory = remembered(MEMORY);
        let (answer, late) = oneshot::channel();
        let late = async { late.await.expect("an answer") };
        assert_eq!(get_soon(&memory, late).await, found("1"));
        answer.send(found("2")).expect("one who waits");
        let next = memory.get(async { panic!("asked again") }).await;
        assert_eq!(next, found("2"));
    }

    #[tokio::test]
    async fn what_was_found_too_long_ago_is_waited_for() {
        let late = async {
            sleep(ASK_TIMEOUT + ASK_TIMEOUT / 5).await;
            found("2")
        };
        assert_eq!(get_soon(&remembered(OLDEST), late).await, found("2"));
    }
}
