//! Incidents per day as a drawing: opened upwards, resolved downwards, so that the two are
//! distinguishable without their colours.
//!
//! One path for each of the two keeps a year small. The drawing is stretched to the width of the
//! page; text is placed beside it, where it keeps its size.

use std::fmt::Write as _;

use store::search::overview::DayFigures;

use super::labels::day;

/// The width of a day and of the space before its bar, and the height of the longest bar.
const DAY: i64 = 10;
const GAP: i64 = 2;
const HALF: i64 = 100;
/// With fewer days than this, bars do not grow wider.
const FEWEST: usize = 30;

/// A drawing.
#[derive(Debug)]
pub struct Chart {
    pub width: i64,
    pub height: i64,
    pub middle: i64,
    pub opened: String,
    pub resolved: String,
    /// The first and the last day.
    pub first: String,
    pub last: String,
    /// The most on one day.
    pub most: i64,
}

impl Chart {
    /// The drawing of these days, oldest first.
    pub fn of(days: &[DayFigures]) -> Self {
        let most = days.iter().map(|day| day.opened.max(day.resolved)).max().unwrap_or_default();
        let width = DAY * length(days.len().max(FEWEST));
        let missing = width - DAY * length(days.len());
        let (mut opened, mut resolved) = (String::new(), String::new());
        for (place, figures) in (0..).zip(days) {
            let left = missing + DAY * place + GAP;
            bar(&mut opened, left, -scaled(figures.opened, most));
            bar(&mut resolved, left, scaled(figures.resolved, most));
        }
        let name = |figures: Option<&DayFigures>| figures.map(|figures| day(figures.day));
        Self {
            width,
            height: 2 * HALF,
            middle: HALF,
            opened,
            resolved,
            first: name(days.first()).unwrap_or_default(),
            last: name(days.last()).unwrap_or_default(),
            most,
        }
    }
}

/// How long the bar of so many is; what happened at all can be seen.
fn scaled(count: i64, most: i64) -> i64 {
    if count == 0 { 0 } else { (count * HALF / most.max(1)).max(2) }
}

/// A bar from the middle line, upwards if its length is less than nothing.
fn bar(path: &mut String, left: i64, length: i64) {
    if length != 0 {
        let width = DAY - GAP;
        let _written = write!(path, "M{left} {HALF}h{width}v{length}h-{width}z");
    }
}

fn length(days: usize) -> i64 {
    i64::try_from(days).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    #[test]
    fn opened_go_up_and_resolved_go_down_from_the_same_line() {
        let days = [(0, 0), (4, 1), (1_000, 0)].map(|(opened, resolved)| DayFigures {
            day: date!(2026 - 11 - 21),
            opened,
            resolved,
        });
        let chart = Chart::of(&days);
        assert_eq!((chart.width, chart.most), (300, 1_000));
        assert_eq!(chart.opened, "M282 100h8v-2h-8zM292 100h8v-100h-8z");
        assert_eq!(chart.resolved, "M282 100h8v2h-8z");
        assert_eq!((chart.first.as_str(), chart.last.as_str()), ("21 Nov 2026", "21 Nov 2026"));
    }

    #[test]
    fn a_year_is_as_wide_as_its_days_and_no_days_are_no_bars() {
        let quiet = DayFigures { day: date!(2026 - 11 - 21), opened: 0, resolved: 0 };
        let chart = Chart::of(&[quiet; 365]);
        assert_eq!((chart.width, chart.opened.as_str(), chart.most), (3_650, "", 0));
        assert_eq!(Chart::of(&[]).width, 300);
    }
}
