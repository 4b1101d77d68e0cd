//! How much of the machine receipts and results need.
//!
//! They come in bursts, at the top of the hour; what they ask of Temporal has time until their
//! deadlines, and costs the embedded server many times what it costs to take them. So a burst is
//! taken first and dispatched after it. A load that lasts longer than a burst is no burst: it and
//! Temporal then share what there is.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// So many calls that came while a batch was committed are a burst.
const BURST: usize = 8;
/// A burst is over when nothing was heard of it for so long.
const PAUSE: Duration = Duration::from_millis(250);
/// What lasts longer is no burst.
const LONGEST: Duration = Duration::from_mins(1);
/// So many calls within a second are more than an embedded Temporal starts watches.
const STEADY: usize = 120;
const SECOND: Duration = Duration::from_secs(1);

/// How calls come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Load {
    Light,
    /// Faster than an embedded Temporal starts watches for them.
    Steady,
    /// Faster than they can be taken one by one.
    Burst,
}

/// The calls of late.
#[derive(Debug, Default)]
pub(crate) struct Pressure(Mutex<Calls>);

#[derive(Debug, Clone, Copy, Default)]
struct Calls {
    burst: Option<Burst>,
    counted: Option<Counted>,
}

#[derive(Debug, Clone, Copy)]
struct Burst {
    began: Instant,
    last: Instant,
}

/// What was counted in this second, and in the one before it.
#[derive(Debug, Clone, Copy)]
struct Counted {
    since: Instant,
    calls: usize,
    before: usize,
}

impl Pressure {
    /// Notes that so many calls are committed together.
    pub(crate) fn note(&self, calls: usize, now: Instant) {
        let mut noted = self.calls();
        if calls >= BURST {
            let began = noted.burst.filter(|it| it.goes_on(now)).map_or(now, |it| it.began);
            noted.burst = Some(Burst { began, last: now });
        }
        let counted = noted.counted.map_or_else(|| Counted::since(now), |it| it.until(now));
        noted.counted = Some(Counted { calls: counted.calls + calls, ..counted });
    }

    pub(crate) fn load(&self, now: Instant) -> Load {
        let Calls { burst, counted } = *self.calls();
        let is_burst =
            burst.is_some_and(|it| it.goes_on(now) && now.duration_since(it.began) < LONGEST);
        let is_steady = counted.is_some_and(|it| it.until(now).before >= STEADY);
        match (is_burst, is_steady) {
            (true, _) => Load::Burst,
            (false, true) => Load::Steady,
            (false, false) => Load::Light,
        }
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Burst {
    fn goes_on(&self, now: Instant) -> bool {
        now.duration_since(self.last) < PAUSE
    }
}

impl Counted {
    const fn since(now: Instant) -> Self {
        Self { since: now, calls: 0, before: 0 }
    }

    /// The same, told again if its second is over.
    fn until(self, now: Instant) -> Self {
        match now.duration_since(self.since) {
            age if age < SECOND => self,
            age if age < 2 * SECOND => {
                Self { since: self.since + SECOND, calls: 0, before: self.calls }
            }
            _ => Self::since(now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_millis(100);

    #[test]
    fn a_burst_has_the_machine_until_it_pauses() {
        let (pressure, start) = (Pressure::default(), Instant::now());
        assert_eq!(pressure.load(start), Load::Light);
        pressure.note(BURST, start);
        pressure.note(BURST, start + STEP);
        assert_eq!(pressure.load(start + 2 * STEP), Load::Burst);
        assert_eq!(pressure.load(start + STEP + PAUSE), Load::Light);
    }

    #[test]
    fn a_load_that_lasts_shares_it_and_the_next_burst_has_it_again() {
        let (pressure, start) = (Pressure::default(), Instant::now());
        let mut now = start;
        while now < start + LONGEST {
            pressure.note(BURST, now);
            assert_eq!(pressure.load(now), Load::Burst);
            now += STEP;
        }
        pressure.note(BURST, now);
        assert_eq!(pressure.load(now), Load::Light);
        now += PAUSE;
        pressure.note(BURST, now);
        assert_eq!(pressure.load(now + STEP), Load::Burst);
    }

    #[test]
    fn calls_that_come_one_by_one_are_steady_while_they_are_many() {
        let gap = Duration::from_millis(5);
        let (pressure, start) = (Pressure::default(), Instant::now());
        let mut now = start;
        while now < start + SECOND {
            pressure.note(1, now);
            assert_eq!(pressure.load(now), Load::Light, "no second has been counted yet");
            now += gap;
        }
        while now < start + 5 * SECOND {
            pressure.note(1, now);
            assert_eq!(pressure.load(now), Load::Steady);
            now += gap;
        }
        assert_eq!(pressure.load(now + 2 * SECOND), Load::Light);
        for _ in 0..100 {
            now += 10 * gap;
            pressure.note(1, now);
        }
        assert_eq!(pressure.load(now), Load::Light, "twenty a second are not many");
    }
}
