//! Bars from one line: one count upwards, and another downwards, so that the two are distinguishable without their
//! colours.
//!
//! One path for each of the two keeps a year small. The drawing is stretched to the width of the page; text is placed
//! beside it, where it keeps its size.

use std::fmt::Write as _;

use super::scale;

/// The width of a bar with the space before it, that space, and the length of the longest bar.
const STEP: i64 = 10;
const GAP: i64 = 2;
const LONGEST: i64 = 100;

/// The paths of a drawing.
#[derive(Debug)]
pub(crate) struct Bars {
    pub(crate) width: i64,
    pub(crate) height: i64,
    /// Where the line is that bars begin at.
    pub(crate) base: i64,
    pub(crate) up: String,
    pub(crate) down: String,
    /// What stands beside it, from the top to the bottom.
    pub(crate) scale: Vec<String>,
    /// How far the first bar is from the left edge.
    left: i64,
}

impl Bars {
    /// Bars of both kinds. With fewer of them than `fewest` they do not grow wider, and end at the right edge.
    pub(crate) fn both(counts: &[(i64, i64)], fewest: usize) -> Self {
        let top = scale::top(counts.iter().map(|(up, down)| *up.max(down)).max().unwrap_or(0));
        let beside = [top, 0, top].map(scale::short).to_vec();
        let mut bars = Self::empty(counts.len(), fewest, 2 * LONGEST, beside);
        for (place, (up, down)) in (0..).zip(counts) {
            let left = bars.left + STEP * place + GAP;
            bar(&mut bars.up, left, -scale::length(*up, top, LONGEST));
            bar(&mut bars.down, left, scale::length(*down, top, LONGEST));
        }
        bars
    }

    /// Bars that go upwards only.
    pub(crate) fn upwards(counts: &[i64]) -> Self {
        let top = scale::top(counts.iter().copied().max().unwrap_or(0));
        let beside = [top, 0].map(scale::short).to_vec();
        let mut bars = Self::empty(counts.len(), 1, LONGEST, beside);
        for (place, count) in (0..).zip(counts) {
            let left = STEP * place + GAP / 2;
            bar(&mut bars.up, left, -scale::length(*count, top, LONGEST));
        }
        bars
    }

    fn empty(count: usize, fewest: usize, height: i64, scale: Vec<String>) -> Self {
        let width = STEP * number(count.max(fewest));
        let left = width - STEP * number(count);
        Self { width, height, base: LONGEST, up: String::new(), down: String::new(), scale, left }
    }

    /// Where something is that happened in the bar at this place, so many thousandths of its time after its begin.
    pub(crate) fn position(&self, place: usize, thousandths: i64) -> i64 {
        self.left + STEP * number(place) + GAP + (STEP - GAP) * thousandths.clamp(0, 1_000) / 1_000
    }
}

/// A bar from the line, upwards if its length is less than nothing.
fn bar(path: &mut String, left: i64, length: i64) {
    if length != 0 {
        let width = STEP - GAP;
        let _written = write!(path, "M{left} {LONGEST}h{width}v{length}h-{width}z");
    }
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_goes_up_and_the_other_down_from_the_same_line() {
        let bars = Bars::both(&[(0, 0), (4, 1), (1_000, 0)], 30);
        assert_eq!((bars.width, bars.height, bars.base), (300, 200, 100));
        assert_eq!(bars.up, "M282 100h8v-2h-8zM292 100h8v-100h-8z");
        assert_eq!(bars.down, "M282 100h8v2h-8z");
        assert_eq!(bars.scale, ["1k", "0", "1k"]);
    }

    #[test]
    fn a_year_is_as_wide_as_its_days_and_nothing_is_no_bars() {
        let bars = Bars::both(&[(0, 0); 365], 30);
        assert_eq!((bars.width, bars.up.as_str(), bars.down.as_str()), (3_650, "", ""));
        assert_eq!(bars.scale, ["1", "0", "1"]);
        assert_eq!(Bars::both(&[], 30).width, 300);
        assert_eq!(Bars::upwards(&[]).width, 10);
    }

    #[test]
    fn one_bar_reaches_a_round_number() {
        let bars = Bars::both(&[(3, 0)], 1);
        assert_eq!((bars.width, bars.up.as_str()), (10, "M2 100h8v-60h-8z"));
        assert_eq!(bars.scale, ["5", "0", "5"]);
    }

    #[test]
    fn the_longest_of_huge_counts_ends_at_the_top() {
        let bars = Bars::upwards(&[i64::MAX, 1]);
        assert_eq!(bars.up, "M1 100h8v-100h-8zM11 100h8v-2h-8z");
        assert_eq!((bars.height, bars.base), (100, 100));
    }

    #[test]
    fn a_moment_lies_within_its_bar() {
        let bars = Bars::both(&[(1, 0); 24], 24);
        assert_eq!([0, 500, 1_000, 9_999].map(|of| bars.position(2, of)), [22, 26, 30, 30]);
        assert_eq!(Bars::both(&[(1, 0)], 30).position(0, 0), 292);
    }
}
