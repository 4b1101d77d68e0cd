//! A set of latencies, seen from its ends.

use std::fmt;
use std::time::Duration;

use anyhow::ensure;

/// Latencies in order; at least one.
pub struct Percentiles(Vec<Duration>);

impl Percentiles {
    /// Sorts what was measured.
    pub fn new(mut measured: Vec<Duration>) -> anyhow::Result<Self> {
        ensure!(!measured.is_empty(), "nothing was measured");
        measured.sort_unstable();
        Ok(Self(measured))
    }

    /// The smallest latency that this many percent do not exceed (the nearest rank).
    pub fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.0.len() * percent).div_ceil(100);
        self.0[rank.clamp(1, self.0.len()) - 1]
    }
}

impl fmt::Display for Percentiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [median, longest] = [50, 100].map(|percent| milliseconds(self.percentile(percent)));
        write!(f, "{} of them, p50 {median:.1} ms, longest {longest:.1} ms", self.0.len())
    }
}

/// A duration in milliseconds.
pub fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread_up_to(longest: u64) -> Percentiles {
        let reversed = (1..=longest).rev().map(Duration::from_millis);
        Percentiles::new(reversed.collect()).expect("a spread")
    }

    #[test]
    fn of_a_hundred_latencies_the_99th_is_p99() {
        let percentiles = spread_up_to(100);
        assert_eq!(percentiles.percentile(50), Duration::from_millis(50));
        assert_eq!(percentiles.percentile(99), Duration::from_millis(99));
        assert_eq!(percentiles.percentile(100), Duration::from_millis(100));
    }

    #[test]
    fn of_a_few_latencies_the_longest_is_p99() {
        assert_eq!(spread_up_to(3).percentile(99), Duration::from_millis(3));
        assert_eq!(spread_up_to(1).percentile(99), Duration::from_millis(1));
    }

    #[test]
    fn no_latency_is_no_spread() {
        assert!(Percentiles::new(Vec::new()).is_err());
    }
}
