//! Latencies in HDR histograms: one of all, and one per second for the plots.
//!
//! A value is exact to a thousandth of itself. The second is that in which the request was meant to
//! be sent, so a stall shows where it began.

use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;

/// In microseconds; what took longer counts as this.
const LONGEST: u64 = 600_000_000;
const SIGNIFICANT_DIGITS: u8 = 3;

/// Points of a plot: seconds from the beginning, and a value.
pub type Points = Vec<(f64, f64)>;

/// How long things took.
pub struct Latencies {
    all: Histogram<u64>,
    by_second: Vec<Histogram<u64>>,
}

impl Latencies {
    pub fn new() -> anyhow::Result<Self> {
        let all = Histogram::new_with_bounds(1, LONGEST, SIGNIFICANT_DIGITS)?;
        Ok(Self { all, by_second: Vec::new() })
    }

    /// Those of things that were done one after the other, where no second matters.
    pub fn collect(measured: impl IntoIterator<Item = Duration>) -> anyhow::Result<Self> {
        let mut latencies = Self::new()?;
        for latency in measured {
            latencies.record(Duration::ZERO, latency);
        }
        anyhow::ensure!(latencies.count() > 0, "nothing was measured");
        Ok(latencies)
    }

    /// Adds what was meant to be sent so long after the beginning.
    pub fn record(&mut self, sent_after: Duration, latency: Duration) {
        let second = usize::try_from(sent_after.as_secs()).unwrap_or(usize::MAX);
        while self.by_second.len() <= second {
            self.by_second.push(Histogram::new_from(&self.all));
        }
        let microseconds = u64::try_from(latency.as_micros()).unwrap_or(LONGEST).max(1);
        self.all.saturating_record(microseconds);
        self.by_second[second].saturating_record(microseconds);
    }

    /// The latency in milliseconds that this many percent do not exceed.
    pub fn percentile(&self, percent: f64) -> f64 {
        milliseconds(self.all.value_at_quantile(percent / 100.0))
    }

    pub fn count(&self) -> u64 {
        self.all.len()
    }

    /// That percentile of each second, in milliseconds.
    pub fn percentile_by_second(&self, percent: f64) -> Points {
        self.points(|second| milliseconds(second.value_at_quantile(percent / 100.0)))
    }

    /// How many there were in each second.
    pub fn count_by_second(&self) -> Points {
        self.points(|second| number(second.len()))
    }

    fn points(&self, value: impl Fn(&Histogram<u64>) -> f64) -> Points {
        (0_u32..).map(f64::from).zip(self.by_second.iter().map(value)).collect()
    }
}

impl fmt::Display for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [median, p99, longest] = [50.0, 99.0, 100.0].map(|percent| self.percentile(percent));
        let count = self.count();
        write!(f, "{count} of them, p50 {median:.1} ms, p99 {p99:.1} ms, longest {longest:.1} ms")
    }
}

fn milliseconds(microseconds: u64) -> f64 {
    number(microseconds) / 1_000.0
}

/// Exact up to 2^53, which no count and no microsecond here reaches.
#[expect(
    clippy::cast_precision_loss,
    reason = "there is no lossless conversion, and none is needed"
)]
pub fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn up_to(longest: u64) -> Latencies {
        Latencies::collect((1..=longest).rev().map(Duration::from_millis)).expect("latencies")
    }

    fn about(measured: f64, expected: f64) -> bool {
        (measured - expected).abs() <= expected / 1_000.0
    }

    #[test]
    fn of_a_hundred_latencies_the_99th_is_p99() {
        let latencies = up_to(100);
        assert!(about(latencies.percentile(50.0), 50.0));
        assert!(about(latencies.percentile(99.0), 99.0));
        assert!(about(latencies.percentile(100.0), 100.0));
    }

    #[test]
    fn of_a_few_latencies_the_longest_is_p99() {
        assert!(about(up_to(3).percentile(99.0), 3.0));
        assert!(about(up_to(1).percentile(99.0), 1.0));
    }

    #[test]
    fn no_latency_is_no_figure() {
        assert!(Latencies::collect([]).is_err());
    }

    #[test]
    fn each_second_is_seen_alone_and_a_silent_one_stays_in_its_place() {
        let mut latencies = Latencies::new().expect("latencies");
        latencies.record(Duration::from_millis(900), Duration::from_millis(5));
        latencies.record(Duration::from_millis(2_100), Duration::from_millis(700));
        assert_eq!(latencies.count_by_second(), [(0.0, 1.0), (1.0, 0.0), (2.0, 1.0)]);
        assert!(about(latencies.percentile_by_second(99.0)[2].1, 700.0));
    }
}
