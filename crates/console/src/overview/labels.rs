//! Figures as people say them.

use domain::alert::format_duration;
use store::search::overview::{OnTime, Spread};
use time::Duration;

/// How long something takes.
#[derive(Debug)]
pub struct Pace {
    pub median: Option<String>,
    /// Within which time nine of ten do.
    pub p90: Option<String>,
}

impl Pace {
    pub fn new(spread: Spread) -> Self {
        Self { median: spread.median.map(format_duration), p90: spread.p90.map(within) }
    }
}

fn within(limit: Duration) -> String {
    match limit {
        short if short < Duration::SECOND => "within a second".to_owned(),
        limit => format!("within {}", format_duration(limit)),
    }
}

/// The sentence that the page begins with.
pub fn heading(overall: &OnTime, days: i32) -> String {
    let days = if days == 1 { "today".to_owned() } else { format!("in the last {days} days") };
    match overall.percent {
        Some(percent) if percent >= 100.0 => format!("Everything came on time {days}."),
        Some(_) => format!("{} of what was paid for came on time {days}.", on_time(overall)),
        None if overall.pending > 0 => format!("Nothing was due yet {days}."),
        None => format!("Nothing was paid for {days}."),
    }
}

/// Of a hundred effects that were due, how many came on time: `98.7%`. Rounded down, so that only
/// all of them are 100.
pub fn on_time(figures: &OnTime) -> String {
    match figures.percent {
        None => "–".to_owned(),
        Some(percent) if percent >= 100.0 => "100%".to_owned(),
        Some(percent) => format!("{}%", (percent * 10.0).floor() / 10.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(percent: Option<f64>, pending: i64) -> OnTime {
        OnTime { percent, pending, ..OnTime::default() }
    }

    #[test]
    fn only_all_of_them_are_a_hundred_per_cent() {
        for (percent, written) in
            [(None, "–"), (Some(99.999), "99.9%"), (Some(100.0), "100%"), (Some(0.0), "0%")]
        {
            assert_eq!(on_time(&figures(percent, 0)), written);
        }
    }

    #[test]
    fn most_come_within_a_time() {
        for (millis, written) in [(400, "within a second"), (1_000, "within 1 second")] {
            assert_eq!(within(Duration::milliseconds(millis)), written);
        }
    }

    #[test]
    fn the_heading_says_no_more_than_is_known() {
        for (of, days, written) in [
            (
                figures(Some(98.76), 3),
                30,
                "98.7% of what was paid for came on time in the last 30 days.",
            ),
            (figures(Some(100.0), 0), 1, "Everything came on time today."),
            (figures(None, 2), 7, "Nothing was due yet in the last 7 days."),
            (figures(None, 0), 7, "Nothing was paid for in the last 7 days."),
        ] {
            assert_eq!(heading(&of, days), written);
        }
    }
}
