//! The last hours: incidents, and of all projects of a mode, or of one, what came on time.

use store::search::hours::{CauseHours, HourFigures, Hours};
use time::{Duration, OffsetDateTime};

use super::{Bars, Mark, OPENED, Plot, RESOLVED, Side, Table, hour, scale};

/// How many labels stand below the hours.
const LABELS: usize = 5;

/// The drawings of the last hours: none where nothing happened.
pub(crate) fn last_hours(of: &Hours) -> Vec<Plot> {
    incidents(&of.hours).into_iter().chain(effects(&of.hours)).collect()
}

/// The drawing of a cause, with a line where it began.
pub(crate) fn cause_hours(of: &CauseHours) -> Option<Plot> {
    let mut plot = incidents(&of.hours.hours)?;
    let mark = of.began_at.and_then(|at| mark(&plot.bars, &of.hours.hours, at));
    if let Some(mark) = &mark {
        plot.says = format!("{} It {}.", plot.says, mark.text);
    }
    plot.mark = mark;
    Some(plot)
}

fn mark(bars: &Bars, hours: &[HourFigures], at: OffsetDateTime) -> Option<Mark> {
    let place = hours.iter().position(|of| of.hour <= at && at < of.hour + Duration::HOUR)?;
    let thousandths = (at - hours[place].hour).whole_milliseconds() / 3_600;
    let thousandths = i64::try_from(thousandths).unwrap_or_default();
    Some(Mark { at: bars.position(place, thousandths), text: format!("began {} UTC", hour(at)) })
}

fn incidents(hours: &[HourFigures]) -> Option<Plot> {
    let counts: Vec<_> = hours.iter().map(|of| (of.opened, of.resolved)).collect();
    let [opened, resolved] = sums(&counts);
    let row = |of: &HourFigures| (hour(of.hour), [of.opened, of.resolved].map(|n| n.to_string()));
    let busy = hours.iter().rev().filter(|of| of.opened + of.resolved > 0);
    (opened + resolved > 0).then(|| Plot {
        id: "hours",
        title: "Incidents opened and resolved per hour (UTC)".to_owned(),
        says: format!(
            "In the last {} hours {opened} were opened and {resolved} resolved.",
            hours.len()
        ),
        bars: Bars::both(&counts, 1),
        up: OPENED,
        down: Some(RESOLVED),
        labels: labels(hours),
        is_label_per_bar: false,
        mark: None,
        table: Table::new(
            "Hours in which incidents were opened or resolved (UTC)".to_owned(),
            "Hour",
            ["Opened", "Resolved"],
            busy.map(row),
        ),
    })
}

fn effects(hours: &[HourFigures]) -> Option<Plot> {
    let counts: Vec<_> = hours.iter().map(|of| (of.on_time, of.due - of.on_time)).collect();
    let [on_time, late] = sums(&counts);
    let row = |of: &HourFigures| {
        let numbers = [of.due, of.on_time, of.due - of.on_time].map(|n| n.to_string());
        (hour(of.hour), numbers)
    };
    let busy = hours.iter().rev().filter(|of| of.due > 0);
    (on_time + late > 0).then(|| Plot {
        id: "effects",
        title: "Effects on time and with an incident, by the hour of their receipt (UTC)".to_owned(),
        says: format!(
            "Of the effects of the last {} hours whose time is over, {on_time} came on time and {late} had an incident.",
            hours.len()
        ),
        bars: Bars::both(&counts, 1),
        up: Side { class: "timely", dot: "done", text: "on time, upwards" },
        down: Some(Side { class: "late", dot: "open", text: "with an incident, downwards" }),
        labels: labels(hours),
        is_label_per_bar: false,
        mark: None,
        table: Table::new(
            "Hours in which receipts came whose time is over (UTC)".to_owned(),
            "Hour",
            ["Due", "On time", "With an incident"],
            busy.map(row),
        ),
    })
}

fn sums(counts: &[(i64, i64)]) -> [i64; 2] {
    counts.iter().fold([0, 0], |[up, down], of| [up + of.0, down + of.1])
}

/// Evenly spread from the begin of the first hour to the end of the last.
fn labels(hours: &[HourFigures]) -> Vec<String> {
    let mut edges: Vec<_> = hours.iter().map(|of| of.hour).collect();
    edges.extend(hours.last().map(|of| of.hour + Duration::HOUR));
    let labels = scale::places(edges.len(), LABELS).into_iter().map(|place| hour(edges[place]));
    let mut labels: Vec<_> = labels.collect();
    if let Some(last) = labels.last_mut() {
        "now".clone_into(last);
    }
    labels
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const FIRST: OffsetDateTime = datetime!(2026-11-29 14:00 UTC);

    fn hours(changed: &[(usize, [i64; 4])]) -> Vec<HourFigures> {
        let empty = (0..24).map(|n| HourFigures {
            hour: FIRST + Duration::hours(n),
            opened: 0,
            resolved: 0,
            due: 0,
            on_time: 0,
        });
        let mut hours: Vec<_> = empty.collect();
        for (place, [opened, resolved, due, on_time]) in changed {
            let hour = hours[*place].hour;
            let [opened, resolved, due, on_time] = [*opened, *resolved, *due, *on_time];
            hours[*place] = HourFigures { hour, opened, resolved, due, on_time };
        }
        hours
    }

    fn of(hours: Vec<HourFigures>) -> Hours {
        Hours { hours, incomplete_since: None }
    }

    #[test]
    fn quiet_hours_are_not_drawn() {
        assert!(last_hours(&of(hours(&[]))).is_empty());
        assert!(last_hours(&of(Vec::new())).is_empty());
        let plots = last_hours(&of(hours(&[(3, [0, 0, 5, 5])])));
        assert_eq!(plots.iter().map(|plot| plot.id).collect::<Vec<_>>(), ["effects"]);
    }

    #[test]
    fn what_is_drawn_stands_in_words_and_numbers() {
        let plots = last_hours(&of(hours(&[(2, [3, 0, 10, 7]), (23, [0, 1, 2, 2])])));
        let [incidents, effects] = plots.try_into().expect("two drawings");
        assert_eq!(incidents.says, "In the last 24 hours 3 were opened and 1 resolved.");
        let labels = ["29 Nov, 14:00", "29 Nov, 20:00", "30 Nov, 02:00", "30 Nov, 08:00", "now"];
        assert_eq!(incidents.labels, labels);
        let rows = effects.table.rows.iter().map(|row| {
            let numbers: Vec<_> = row.cells.iter().map(|(_, number)| number.as_str()).collect();
            format!("{}: {}", row.name, numbers.join(" "))
        });
        let rows: Vec<_> = rows.collect();
        assert_eq!(rows, ["30 Nov, 13:00: 2 2 0", "29 Nov, 16:00: 10 7 3"]);
        assert!(effects.says.ends_with("9 came on time and 3 had an incident."));
    }

    #[test]
    fn a_cause_is_marked_where_it_began() {
        let began_at = Some(FIRST + Duration::minutes(12 * 60 + 15));
        let hours = of(hours(&[(12, [9, 0, 0, 0])]));
        let plot = cause_hours(&CauseHours { hours: hours.clone(), began_at }).expect("a drawing");
        let mark = plot.mark.expect("a mark");
        assert_eq!((mark.at, mark.text.as_str()), (124, "began 30 Nov, 02:15 UTC"));
        assert!(plot.says.ends_with("9 were opened and 0 resolved. It began 30 Nov, 02:15 UTC."));
        let before = CauseHours { hours, began_at: Some(FIRST - Duration::MINUTE) };
        assert!(cause_hours(&before).expect("a drawing").mark.is_none());
    }
}
