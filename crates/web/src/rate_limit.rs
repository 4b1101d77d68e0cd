//! How many requests one API key may send.
//!
//! A token bucket per key id: a `burst`, refilled at `per_second`. It is asked after the key was
//! found, so an unknown key never gets an entry; and full buckets are dropped every
//! few thousand requests, so memory follows the keys that are in use. The buckets live in this
//! process: two API processes allow twice as much, and a restart fills every bucket.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};

use domain::ids::KeyId;
use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::error::ApiError;

/// Requests between two sweeps of full buckets.
const SWEEP_EVERY: u32 = 4096;

/// The buckets of all keys.
#[derive(Debug)]
pub struct RateLimit<C: Clock = DefaultClock> {
    buckets: RateLimiter<KeyId, HashMapStateStore<KeyId>, C, NoOpMiddleware<C::Instant>>,
    clock: C,
    asked: AtomicU32,
}

impl RateLimit {
    /// Allows each key `burst` requests in a burst and `per_second` in the long run.
    #[must_use]
    pub fn new(per_second: NonZeroU32, burst: NonZeroU32) -> Self {
        Self::with_clock(per_second, burst, DefaultClock::default())
    }
}

impl<C: Clock + Clone> RateLimit<C> {
    fn with_clock(per_second: NonZeroU32, burst: NonZeroU32, clock: C) -> Self {
        let quota = Quota::per_second(per_second).allow_burst(burst);
        Self {
            buckets: RateLimiter::new(quota, HashMapStateStore::default(), clock.clone()),
            clock,
            asked: AtomicU32::new(0),
        }
    }

    /// Takes one token of a key that exists.
    ///
    /// # Errors
    /// [`ApiError::RateLimited`] with the seconds, rounded up, until a request would pass.
    pub fn check(&self, key: KeyId) -> Result<(), ApiError> {
        self.sweep_now_and_then();
        self.buckets.check_key(&key).map_err(|rejected| {
            let wait = rejected.wait_time_from(self.clock.now());
            let whole = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            ApiError::RateLimited { retry_after_secs: whole.max(1) }
        })
    }

    fn sweep_now_and_then(&self) {
        // Wraps around to zero once in four thousand million requests: one sweep too many.
        if self.asked.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.buckets.retain_recent();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use governor::clock::FakeRelativeClock;
    use std::time::Duration;
    use uuid::Uuid;

    fn key(n: u128) -> KeyId {
        KeyId::from_uuid(Uuid::from_u128(n))
    }

    fn limit(per_second: u32, burst: u32) -> (RateLimit<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        let number = |n| NonZeroU32::new(n).expect("not zero");
        let limit = RateLimit::with_clock(number(per_second), number(burst), clock.clone());
        (limit, clock)
    }

    fn retry_after(limit: &RateLimit<FakeRelativeClock>, key: KeyId) -> Option<u64> {
        match limit.check(key) {
            Ok(()) => None,
            Err(ApiError::RateLimited { retry_after_secs }) => Some(retry_after_secs),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_burst_passes_and_the_next_request_is_told_when_to_come_back() {
        let (limit, _) = limit(10, 5);
        for _ in 0..5 {
            assert_eq!(retry_after(&limit, key(1)), None);
        }
        assert_eq!(retry_after(&limit, key(1)), Some(1));
    }

    #[test]
    fn the_bucket_refills_at_the_given_rate() {
        let (limit, clock) = limit(2, 1);
        assert_eq!(retry_after(&limit, key(1)), None);
        clock.advance(Duration::from_millis(499));
        assert_eq!(retry_after(&limit, key(1)), Some(1));
        clock.advance(Duration::from_millis(1));
        assert_eq!(retry_after(&limit, key(1)), None);
    }

    #[test]
    fn one_key_does_not_use_up_the_tokens_of_another() {
        let (limit, _) = limit(1, 1);
        assert_eq!(retry_after(&limit, key(1)), None);
        assert_eq!(retry_after(&limit, key(1)), Some(1));
        assert_eq!(retry_after(&limit, key(2)), None);
    }

    #[test]
    fn keys_that_fell_silent_are_forgotten() {
        let (limit, clock) = limit(100, 100);
        for n in 0..1000 {
            assert_eq!(retry_after(&limit, key(n)), None);
        }
        assert_eq!(limit.buckets.len(), 1000);
        clock.advance(Duration::from_mins(1));
        for _ in 0..SWEEP_EVERY {
            clock.advance(Duration::from_millis(10));
            assert_eq!(retry_after(&limit, key(1)), None);
        }
        assert_eq!(limit.buckets.len(), 1);
    }
}
