//! The overview: how well it goes.
//!
//! Days are UTC days. The figures are exact up to the moment of asking: what is added up already
//! (see [`crate::figures`]) and what has happened since. Only where adding up lags by more than a
//! day, as after a first upgrade with years of events, is something missing, and the overview says
//! so.

use std::collections::BTreeMap;

use domain::ids::ProjectId;
use domain::project::Mode;
use time::{Date, Duration, OffsetDateTime};

use super::{counted_names, reading};
use crate::figures::{self, Figures};
use crate::{PgPool, StoreError};

/// How it goes over some days.
#[derive(Debug, Clone)]
pub struct Overview {
    /// Every day, oldest first; the last one is today.
    pub per_day: Vec<DayFigures>,
    /// From the receipt to the incident, over the incidents opened in these days.
    pub time_to_detect: Spread,
    /// From the incident to its end, over the incidents resolved in these days.
    pub time_to_repair: Spread,
    /// How the same are distributed.
    pub repair_times: RepairTimes,
    /// All events received in these days.
    pub overall: OnTime,
    /// The same by project, most events first.
    pub by_project: Vec<OnTime>,
    /// The same by event type, most events first.
    pub by_event_type: Vec<OnTime>,
    /// Since when something is missing, because it is still being added up.
    pub incomplete_since: Option<OffsetDateTime>,
}

/// Where one bar of a distribution of times ends and the next begins.
pub const REPAIR_BOUNDS: [Duration; 7] = [
    Duration::minutes(1),
    Duration::minutes(5),
    Duration::minutes(15),
    Duration::hours(1),
    Duration::hours(4),
    Duration::days(1),
    Duration::days(3),
];

/// How many took at most as long as each of [`REPAIR_BOUNDS`] and longer than the one before; the last ones took longer
/// than all.
pub type RepairTimes = [i64; REPAIR_BOUNDS.len() + 1];

/// What happened to incidents on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayFigures {
    pub day: Date,
    /// Incidents opened.
    pub opened: i64,
    /// Incidents resolved.
    pub resolved: i64,
}

/// The middle and the slow end of some durations; nothing of nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spread {
    /// Half of them are at most this long.
    pub median: Option<Duration>,
    /// Nine of ten are at most this long.
    pub p90: Option<Duration>,
}

/// How many events were applied on time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OnTime {
    /// The project or event type; empty for all.
    pub name: String,
    /// Events received.
    pub events: i64,
    /// Those of them that still have time.
    pub pending: i64,
    /// Those that were applied without an incident.
    pub on_time: i64,
    /// How many of a hundred that are not pending were applied on time.
    pub percent: Option<f64>,
    /// Those that got an incident.
    pub incidents: i64,
}

/// The overview of one project, or of all of a mode, over so many days up to today.
pub async fn overview(
    db: &PgPool,
    project_id: Option<ProjectId>,
    mode: Option<Mode>,
    days: i32,
) -> Result<Overview, StoreError> {
    let mut tx = reading::begin(db).await?;
    let now = sqlx::query_scalar!(r#"SELECT now() AS "now!""#).fetch_one(&mut *tx).await?;
    let now = now.to_offset(time::UtcOffset::UTC);
    let first = now.date() - Duration::days(i64::from(days.clamp(1, 366)) - 1);
    let rolled_up = figures::list_rolled_up(&mut tx, first, project_id).await?;
    let live_from = rolled_up.until.max(now - Duration::DAY);
    let mut all = rolled_up.figures;
    let live = figures::list_since(&mut tx, live_from).await?;
    all.extend(live.into_iter().filter(|of| of.day >= first));
    let mut pending = figures::count_pending(&mut tx, first, project_id).await?;
    let names = counted_names(&mut tx, project_id, mode).await?;
    tx.commit().await?;
    all.retain(|of| names.contains_key(&of.project_id));
    pending.retain(|(id, ..)| names.contains_key(id));
    let name = |id| names.get(&id).cloned().unwrap_or_default();
    Ok(Overview {
        per_day: per_day(&all, first, now.date()),
        time_to_detect: spread(all.iter().flat_map(|of| &of.detect_ms)),
        time_to_repair: spread(all.iter().flat_map(|of| &of.repair_ms)),
        repair_times: distribute(all.iter().flat_map(|of| &of.repair_ms)),
        overall: on_time(&all, &pending, |_, _| ()).into_values().next().unwrap_or_default(),
        by_project: named(on_time(&all, &pending, |id, _| id), name),
        by_event_type: named(on_time(&all, &pending, |_, kind| kind.to_owned()), |kind| kind),
        incomplete_since: (live_from > rolled_up.until).then_some(rolled_up.until),
    })
}

fn per_day(all: &[Figures], first: Date, last: Date) -> Vec<DayFigures> {
    let days = std::iter::successors(Some(first), |day| day.next_day());
    let mut by_day: BTreeMap<_, _> = days
        .take_while(|day| *day <= last)
        .map(|day| (day, DayFigures { day, opened: 0, resolved: 0 }))
        .collect();
    for figures in all {
        if let Some(day) = by_day.get_mut(&figures.day) {
            day.opened += figures.opened;
            day.resolved += figures.resolved;
        }
    }
    by_day.into_values().collect()
}

fn on_time<Group: Ord>(
    all: &[Figures],
    pending: &[(ProjectId, String, i64)],
    group: impl Fn(ProjectId, &str) -> Group,
) -> BTreeMap<Group, OnTime> {
    let mut groups: BTreeMap<Group, OnTime> = BTreeMap::new();
    for figures in all.iter().filter(|of| of.received > 0 || of.troubled > 0) {
        let one = groups.entry(group(figures.project_id, &figures.event_type)).or_default();
        one.events += figures.received;
        one.incidents += figures.troubled;
    }
    for (project_id, event_type, events) in pending {
        groups.entry(group(*project_id, event_type)).or_default().pending += events;
    }
    for one in groups.values_mut() {
        // While figures lag behind, those of an incident may be there without its event.
        let judged = (one.events - one.pending).max(0);
        one.on_time = (judged - one.incidents).max(0);
        one.percent = (judged > 0).then(|| percent(one.on_time, judged));
    }
    groups
}

#[expect(clippy::cast_precision_loss, reason = "a percentage of numbers far below 2^52")]
fn percent(part: i64, whole: i64) -> f64 {
    part as f64 * 100.0 / whole as f64
}

fn named<Group>(groups: BTreeMap<Group, OnTime>, name: impl Fn(Group) -> String) -> Vec<OnTime> {
    let named = groups.into_iter().map(|(group, one)| OnTime { name: name(group), ..one });
    let mut rows: Vec<_> = named.collect();
    rows.sort_by(|a, b| b.events.cmp(&a.events).then_with(|| a.name.cmp(&b.name)));
    rows
}

fn spread<'a>(milliseconds: impl Iterator<Item = &'a i64>) -> Spread {
    let mut sorted: Vec<_> = milliseconds.copied().collect();
    sorted.sort_unstable();
    // The nearest rank: the smallest one that so many of a hundred do not exceed.
    let rank = |of_hundred: usize| {
        let key = (sorted.len() * of_hundred).div_ceil(100).checked_sub(1)?;
        sorted.get(key).map(|ms| Duration::milliseconds(*ms))
    };
    Spread { median: rank(50), p90: rank(90) }
}

fn distribute<'a>(milliseconds: impl Iterator<Item = &'a i64>) -> RepairTimes {
    let mut times = RepairTimes::default();
    for ms in milliseconds {
        let bound = REPAIR_BOUNDS.partition_point(|bound| *bound < Duration::milliseconds(*ms));
        times[bound] += 1;
    }
    times
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_belongs_to_the_first_bound_that_it_does_not_exceed() {
        let minutes = |minutes: i64| minutes * 60_000;
        let times = [0, minutes(1), minutes(1) + 1, minutes(60), minutes(72 * 60), i64::MAX];
        assert_eq!(distribute(times.iter()), [2, 1, 0, 1, 0, 0, 1, 1]);
        assert_eq!(distribute(std::iter::empty()), [0; 8]);
    }

    #[test]
    fn the_middle_and_the_slow_end_are_the_nearest_ranks() {
        let seconds = |ms: &[i64]| {
            let spread = spread(ms.iter());
            (
                spread.median.map(time::Duration::whole_milliseconds),
                spread.p90.map(time::Duration::whole_milliseconds),
            )
        };
        assert_eq!(seconds(&[]), (None, None));
        assert_eq!(seconds(&[7]), (Some(7), Some(7)));
        assert_eq!(seconds(&[3, 1, 2]), (Some(2), Some(3)));
        assert_eq!(seconds(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]), (Some(5), Some(9)));
    }

    #[test]
    fn events_without_an_incident_that_are_not_pending_were_on_time() {
        let project_id = ProjectId::from_uuid(uuid::Uuid::nil());
        let figures = |event_type: &str, received, troubled| Figures {
            day: Date::MIN,
            project_id,
            event_type: event_type.to_owned(),
            received,
            troubled,
            opened: 0,
            resolved: 0,
            detect_ms: vec![],
            repair_ms: vec![],
        };
        let all = [figures("a", 8, 1), figures("a", 2, 1), figures("b", 1, 0)];
        let pending = [(project_id, "a".to_owned(), 2), (project_id, "b".to_owned(), 1)];
        let rows = named(on_time(&all, &pending, |_, kind| kind.to_owned()), |kind| kind);
        let row = |name: &str, events, pending, on_time, percent, incidents| OnTime {
            name: name.to_owned(),
            events,
            pending,
            on_time,
            percent,
            incidents,
        };
        assert_eq!(rows, [row("a", 10, 2, 6, Some(75.0), 2), row("b", 1, 1, 0, None, 0)]);
    }

    #[test]
    fn every_day_has_its_row() {
        let (first, last) =
            (time::macros::date!(2026 - 02 - 27), time::macros::date!(2026 - 03 - 01));
        let days = per_day(&[], first, last);
        assert_eq!(days.len(), 3);
        assert_eq!((days[0].day, days[2].day), (first, last));
    }
}
