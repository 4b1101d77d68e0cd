//! What the SDK of Temporal measures by itself: instruments by names and labels of its own.
//!
//! The SDK calls a counter `…_poll_succeed` and a duration `…_latency`; here they end in `_total` and
//! `_seconds`, as Prometheus has it.

pub use metrics::{Counter, Gauge, Histogram};
use metrics::{
    Label, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

/// The labels of an instrument.
pub type Labels = Vec<(String, String)>;

/// Says what the counter with this name counts, and gives the name that it is exposed by.
#[must_use]
pub fn name_counter(name: &str, help: &str) -> String {
    let name = with_end(name, "_total");
    describe_counter!(name.clone(), help.to_owned());
    name
}

/// The same for a duration.
#[must_use]
pub fn name_duration(name: &str, help: &str) -> String {
    let name = with_end(name, "_seconds");
    describe_histogram!(name.clone(), Unit::Seconds, help.to_owned());
    name
}

/// The same for values that are no durations.
#[must_use]
pub fn name_histogram(name: &str, help: &str) -> String {
    describe_histogram!(name.to_owned(), help.to_owned());
    name.to_owned()
}

/// The same for a gauge.
#[must_use]
pub fn name_gauge(name: &str, help: &str) -> String {
    describe_gauge!(name.to_owned(), help.to_owned());
    name.to_owned()
}

pub fn counter(name: &str, labels: Labels) -> Counter {
    counter!(name.to_owned(), own(labels))
}

pub fn gauge(name: &str, labels: Labels) -> Gauge {
    gauge!(name.to_owned(), own(labels))
}

pub fn histogram(name: &str, labels: Labels) -> Histogram {
    histogram!(name.to_owned(), own(labels))
}

/// In one order, so that the same labels are one instrument.
fn own(mut labels: Labels) -> Vec<Label> {
    labels.sort();
    labels.into_iter().map(|(name, value)| Label::new(name, value)).collect()
}

fn with_end(name: &str, end: &str) -> String {
    if name.ends_with(end) { name.to_owned() } else { format!("{name}{end}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_end_as_prometheus_has_it_and_only_once() {
        assert_eq!(name_counter("polls", ""), "polls_total");
        assert_eq!(name_counter("local_activity_total", ""), "local_activity_total");
        assert_eq!(name_duration("task_latency", ""), "task_latency_seconds");
        assert_eq!(name_gauge("num_pollers", ""), "num_pollers");
    }
}
