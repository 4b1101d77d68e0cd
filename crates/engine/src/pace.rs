//! How much is dispatched at the same time.
//!
//! The limit grows by one with each round of quick responses and falls by a third when a response
//! is slow or missing, as TCP does it (AIMD, RFC 5681 section 3.1). So an idle server is used to the
//! full, and one that is busy, or shares its processor with what takes receipts, is left its time.
//!
//! What is slow depends on the server: one on this machine responds within a few milliseconds, one on
//! another continent does not. So it is compared with the quickest response of late.

use std::time::{Duration, Instant};

const FIRST: f64 = 16.0;
const LEAST: f64 = 2.0;
const MOST: f64 = 64.0;
/// A response that takes so many times as long as the quickest one has waited behind others.
const SLOW: u32 = 8;
/// Below this no response is slow, however quick the quickest was.
const NEVER_SLOW: Duration = Duration::from_millis(50);
/// Above this every response is.
const ALWAYS_SLOW: Duration = Duration::from_millis(300);
/// The quickest response is looked for again after this: the server may have moved.
const FORGET: Duration = Duration::from_mins(1);
/// Responses that were asked for before the limit fell say nothing of the new one.
const HOLD: Duration = Duration::from_millis(500);

/// How many may be under way, and what that was judged by.
#[derive(Debug)]
pub(crate) struct Pace {
    limit: f64,
    lowered_at: Option<Instant>,
    quickest: Option<Quickest>,
}

/// The quickest response, and since when it has been looked for.
#[derive(Debug, Clone, Copy)]
struct Quickest {
    took: Duration,
    since: Instant,
}

impl Pace {
    pub(crate) const fn new() -> Self {
        Self { limit: FIRST, lowered_at: None, quickest: None }
    }

    /// How much may be under way.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 2 and 64")]
    pub(crate) const fn limit(&self) -> usize {
        self.limit as usize
    }

    /// Takes into account how long a response took, or that none came. `is_full` says that as much
    /// was under way as may be: otherwise a quick response does not show that more would be quick.
    pub(crate) fn observe(&mut self, took: Duration, responded: bool, is_full: bool, now: Instant) {
        if responded && took <= self.slow_after(took, now) {
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

    /// How long a response may take, this one known.
    fn slow_after(&mut self, took: Duration, now: Instant) -> Duration {
        let known = self.quickest.filter(|it| now.duration_since(it.since) < FORGET);
        let known = known.unwrap_or(Quickest { took, since: now });
        let quickest = Quickest { took: known.took.min(took), ..known };
        self.quickest = Some(quickest);
        (quickest.took * SLOW).clamp(NEVER_SLOW, ALWAYS_SLOW)
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
            pace.observe(ALWAYS_SLOW * 2, true, true, start);
        }
        assert_eq!(pace.limit(), 10);
        for second in 1..20 {
            pace.observe(QUICK, false, true, start + Duration::from_secs(second));
        }
        assert_eq!(pace.limit(), 2);
    }

    #[test]
    fn what_is_slow_depends_on_how_quick_the_server_can_be() {
        let far = Duration::from_millis(30);
        let (mut near_by, mut far_away, start) = (Pace::new(), Pace::new(), Instant::now());
        near_by.observe(QUICK, true, true, start);
        far_away.observe(far, true, true, start);
        for pace in [&mut near_by, &mut far_away] {
            pace.observe(QUICK * 10, true, true, start + HOLD);
        }
        assert_eq!(near_by.limit(), 10, "it has waited behind others");
        assert_eq!(far_away.limit(), 16, "no server is so far away for nothing");
        let later = start + FORGET * 2;
        near_by.observe(far, true, true, later);
        near_by.observe(QUICK * 10, true, true, later + HOLD);
        assert_eq!(near_by.limit(), 10, "it has moved");
    }
}
