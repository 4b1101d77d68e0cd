//! Whether receipts and results need the machine for themselves.
//!
//! They come in bursts, at the top of the hour; what they ask of Temporal has time until their
//! deadlines, and costs the embedded server many times what it costs to take them. So a burst is
//! taken first and dispatched after it. A load that lasts longer than a burst is no burst: it and
//! Temporal then share what there is.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A burst is over when nothing was heard of it for so long.
const PAUSE: Duration = Duration::from_millis(250);
/// What lasts longer is no burst.
const LONGEST: Duration = Duration::from_mins(1);

/// The burst that is under way, if there is one.
#[derive(Debug, Default)]
pub(crate) struct Pressure(Mutex<Option<Burst>>);

#[derive(Debug, Clone, Copy)]
struct Burst {
    began: Instant,
    last: Instant,
}

impl Pressure {
    /// Says that calls come faster than they can be taken one by one.
    pub(crate) fn note(&self, now: Instant) {
        let mut burst = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let began = burst.filter(|it| it.goes_on(now)).map_or(now, |it| it.began);
        *burst = Some(Burst { began, last: now });
    }

    /// Whether what has time is to wait.
    pub(crate) fn is_high(&self, now: Instant) -> bool {
        let burst = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        burst.is_some_and(|it| it.goes_on(now) && now.duration_since(it.began) < LONGEST)
    }
}

impl Burst {
    fn goes_on(&self, now: Instant) -> bool {
        now.duration_since(self.last) < PAUSE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_millis(100);

    #[test]
    fn a_burst_has_the_machine_until_it_pauses() {
        let (pressure, start) = (Pressure::default(), Instant::now());
        assert!(!pressure.is_high(start));
        pressure.note(start);
        pressure.note(start + STEP);
        assert!(pressure.is_high(start + 2 * STEP));
        assert!(!pressure.is_high(start + STEP + PAUSE));
    }

    #[test]
    fn a_load_that_lasts_shares_it_and_the_next_burst_has_it_again() {
        let (pressure, start) = (Pressure::default(), Instant::now());
        let mut now = start;
        while now < start + LONGEST {
            pressure.note(now);
            assert!(pressure.is_high(now));
            now += STEP;
        }
        pressure.note(now);
        assert!(!pressure.is_high(now));
        now += PAUSE;
        pressure.note(now);
        assert!(pressure.is_high(now + STEP));
    }
}
