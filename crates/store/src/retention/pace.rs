//! How much a batch takes, so that nobody waits for it.

use std::time::Duration;

/// How long a batch may take.
pub const TARGET: Duration = Duration::from_millis(50);
/// What a batch aims at, so that the next one, which may be slower, stays below [`TARGET`].
const AIM: f64 = 0.02;
/// How much longer than the batch the pause after it is: the disk and the processors are others' for most of the time.
const PAUSE: u32 = 3;
/// Less than the worker's heartbeats may be apart, after a batch that waited for something.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
const FIRST: i64 = 20;
const MOST: i64 = 5_000;

/// The size of the next batch.
#[derive(Debug)]
pub(super) struct Pace {
    size: i64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { size: FIRST }
    }
}

impl Pace {
    /// At most so many rows of what the rule is about.
    pub(super) const fn size(&self) -> i64 {
        self.size
    }

    /// Learns from a batch; gives how long to pause. It grows carefully, after one that was not full to the first size at
    /// most, and shrinks immediately.
    #[expect(clippy::cast_possible_truncation, reason = "a number from 0.1 to 2")]
    pub(super) fn after(&mut self, took: Duration, is_full: bool) -> Duration {
        let factor = (AIM / took.as_secs_f64().max(0.001)).clamp(0.1, 2.0);
        let tenths = (factor * 10.0) as i64;
        let most = if is_full { MOST } else { self.size.max(FIRST) };
        self.size = (self.size * tenths / 10).clamp(1, most);
        (took * PAUSE).min(LONGEST_PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(times: &[u64]) -> Vec<i64> {
        let mut pace = Pace::default();
        let sized = times.iter().map(|ms| {
            pace.after(Duration::from_millis(*ms), true);
            pace.size()
        });
        sized.collect()
    }

    #[test]
    fn quick_batches_grow_to_the_most_and_a_slow_one_is_followed_by_a_small_one() {
        assert_eq!(sizes(&[1, 1, 15, 30]), [40, 80, 104, 62]);
        assert_eq!(sizes(&[90]), [4]);
        assert_eq!(sizes(&[10_000, 10_000, 1]), [2, 1, 2]);
        assert_eq!(sizes(&[1; 12]).last(), Some(&MOST));
    }

    #[test]
    fn a_pause_is_longer_than_its_batch_and_yet_not_long() {
        let pause_after = |ms| Pace::default().after(Duration::from_millis(ms), true);
        assert_eq!([20, 15_000].map(pause_after), [60, 5_000].map(Duration::from_millis));
    }

    #[test]
    fn a_quick_batch_that_was_not_full_says_nothing_of_one_that_is() {
        let mut pace = Pace::default();
        let batches = [(1, false, 20), (1, true, 40), (1, false, 40), (60, false, 12)];
        for (ms, is_full, size) in batches.into_iter().chain([(300, true, 1), (1, false, 2)]) {
            pace.after(Duration::from_millis(ms), is_full);
            assert_eq!(pace.size(), size);
        }
    }
}
