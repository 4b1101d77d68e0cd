//! Who has a connection, and who has to give one back when there is none left.
//!
//! No client keeps others out: one address has three quarters of the connections at most, and when all
//! are taken, the one that has rested longest is closed, of the address that has the most. A connection
//! rests while it waits for a request or for the end of its headers; one whose request is being handled,
//! or whose response is being sent, is never closed for another. Proxies that are named hold connections
//! for many, so their number is not limited; theirs are closed when nobody else has any.
//!
//! A request that comes in the moment in which its connection is closed gets no response, as ever when a
//! server closes a resting connection; clients send it again.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::proxies::{TrustedProxies, group};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::exchanges::Exchanges;

/// How long to wait for a connection that was asked to close, before another one is.
const ROOM: Duration = Duration::from_millis(50);

/// All connections of one server.
pub(super) struct Places {
    slots: Arc<Semaphore>,
    /// The most that one address may have.
    of_one: usize,
    proxies: TrustedProxies,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    next: u64,
    places: BTreeMap<u64, Arc<Tenant>>,
    of_address: BTreeMap<IpAddr, usize>,
}

struct Tenant {
    /// Whom it counts for; `None` for a named proxy.
    address: Option<IpAddr>,
    exchanges: Arc<Exchanges>,
    close: CancellationToken,
}

/// One connection's place. Dropping it gives it back.
pub(super) struct Place {
    pub(super) peer: IpAddr,
    pub(super) exchanges: Arc<Exchanges>,
    /// Asks the connection to close, if it rests.
    pub(super) close: CancellationToken,
    number: u64,
    places: Arc<Places>,
    _slot: OwnedSemaphorePermit,
}

impl Places {
    pub(super) fn new(most: usize, proxies: TrustedProxies) -> Self {
        let of_one = (most - most / 4).max(1);
        let taken = Mutex::default();
        Self { slots: Arc::new(Semaphore::new(most)), of_one, proxies, taken }
    }

    /// A place for a connection that was accepted; `None` if its address has too many that are at work.
    pub(super) async fn take(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let address = (!self.proxies.contains(peer)).then(|| group(peer));
        if address.is_some_and(|address| self.has_too_many(address)) {
            tracing::debug!(%peer, "an address has too many connections");
            return None;
        }
        let slot = self.slot().await?;
        let (exchanges, close) = (Arc::new(Exchanges::default()), CancellationToken::new());
        let tenant = Tenant { address, exchanges: Arc::clone(&exchanges), close: close.clone() };
        let number = self.taken().add(tenant);
        Some(Place { peer, exchanges, close, number, places: Arc::clone(self), _slot: slot })
    }

    /// Whether the address has all that it may and none of them rests; one that rests is closed.
    fn has_too_many(&self, address: IpAddr) -> bool {
        let taken = self.taken();
        let has = taken.of_address.get(&address).copied().unwrap_or_default();
        has >= self.of_one && !taken.close_one(|tenant| tenant.address == Some(address))
    }

    /// `None` never, because the semaphore is not closed.
    async fn slot(&self) -> Option<OwnedSemaphorePermit> {
        loop {
            if let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() {
                return Some(slot);
            }
            self.taken().close_one(|_| true);
            if let Ok(slot) = timeout(ROOM, Arc::clone(&self.slots).acquire_owned()).await {
                return slot.ok();
            }
        }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    fn add(&mut self, tenant: Tenant) -> u64 {
        let number = self.next;
        self.next += 1;
        if let Some(address) = tenant.address {
            *self.of_address.entry(address).or_default() += 1;
        }
        self.places.insert(number, Arc::new(tenant));
        number
    }

    fn remove(&mut self, number: u64) {
        let Some(address) = self.places.remove(&number).and_then(|tenant| tenant.address) else {
            return;
        };
        if let Some(has) = self.of_address.get_mut(&address) {
            *has -= 1;
            if *has == 0 {
                self.of_address.remove(&address);
            }
        }
    }

    /// Asks one of these that rests to close; `false` if none does.
    fn close_one(&self, of: impl Fn(&Tenant) -> bool) -> bool {
        let many = |tenant: &Tenant| {
            tenant.address.and_then(|it| self.of_address.get(&it)).copied().unwrap_or_default()
        };
        let resting = self.places.values().filter(|tenant| of(tenant)).filter_map(|tenant| {
            let asked = tenant.close.is_cancelled();
            let since = tenant.exchanges.resting_since().filter(|_| !asked)?;
            Some((tenant, since))
        });
        let longest =
            resting.max_by_key(|(tenant, since)| (many(tenant), std::cmp::Reverse(*since)));
        if let Some((tenant, _)) = longest {
            tenant.close.cancel();
        }
        longest.is_some()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.taken().remove(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(most: usize) -> Arc<Places> {
        let proxies = "10.0.0.1".parse().expect("a list");
        Arc::new(Places::new(most, proxies))
    }

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([203, 0, 113, last])
    }

    /// What a connection does that is asked to close.
    fn gives_way(place: Place) {
        let close = place.close.clone();
        tokio::spawn(async move {
            close.cancelled().await;
            drop(place);
        });
    }

    #[tokio::test]
    async fn at_the_limit_the_longest_resting_one_of_the_busiest_address_makes_room() {
        let places = places(5);
        let alice = places.take(ip(1)).await.expect("a place");
        for _ in 0..3 {
            gives_way(places.take(ip(66)).await.expect("a place"));
        }
        let bob = places.take(ip(2)).await.expect("a place");
        let charlie = places.take(ip(3)).await.expect("a place");
        assert!(!alice.close.is_cancelled() && !bob.close.is_cancelled());
        assert_eq!(places.taken().of_address[&ip(66)], 2, "one of theirs was closed");
        drop(charlie);
        assert_eq!(places.taken().places.len(), 4);
    }

    #[tokio::test]
    async fn one_address_has_three_quarters_and_closes_its_own_for_more() {
        let places = places(8);
        for _ in 0..6 {
            gives_way(places.take(ip(66)).await.expect("a place"));
        }
        for _ in 0..20 {
            gives_way(places.take(ip(66)).await.expect("a place"));
            tokio::task::yield_now().await;
        }
        assert!(places.slots.available_permits() >= 1, "somebody else gets in at once");
    }

    #[tokio::test]
    async fn what_is_at_work_is_never_closed_and_more_of_that_address_is_rejected() {
        let places = places(4);
        let at_work: Vec<_> = [
            places.take(ip(66)).await.expect("a place"),
            places.take(ip(66)).await.expect("a place"),
            places.take(ip(66)).await.expect("a place"),
        ]
        .into();
        for place in &at_work {
            place.exchanges.start();
        }
        assert!(places.take(ip(66)).await.is_none());
        assert!(places.take(ip(1)).await.is_some());
        assert!(at_work.iter().all(|place| !place.close.is_cancelled()));
    }

    #[tokio::test]
    async fn a_named_proxy_may_have_all() {
        let places = places(4);
        let proxy: IpAddr = "10.0.0.1".parse().expect("an address");
        let mut held = Vec::new();
        for _ in 0..4 {
            held.push(places.take(proxy).await.expect("a place"));
        }
        assert_eq!(places.slots.available_permits(), 0);
    }
}
