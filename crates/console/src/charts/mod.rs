//! Drawings that the server makes: counts over time, and how they are distributed.
//!
//! A drawing is one SVG in the page, in the colours of the style sheet, without a script. It says what it shows to one who
//! does not see it, with units and time zone, and every number of it stands in a table behind it.

mod bars;
mod hours;
mod repair;
mod scale;

use store::search::overview::DayFigures;
use time::{Date, OffsetDateTime, UtcOffset};

use self::bars::Bars;
pub(crate) use self::hours::{cause_hours, last_hours};
pub(crate) use self::repair::repair_times;

/// With fewer days than this, bars of days do not grow wider.
const FEWEST_DAYS: usize = 30;

/// A drawing with all that is said about it.
#[derive(Debug)]
pub(crate) struct Plot {
    /// What distinguishes it from the others of its page.
    pub(crate) id: &'static str,
    pub(crate) title: String,
    /// What it shows, for one who does not see it.
    pub(crate) says: String,
    pub(crate) bars: Bars,
    pub(crate) up: Side,
    pub(crate) down: Option<Side>,
    /// Below the drawing, from its left to its right edge; or one below each bar.
    pub(crate) labels: Vec<String>,
    pub(crate) is_label_per_bar: bool,
    pub(crate) mark: Option<Mark>,
    pub(crate) table: Table,
}

/// What bars of one direction are.
#[derive(Debug)]
pub(crate) struct Side {
    /// The class of its path, and of the dot before its name.
    pub(crate) class: &'static str,
    pub(crate) dot: &'static str,
    pub(crate) text: &'static str,
}

/// A line across the drawing.
#[derive(Debug)]
pub(crate) struct Mark {
    pub(crate) at: i64,
    pub(crate) text: String,
}

/// The same in numbers.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) caption: String,
    /// Of the column that names the rows.
    pub(crate) head: &'static str,
    /// Of the columns of numbers.
    pub(crate) heads: Vec<&'static str>,
    pub(crate) rows: Vec<TableRow>,
}

/// A row of it.
#[derive(Debug)]
pub(crate) struct TableRow {
    pub(crate) name: String,
    /// Each number with the head of its column.
    pub(crate) cells: Vec<(&'static str, String)>,
}

impl Table {
    fn new<const COLUMNS: usize>(
        caption: String,
        head: &'static str,
        heads: [&'static str; COLUMNS],
        rows: impl Iterator<Item = (String, [String; COLUMNS])>,
    ) -> Self {
        let row = |(name, numbers): (String, [String; COLUMNS])| TableRow {
            name,
            cells: heads.into_iter().zip(numbers).collect(),
        };
        Self { caption, head, heads: heads.to_vec(), rows: rows.map(row).collect() }
    }
}

const OPENED: Side = Side { class: "opened", dot: "open", text: "opened, upwards" };
const RESOLVED: Side = Side { class: "resolved", dot: "done", text: "resolved, downwards" };

/// Incidents per day; `None` where nothing happened.
pub(crate) fn days(days: &[DayFigures]) -> Option<Plot> {
    let sum = |of: fn(&DayFigures) -> i64| days.iter().map(of).sum::<i64>();
    let (opened, resolved) = (sum(|day| day.opened), sum(|day| day.resolved));
    let most =
        days.iter().map(|day| day.opened.max(day.resolved)).max().filter(|most| *most > 0)?;
    let (first, last) = (day(days.first()?.day), day(days.last()?.day));
    let counts: Vec<_> = days.iter().map(|day| (day.opened, day.resolved)).collect();
    let busy = days.iter().rev().filter(|day| day.opened + day.resolved > 0);
    let row = |of: &DayFigures| (day(of.day), [of.opened, of.resolved].map(|n| n.to_string()));
    Some(Plot {
        id: "days",
        title: "Incidents opened and resolved per day (UTC)".to_owned(),
        says: format!(
            "From {first} to {last}, {opened} were opened and {resolved} resolved, at most {most} a day."
        ),
        bars: Bars::both(&counts, FEWEST_DAYS),
        up: OPENED,
        down: Some(RESOLVED),
        labels: vec![first, last],
        is_label_per_bar: false,
        mark: None,
        table: Table::new(
            "Incidents opened and resolved, on the days that had any (UTC)".to_owned(),
            "Day",
            ["Opened", "Resolved"],
            busy.map(row),
        ),
    })
}

/// `21 Nov 2026`.
fn day(day: Date) -> String {
    format!("{} {} {}", day.day(), month(day), day.year())
}

/// `21 Nov, 14:00`, in UTC.
fn hour(at: OffsetDateTime) -> String {
    let at = at.to_offset(UtcOffset::UTC);
    format!("{} {}, {:02}:{:02}", at.day(), month(at.date()), at.hour(), at.minute())
}

fn month(day: Date) -> String {
    day.month().to_string().chars().take(3).collect()
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    #[test]
    fn days_say_what_happened_and_where_nothing_did_there_is_no_drawing() {
        let of = |opened, resolved| DayFigures { day: date!(2026 - 11 - 21), opened, resolved };
        assert!(days(&[]).is_none());
        assert!(days(&[of(0, 0); 30]).is_none());
        let plot = days(&[of(0, 0), of(4, 1)]).expect("a drawing");
        let says =
            "From 21 Nov 2026 to 21 Nov 2026, 4 were opened and 1 resolved, at most 4 a day.";
        assert_eq!(plot.says, says);
        let [row] = plot.table.rows.as_slice() else { panic!("{:?}", plot.table) };
        assert_eq!(row.name, "21 Nov 2026");
        assert_eq!(row.cells, [("Opened", "4".to_owned()), ("Resolved", "1".to_owned())]);
    }
}
