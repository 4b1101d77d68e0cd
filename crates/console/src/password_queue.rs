//! Passwords are queued: each keeps a core and 19 MiB busy for a while, and receipts come first.
//!
//! A slot is freed with the end of its work and not with its request, so that clients who hang up
//! do not start more work than there are slots. A request that comes when too many wait already is
//! rejected immediately. An unknown address costs the same work as a known one, so the time of a
//! response does not say which addresses there are.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;

use super::password::{self, PasswordError};

/// How many passwords are checked concurrently.
const AT_ONCE: usize = 2;
/// How many may wait or be checked: with more, a response would take seconds.
const IN_ALL: usize = 64;
/// What a password is held against where there is none: a hash of random bytes at the same cost.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$1fNHe741h5v82Z3wOjiWAQ$EKvjb8mXP99PNZg38tP74GHl2mgRYncpIDOJj+M7qBg";

/// Checks passwords, a few at a time. Cheap to clone.
#[derive(Debug, Clone)]
pub struct PasswordQueue {
    places: Arc<Semaphore>,
    turns: Arc<Semaphore>,
}

impl Default for PasswordQueue {
    fn default() -> Self {
        let (places, turns) = (Semaphore::new(IN_ALL), Semaphore::new(AT_ONCE));
        Self { places: Arc::new(places), turns: Arc::new(turns) }
    }
}

impl PasswordQueue {
    /// Takes a place, or returns immediately when too many wait. Attempts are counted only for a
    /// request that has a place: one that is rejected has tried nothing.
    ///
    /// # Errors
    /// When too many wait.
    pub fn enter(&self) -> Result<Place, PasswordError> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = place.map_err(|_| PasswordError::Busy)?;
        Ok(Place { place, turns: Arc::clone(&self.turns) })
    }

    /// Hashes a new password. One that breaks a rule is rejected without waiting.
    ///
    /// # Errors
    /// When it is too short or too long, too many wait, or the system gives no random bytes.
    pub async fn hash(&self, new: String) -> Result<String, PasswordError> {
        password::check(&new)?;
        self.enter()?.in_turn(move || password::hash(&new)).await
    }
}

/// A place among those who wait. Dropping it gives it up.
#[derive(Debug)]
pub struct Place {
    place: OwnedSemaphorePermit,
    turns: Arc<Semaphore>,
}

impl Place {
    /// Whether a typed password is the stored one. Without a stored one it is not, after the same
    /// work.
    ///
    /// # Errors
    /// When the stored text is no password hash.
    pub async fn verify(
        self,
        values: String,
        stored: Option<String>,
    ) -> Result<bool, PasswordError> {
        self.in_turn(move || {
            let known = stored.is_some();
            let right = password::verify(&values, stored.as_deref().unwrap_or(NOBODY))?;
            Ok(known && right)
        })
        .await
    }

    async fn in_turn<T: Send + 'static>(
        self,
        work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let turn = self.turns.acquire_owned().await;
        let held = [self.place, turn.map_err(|_| PasswordError::Busy)?];
        let working = spawn_blocking(move || {
            let worked = work();
            drop(held);
            worked
        });
        // It only ends without a result when the process does.
        working.await.map_err(|_| PasswordError::Busy)?
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::time::{Duration, Instant};

    use super::*;

    async fn until(reached: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !reached() {
            assert!(Instant::now() < deadline, "it does not come to this");
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_password_is_right_only_where_one_is_stored() {
        let queue = PasswordQueue::default();
        let stored = queue.hash("correct horse battery".into()).await.expect("a good password");
        let values = || "correct horse battery".to_owned();
        let place = || queue.enter().expect("a place");
        assert_eq!(place().verify(values(), Some(stored.clone())).await, Ok(true));
        assert_eq!(place().verify("correct horse batterx".into(), Some(stored)).await, Ok(false));
        assert_eq!(place().verify(values(), None).await, Ok(false));
        assert_eq!(queue.hash("short".into()).await, Err(PasswordError::TooShort));
    }

    #[test]
    fn nobodys_hash_costs_as_much_as_anybodys() {
        let cost = |hash: &str| hash.rsplitn(3, '$').nth(2).map(str::to_owned);
        let somebodys = password::hash("correct horse battery").expect("a good password");
        assert_eq!(cost(NOBODY), cost(&somebodys));
        assert_eq!(NOBODY.len(), somebodys.len());
        assert_eq!(password::verify("correct horse battery", NOBODY), Ok(false));
    }

    #[tokio::test]
    async fn a_turn_ends_with_its_work_even_if_nobody_waits_for_it() {
        let queue = PasswordQueue::default();
        let (release, gate) = mpsc::channel::<()>();
        let gate = Arc::new(std::sync::Mutex::new(gate));
        let begun = Arc::new(AtomicUsize::new(0));
        let slow = || {
            let (queue, gate, begun) = (queue.clone(), Arc::clone(&gate), Arc::clone(&begun));
            tokio::spawn(async move {
                let place = queue.enter().expect("a place");
                place
                    .in_turn(move || {
                        begun.fetch_add(1, Ordering::SeqCst);
                        let opened = gate.lock().expect("no panic while locked").recv();
                        opened.map_err(|_| PasswordError::Random)
                    })
                    .await
            })
        };
        let abandoned = [slow(), slow()];
        until(|| begun.load(Ordering::SeqCst) == AT_ONCE).await;
        for one in abandoned {
            one.abort();
        }
        assert_eq!(queue.turns.available_permits(), 0, "the work goes on");
        let third = slow();
        until(|| queue.places.available_permits() == IN_ALL - 3).await;
        assert_eq!(begun.load(Ordering::SeqCst), AT_ONCE, "the third one waits");
        for _ in 0..3 {
            release.send(()).expect("somebody waits");
        }
        assert_eq!(third.await.expect("not aborted"), Ok(()));
    }

    #[tokio::test]
    async fn whoever_comes_when_too_many_wait_is_sent_away_at_once() {
        let queue = PasswordQueue::default();
        let mut all: Vec<_> = (0..IN_ALL).map(|_| queue.enter().expect("a place")).collect();
        assert_eq!(queue.enter().err(), Some(PasswordError::Busy));
        assert_eq!(queue.hash("correct horse battery".into()).await, Err(PasswordError::Busy));
        all.pop();
        assert_eq!(queue.enter().expect("a place").verify("x".into(), None).await, Ok(false));
    }
}
