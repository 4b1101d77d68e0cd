//! Passwords are queued: each keeps a core and 19 MiB busy for a while, and receipts come first.
//!
//! Who guesses keeps no operator out. There are two lanes, each with a turn of its own: one for browsers in
//! which an operator has signed in before, and one for all others. In either, one address or one browser
//! waits with four passwords at most, and a request that comes when too many wait is rejected immediately.
//!
//! A turn is freed with the end of its work and not with its request, so that clients who hang up
//! do not start more work than there are turns. An unknown address costs the same work as a known one,
//! so the time of a response does not say which addresses there are.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::password::{self, Memory, PasswordError};

/// How many of a lane are checked concurrently.
const AT_ONCE: usize = 1;
/// How many strangers may wait or be checked: with more, a response would take seconds.
const OF_STRANGERS: usize = 48;
/// The same of browsers that are known.
const OF_KNOWN: usize = 16;
/// How many of them one address or one browser may have.
const OF_ONE: usize = 4;
/// What a password is held against where there is none: a hash of random bytes at the same cost.
const DUMMY_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$1fNHe741h5v82Z3wOjiWAQ$EKvjb8mXP99PNZg38tP74GHl2mgRYncpIDOJj+M7qBg";

/// Who comes with a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Comer {
    /// A browser in which an operator signed in before, or is signed in.
    Known(Uuid),
    /// Anyone else, from this address if it is known.
    Stranger(Option<IpAddr>),
}

/// Checks passwords, a few at a time. Cheap to clone.
#[derive(Debug, Clone)]
pub struct PasswordQueue {
    known: Lane,
    strangers: Lane,
    waiting: Arc<Mutex<BTreeMap<Comer, usize>>>,
    memories: Arc<Mutex<Vec<Memory>>>,
}

#[derive(Debug, Clone)]
struct Lane {
    places: Arc<Semaphore>,
    turns: Arc<Semaphore>,
}

impl Lane {
    fn new(places: usize) -> Self {
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        Self { places: Arc::new(Semaphore::new(places)), turns }
    }
}

impl Default for PasswordQueue {
    fn default() -> Self {
        Self {
            known: Lane::new(OF_KNOWN),
            strangers: Lane::new(OF_STRANGERS),
            waiting: Arc::default(),
            memories: Arc::default(),
        }
    }
}

impl PasswordQueue {
    /// Takes a place, or returns immediately when too many wait. Attempts are counted only for a
    /// request that has a place: one that is rejected has tried nothing.
    ///
    /// # Errors
    /// When too many wait, or too many of this one.
    pub fn enter(&self, comer: Comer) -> Result<Place, PasswordError> {
        let lane = match comer {
            Comer::Known(_) => &self.known,
            Comer::Stranger(_) => &self.strangers,
        };
        let counted = Counted::new(comer, &self.waiting).ok_or(PasswordError::Busy)?;
        let place = Arc::clone(&lane.places).try_acquire_owned();
        let place = place.map_err(|_| PasswordError::Busy)?;
        let (turns, memories) = (Arc::clone(&lane.turns), Arc::clone(&self.memories));
        Ok(Place { held: place, counted, turns, memories })
    }

    /// Hashes a new password. One that breaks a rule is rejected without waiting.
    ///
    /// # Errors
    /// When it is too short or too long, too many wait, or the system gives no random bytes.
    pub async fn hash(&self, comer: Comer, new: String) -> Result<String, PasswordError> {
        password::check(&new)?;
        self.enter(comer)?.in_turn(move |memory| password::hash(&new, memory)).await
    }
}

/// One more of a comer. Dropping it takes it off again.
#[derive(Debug)]
struct Counted {
    comer: Comer,
    waiting: Arc<Mutex<BTreeMap<Comer, usize>>>,
}

impl Counted {
    /// `None` where there are too many. Those whose address is not known are not counted.
    fn new(comer: Comer, waiting: &Arc<Mutex<BTreeMap<Comer, usize>>>) -> Option<Self> {
        let mut count = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let has = count.entry(comer).or_default();
        if *has >= OF_ONE && comer != Comer::Stranger(None) {
            return None;
        }
        *has += 1;
        Some(Self { comer, waiting: Arc::clone(waiting) })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut count = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(has) = count.get_mut(&self.comer) {
            *has -= 1;
            if *has == 0 {
                count.remove(&self.comer);
            }
        }
    }
}

/// A place among those who wait. Dropping it gives it up.
#[derive(Debug)]
pub struct Place {
    held: OwnedSemaphorePermit,
    counted: Counted,
    turns: Arc<Semaphore>,
    memories: Arc<Mutex<Vec<Memory>>>,
}

impl Place {
    /// Whether a typed password is the stored one. Without a stored one it is not, after the same
    /// work.
    ///
    /// # Errors
    /// When the stored text is no password hash.
    pub async fn verify(
        self,
        typed: String,
        stored: Option<String>,
    ) -> Result<bool, PasswordError> {
        self.in_turn(move |memory| {
            let known = stored.is_some();
            let right = password::verify(&typed, stored.as_deref().unwrap_or(DUMMY_HASH), memory)?;
            Ok(known && right)
        })
        .await
    }

    async fn in_turn<T: Send + 'static>(
        self,
        work: impl FnOnce(&mut Memory) -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let turn = self.turns.acquire_owned().await;
        let held = ([self.held, turn.map_err(|_| PasswordError::Busy)?], self.counted);
        let working = spawn_blocking(move || {
            let kept = || self.memories.lock().unwrap_or_else(PoisonError::into_inner);
            let mut memory = kept().pop().unwrap_or_default();
            let worked = work(&mut memory);
            kept().push(memory);
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

    const ALICE: Comer = Comer::Known(Uuid::nil());
    const ANYONE: Comer = Comer::Stranger(None);

    fn from(last: u8) -> Comer {
        Comer::Stranger(Some([203, 0, 113, last].into()))
    }

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
        let stored =
            queue.hash(ALICE, "correct horse battery".into()).await.expect("a good password");
        let values = || "correct horse battery".to_owned();
        let place = || queue.enter(ANYONE).expect("a place");
        assert_eq!(place().verify(values(), Some(stored.clone())).await, Ok(true));
        assert_eq!(place().verify("correct horse batterx".into(), Some(stored)).await, Ok(false));
        assert_eq!(place().verify(values(), None).await, Ok(false));
        assert_eq!(queue.hash(ALICE, "short".into()).await, Err(PasswordError::TooShort));
    }

    #[test]
    fn nobodys_hash_costs_as_much_as_anybodys() {
        let cost = |hash: &str| hash.rsplitn(3, '$').nth(2).map(str::to_owned);
        let somebodys = password::hash("correct horse battery", &mut Memory::default())
            .expect("a good password");
        assert_eq!(cost(DUMMY_HASH), cost(&somebodys));
        assert_eq!(DUMMY_HASH.len(), somebodys.len());
        assert_eq!(
            password::verify("correct horse battery", DUMMY_HASH, &mut Memory::default()),
            Ok(false)
        );
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
                let place = queue.enter(ANYONE).expect("a place");
                place
                    .in_turn(move |_| {
                        begun.fetch_add(1, Ordering::SeqCst);
                        let opened = gate.lock().expect("no panic while locked").recv();
                        opened.map_err(|_| PasswordError::Random)
                    })
                    .await
            })
        };
        let abandoned = [slow()];
        until(|| begun.load(Ordering::SeqCst) == AT_ONCE).await;
        for one in abandoned {
            one.abort();
        }
        assert_eq!(queue.strangers.turns.available_permits(), 0, "the work goes on");
        let next = slow();
        until(|| queue.strangers.places.available_permits() == OF_STRANGERS - 2).await;
        assert_eq!(begun.load(Ordering::SeqCst), AT_ONCE, "the next one waits");
        for _ in 0..2 {
            release.send(()).expect("somebody waits");
        }
        assert_eq!(next.await.expect("not aborted"), Ok(()));
    }

    #[tokio::test]
    async fn whoever_comes_when_too_many_wait_is_sent_away_at_once() {
        let queue = PasswordQueue::default();
        let mut all: Vec<_> =
            (0..OF_STRANGERS).map(|_| queue.enter(ANYONE).expect("a place")).collect();
        assert_eq!(queue.enter(ANYONE).err(), Some(PasswordError::Busy));
        let hashed = queue.hash(ALICE, "correct horse battery".into()).await;
        assert!(hashed.is_ok(), "whoever signed in before has places of their own");
        all.pop();
        assert_eq!(queue.enter(ANYONE).expect("a place").verify("x".into(), None).await, Ok(false));
    }

    #[tokio::test]
    async fn one_address_has_four_places_and_leaves_the_others_to_others() {
        let queue = PasswordQueue::default();
        let held: Vec<_> = (0..80).filter_map(|_| queue.enter(from(66)).ok()).collect();
        assert_eq!(held.len(), OF_ONE);
        assert!(queue.enter(from(1)).is_ok());
        drop(held);
        assert!(queue.enter(from(66)).is_ok());
        assert!(queue.waiting.lock().expect("no panic while locked").is_empty(), "forgotten");
    }

    #[tokio::test]
    async fn guesses_use_the_same_memory_again_and_again() {
        let queue = PasswordQueue::default();
        for _ in 0..4 {
            let (one, other) = (queue.enter(ALICE), queue.enter(ANYONE));
            let one = one.expect("a place").verify("x".into(), None);
            let other = other.expect("a place").verify("x".into(), None);
            let (one, other) = tokio::join!(one, other);
            assert_eq!((one, other), (Ok(false), Ok(false)));
        }
        let kept = queue.memories.lock().expect("no panic while locked").len();
        assert!((1..=2).contains(&kept), "{kept}");
    }
}
