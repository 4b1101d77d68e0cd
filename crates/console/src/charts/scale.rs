//! Scales: from a count to a length, and to the round number at the top.

/// A round number that is not exceeded: 1, 2 or 5, or ten, a hundred … times that.
pub(super) fn top(most: i64) -> i64 {
    let mut power = 1_i64;
    loop {
        let mut tops = [1, 2, 5].iter().map(|step| power.saturating_mul(*step));
        if let Some(top) = tops.find(|top| *top >= most) {
            return top;
        }
        power = power.saturating_mul(10);
    }
}

/// How long the bar of so many is where `top` is as long as `longest`. What happened at all can be seen.
pub(super) fn length(count: i64, top: i64, longest: i64) -> i64 {
    if count <= 0 {
        return 0;
    }
    let exact = i128::from(count) * i128::from(longest) / i128::from(top.max(1));
    i64::try_from(exact).unwrap_or(longest).clamp(SHORTEST.min(longest), longest)
}

/// The length of what is next to nothing.
const SHORTEST: i64 = 2;

/// As it stands beside a scale: `900`, `20k`, `5M`; tops are round, so nothing is cut off.
pub(super) fn short(count: i64) -> String {
    const UNITS: [(i64, &str); 4] =
        [(1_000_000_000_000, "T"), (1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")];
    let unit = UNITS.iter().find(|(size, _)| count >= *size && count % size == 0);
    unit.map_or_else(|| count.to_string(), |(size, name)| format!("{}{name}", count / size))
}

/// So many places of a row of things, the first and the last among them and as evenly as whole numbers allow.
pub(super) fn places(count: usize, wanted: usize) -> Vec<usize> {
    let Some(last) = count.checked_sub(1) else { return Vec::new() };
    let steps = wanted.saturating_sub(1).clamp(1, last.max(1));
    let mut places: Vec<_> = (0..=steps).map(|step| last * step / steps).collect();
    places.dedup();
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tops_are_round_and_hold_everything() {
        for (most, expected) in [
            (-1, 1),
            (0, 1),
            (1, 1),
            (2, 2),
            (3, 5),
            (6, 10),
            (214, 500),
            (1_000, 1_000),
            (1_001, 2_000),
            (i64::MAX, i64::MAX),
        ] {
            assert_eq!(top(most), expected, "{most}");
        }
    }

    #[test]
    fn one_of_a_million_is_seen_and_nothing_is_nothing() {
        assert_eq!(length(0, 500, 100), 0);
        assert_eq!(length(-3, 500, 100), 0);
        assert_eq!(length(1, 1_000_000, 100), SHORTEST);
        assert_eq!(length(250, 500, 100), 50);
        assert_eq!(length(500, 500, 100), 100);
        assert_eq!(length(i64::MAX, i64::MAX, 100), 100);
        assert_eq!(length(7, 0, 100), 100, "no longer than the longest");
    }

    #[test]
    fn large_numbers_are_short() {
        for (count, expected) in
            [(0, "0"), (500, "500"), (2_000, "2k"), (5_000_000, "5M"), (1_500, "1500")]
        {
            assert_eq!(short(count), expected);
        }
    }

    #[test]
    fn labels_are_spread_from_the_first_to_the_last() {
        assert_eq!(places(0, 5), [0; 0]);
        assert_eq!(places(1, 5), [0]);
        assert_eq!(places(2, 5), [0, 1]);
        assert_eq!(places(25, 5), [0, 6, 12, 18, 24]);
        assert_eq!(places(24, 5), [0, 5, 11, 17, 23]);
    }
}
