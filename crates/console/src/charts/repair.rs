//! How long it took to put incidents right, from a minute to days.

use store::search::overview::{REPAIR_BOUNDS, RepairTimes};

use super::{Bars, Plot, Side, Table};

/// What stands below the bars: each is about times up to this.
const SHORT: [&str; REPAIR_BOUNDS.len() + 1] =
    ["1 min", "5 min", "15 min", "1 h", "4 h", "1 day", "3 days", "longer"];
/// The same in the table.
const LONG: [&str; SHORT.len()] = [
    "Up to a minute",
    "1 to 5 minutes",
    "5 to 15 minutes",
    "15 minutes to an hour",
    "1 to 4 hours",
    "4 hours to a day",
    "1 to 3 days",
    "Longer than 3 days",
];

/// The distribution; `None` where nothing was resolved.
pub(crate) fn repair_times(times: &RepairTimes) -> Option<Plot> {
    let all: i64 = times.iter().sum();
    let row =
        |(name, count): (&str, &i64)| (name.to_owned(), [count.to_string(), share(*count, all)]);
    (all > 0).then(|| Plot {
        id: "repair",
        title: "Incidents by the time from their begin to their end".to_owned(),
        says: format!(
            "Of {all} that were resolved, {} took at most an hour and {} longer than a day.",
            times[..4].iter().sum::<i64>(),
            times[6..].iter().sum::<i64>(),
        ),
        bars: Bars::upwards(times),
        up: Side { class: "resolved", dot: "done", text: "resolved within at most" },
        down: None,
        labels: SHORT.map(str::to_owned).to_vec(),
        is_label_per_bar: true,
        mark: None,
        table: Table::new(
            "Resolved incidents by the time that it took".to_owned(),
            "Time",
            ["Incidents", "Share"],
            LONG.into_iter().zip(times).map(row),
        ),
    })
}

/// Rounded down: only all of them are 100.
fn share(count: i64, all: i64) -> String {
    format!("{}%", i128::from(count) * 100 / i128::from(all.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_are_told_in_words_and_numbers() {
        assert!(repair_times(&[0; 8]).is_none());
        let plot = repair_times(&[1, 0, 0, 2, 0, 0, 0, 3]).expect("a drawing");
        let says = "Of 6 that were resolved, 3 took at most an hour and 3 longer than a day.";
        assert_eq!(plot.says, says);
        assert_eq!((plot.labels.len(), plot.table.rows.len(), plot.bars.width), (8, 8, 80));
        let last = plot.table.rows.last().expect("a row");
        assert_eq!(last.name, "Longer than 3 days");
        assert_eq!(last.cells, [("Incidents", "3".to_owned()), ("Share", "50%".to_owned())]);
    }

    #[test]
    fn only_all_of_them_are_a_hundred_per_cent() {
        assert_eq!(share(999, 1_000), "99%");
        assert_eq!(share(i64::MAX, i64::MAX), "100%");
        assert_eq!(share(0, 0), "0%");
    }
}
