//! How many requests with a wrong signature one address may send, and how many are read at the same time.
//!
//! A signature is checked with a secret that the database is asked for, so whoever has none makes work. One address, or one
//! network of IPv6, is turned away for the rest of a minute once so many of its requests were wrong in it; those that are right
//! are never counted. Where the address is not known nothing is limited, because everyone would have the same. The
//! counts live in this process, and are of so many addresses at most: of more than that, the newest are not counted.
//!
//! Whose a request is stands in its body, which has to be read before anything is known. So that nobody fills the memory with
//! bodies that they do not end, a few are read at a time, and who finds no place is asked to come again.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use domain::proxies::ClientAddress;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use crate::error::ApiError;

/// So many in a minute. Slack's addresses are shared by all of its apps, of which somebody may let one call us.
const MOST: u32 = 60;
const WINDOW: Duration = Duration::from_mins(1);
/// Of how many addresses they are counted.
const ADDRESSES: usize = 10_000;

/// How many are read at the same time: of the largest bodies, 16 MiB.
const READ_AT_ONCE: usize = 64;
/// How long one waits for its place. Slack waits for three seconds in all.
const WAIT: Duration = Duration::from_secs(2);

/// Wrong requests by address, and places to read requests in.
#[derive(Debug)]
pub struct ForeignRequests {
    counts: Mutex<BTreeMap<IpAddr, Counted>>,
    places: Semaphore,
}

impl Default for ForeignRequests {
    fn default() -> Self {
        Self { counts: Mutex::default(), places: Semaphore::new(READ_AT_ONCE) }
    }
}

/// The wrong requests of a minute.
#[derive(Debug)]
struct Counted {
    began: Instant,
    wrong: u32,
}

impl Counted {
    /// How long the minute still lasts.
    fn left(&self, now: Instant) -> Option<Duration> {
        WINDOW.checked_sub(now.saturating_duration_since(self.began)).filter(|left| !left.is_zero())
    }
}

impl ForeignRequests {
    /// Lets a request through before anything is done for it.
    ///
    /// # Errors
    /// [`ApiError::TooManyForeign`] where too many of this address were wrong.
    pub fn check(&self, from: ClientAddress) -> Result<(), ApiError> {
        self.check_at(from, Instant::now())
    }

    /// A place to read a request in, to be held until its signature was judged.
    ///
    /// # Errors
    /// [`ApiError::TooManyForeign`] where none is free for two seconds.
    pub async fn place(&self) -> Result<SemaphorePermit<'_>, ApiError> {
        match timeout(WAIT, self.places.acquire()).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) | Err(_) => Err(ApiError::TooManyForeign { retry_after_secs: 1 }),
        }
    }

    /// Counts a request that was wrong.
    pub fn count(&self, from: ClientAddress) {
        self.count_at(from, Instant::now());
    }

    fn check_at(&self, from: ClientAddress, now: Instant) -> Result<(), ApiError> {
        let Some(address) = from.group() else { return Ok(()) };
        let counts = self.lock();
        let full = counts.get(&address).filter(|counted| counted.wrong >= MOST);
        match full.and_then(|counted| counted.left(now)) {
            Some(left) => Err(ApiError::TooManyForeign { retry_after_secs: left.as_secs() + 1 }),
            None => Ok(()),
        }
    }

    fn count_at(&self, from: ClientAddress, now: Instant) {
        let Some(address) = from.group() else { return };
        let mut counts = self.lock();
        if counts.len() >= ADDRESSES {
            counts.retain(|_, counted| counted.left(now).is_some());
        }
        if counts.len() >= ADDRESSES && !counts.contains_key(&address) {
            return;
        }
        let counted = counts.entry(address).or_insert(Counted { began: now, wrong: 0 });
        if counted.left(now).is_none() {
            *counted = Counted { began: now, wrong: 0 };
        }
        counted.wrong += 1;
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<IpAddr, Counted>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(address: &str) -> ClientAddress {
        ClientAddress::Known(address.parse().expect("an address"))
    }

    fn wait(foreign: &ForeignRequests, from: ClientAddress, now: Instant) -> Option<u64> {
        match foreign.check_at(from, now) {
            Ok(()) => None,
            Err(error) => error.retry_after_secs(),
        }
    }

    #[test]
    fn an_address_is_turned_away_for_the_rest_of_the_minute_and_no_other_is() {
        let (foreign, began) = (ForeignRequests::default(), Instant::now());
        for _ in 0..MOST {
            assert_eq!(wait(&foreign, from("203.0.113.7"), began), None);
            foreign.count_at(from("203.0.113.7"), began);
        }
        let later = began + Duration::from_secs(20);
        assert_eq!(wait(&foreign, from("203.0.113.7"), later), Some(41));
        assert_eq!(wait(&foreign, from("203.0.113.8"), later), None);
        assert_eq!(wait(&foreign, from("203.0.113.7"), began + WINDOW), None);
        foreign.count_at(from("203.0.113.7"), began + WINDOW);
        assert_eq!(wait(&foreign, from("203.0.113.7"), began + WINDOW), None, "a new minute");
    }

    #[test]
    fn a_network_of_ipv6_is_one_and_who_is_unknown_is_not_limited() {
        let (foreign, now) = (ForeignRequests::default(), Instant::now());
        for number in 0..MOST {
            foreign.count_at(from(&format!("2001:db8::{number:x}")), now);
            foreign.count_at(ClientAddress::Unsaid, now);
        }
        assert!(wait(&foreign, from("2001:db8::ffff"), now).is_some());
        assert_eq!(wait(&foreign, from("2001:db8:0:1::1"), now), None);
        assert_eq!(wait(&foreign, ClientAddress::Unsaid, now), None);
    }

    #[test]
    fn no_more_than_so_many_addresses_are_kept() {
        let (foreign, began) = (ForeignRequests::default(), Instant::now());
        let address = |number: u32| ClientAddress::Known(IpAddr::from(number.to_be_bytes()));
        let many = u32::try_from(ADDRESSES).expect("a number");
        for number in 0..many + 10 {
            foreign.count_at(address(number), began);
        }
        assert_eq!(foreign.lock().len(), ADDRESSES);
        foreign.count_at(address(many + 10), began + WINDOW);
        assert_eq!(foreign.lock().len(), 1, "those whose minute is over leave");
    }
}
