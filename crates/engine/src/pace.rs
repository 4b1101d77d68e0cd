//! How much is dispatched at the same time.
//!
//! The limit grows by one with each round of quick responses and falls by a third when a response
//! is slow or missing, as TCP does it (AIMD, RFC 5681 section 3.1). So an idle server is used to the
//! full, and one that is busy, or shares its processor with what takes receipts, is left its time.

use std::time::{Duration, Instant};

const FIRST: f64 = 16.0;
const LEAST: f64 = 2.0;
const MOST: f64 = 64.0;
/// A response that takes longer shows a server that has too much to do. It is far above what an
/// idle one needs, and below the second after which people wait.
const SLOW: Duration = Duration::from_millis(300);
/// Responses that were asked for before the limit fell say nothing of the new one.
const HOLD: Duration = Duration::from_millis(500);

/// The limit.
#[derive(Debug)]
pub(crate) struct Pace {
    limit: f64,
    lowered_at: Option<Instant>,
}

impl Pace {
    pub(crate) const fn new() -> Self {
        Self { limit: FIRST, lowered_at: None }
    }

    /// How much may be under way.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 2 and 64")]
    pub(crate) const fn limit(&self) -> usize {
        self.limit as usize
    }

    /// Takes into account how long a response took, or that none came. `is_full` says that as much
    /// was under way as may be: otherwise a quick response does not show that more would be quick.
    pub(crate) fn observe(&mut self, took: Duration, responded: bool, is_full: bool, now: Instant) {
        if responded && took <= SLOW {
            if is_full {
                self.limit = (self.limit + self.limit.recip()).min(MOST);
            }
            return;
        }
        if self.lowered_at.is_some_and(|at| now.duration_since(at) < HOLD) {
            return;
        }
        self.limit = (self.limit * 2.0 / 3.0).max(LEAST);
        self.lowered_at = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Duration = Duration::from_millis(10);

    #[test]
    fn it_grows_by_one_with_each_round_of_quick_responses_up_to_the_most() {
        let mut pace = Pace::new();
        let now = Instant::now();
        for _ in 0..17 {
            pace.observe(QUICK, true, true, now);
        }
        assert_eq!(pace.limit(), 17);
        for _ in 0..5_000 {
            pace.observe(QUICK, true, true, now);
        }
        assert_eq!(pace.limit(), 64);
    }

    #[test]
    fn quick_responses_with_room_left_prove_nothing() {
        let mut pace = Pace::new();
        for _ in 0..1_000 {
            pace.observe(QUICK, true, false, Instant::now());
        }
        assert_eq!(pace.limit(), 16);
    }

    #[test]
    fn it_falls_once_for_all_that_was_asked_for_before_and_never_to_nothing() {
        let mut pace = Pace::new();
        let start = Instant::now();
        for _ in 0..16 {
            pace.observe(SLOW * 2, true, true, start);
        }
        assert_eq!(pace.limit(), 10);
        for second in 1..20 {
            pace.observe(QUICK, false, true, start + Duration::from_secs(second));
        }
        assert_eq!(pace.limit(), 2);
    }
}
