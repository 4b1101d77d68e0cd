//! The last hours: what happened to incidents, and how many effects came on time.
//!
//! Hours are UTC hours; the last one goes on. As in the overview, the figures are what is added up already (see
//! [`crate::incident_hours`] and [`crate::receipt_hours`]) and what has happened since. Only where adding up lags by more
//! than a day, or two hours for receipts, is something missing, and the figures say so.

use std::collections::{BTreeMap, BTreeSet};

use domain::ids::{CauseId, ProjectId};
use domain::project::Mode;
use time::{Duration, OffsetDateTime, UtcOffset};

use super::incidents::StateFilter;
use super::{counted_names, floor_id, reading};
use crate::{PgConnection, PgPool, StoreError, column, incident_hours, receipt_hours};

/// How many hours are told of all incidents, and of a cause that began within them.
pub const USUAL_HOURS: usize = 24;
/// How many are told of a cause that began earlier.
pub const MOST_HOURS: usize = 24 * 7;
/// A cause that comes back after so many hours without an incident begins again.
const QUIET: Duration = Duration::hours(24);

/// How much of what receipts came in is counted at the time of asking, at most.
const LAG: Duration = Duration::hours(2);

/// What happened hour by hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hours {
    /// Oldest first, without a gap.
    pub hours: Vec<HourFigures>,
    /// Since when something is missing, because it is still being added up.
    pub incomplete_since: Option<OffsetDateTime>,
}

/// What happened in one hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HourFigures {
    /// Its begin, in UTC.
    pub hour: OffsetDateTime,
    /// Incidents opened.
    pub opened: i64,
    /// Incidents resolved.
    pub resolved: i64,
    /// Effects of the events received in this hour that do not have time any more.
    pub due: i64,
    /// Those of them that were applied without an incident.
    pub on_time: i64,
}

/// What happened to the incidents of a cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CauseHours {
    /// Without what was on time: a cause knows of no event that went well.
    pub hours: Hours,
    /// When the first incident opened after a day without one, if that was within the hours.
    pub began_at: Option<OffsetDateTime>,
}

/// The last hours of one project, or of all of a mode.
pub async fn list_hours(
    db: &PgPool,
    project_id: Option<ProjectId>,
    mode: Option<Mode>,
) -> Result<Hours, StoreError> {
    let mut tx = reading::begin(db).await?;
    let (now, mut hours) = begin(&mut tx, USUAL_HOURS).await?;
    let first = first(&hours, now);
    let counted = counted_names(&mut tx, project_id, mode).await?;
    let wanted = |id: ProjectId| counted.contains_key(&id);
    let of_incidents = add_incidents(&mut tx, &mut hours, now, None, &wanted).await?;
    let rolled_up = receipt_hours::list_rolled_up(&mut *tx, first).await?;
    let live_from = rolled_up.until.max(now - LAG);
    let of_receipts = (live_from > rolled_up.until).then_some(rolled_up.until);
    let live = receipt_hours::list_since(&mut *tx, live_from).await?;
    for of in rolled_up.hours.iter().chain(&live).filter(|of| wanted(of.project_id)) {
        change(&mut hours, of.hour, |one| one.due += of.receipts);
    }
    for of in receipt_hours::list_pending(&mut *tx, first).await? {
        if wanted(of.project_id) {
            change(&mut hours, of.hour, |one| one.due -= of.receipts);
        }
    }
    tx.commit().await?;
    let hours = hours.into_values().map(judged).collect();
    Ok(Hours { hours, incomplete_since: of_incidents.into_iter().chain(of_receipts).min() })
}

/// The last hours of a cause: a day, or more where it began earlier.
pub async fn list_hours_of_cause(db: &PgPool, cause: CauseId) -> Result<CauseHours, StoreError> {
    let mut tx = reading::begin(db).await?;
    let (now, mut hours) = begin(&mut tx, MOST_HOURS).await?;
    let incomplete_since = add_incidents(&mut tx, &mut hours, now, Some(cause), |_| true).await?;
    let mut hours: Vec<_> =
        hours.into_values().map(|of| HourFigures { due: 0, on_time: 0, ..of }).collect();
    let began = begin_of_run(&hours);
    let first_hour = began.map(|at| (cause, hours[at].hour));
    let began_at = find_first(&mut tx, first_hour.as_slice()).await?.remove(&cause);
    tx.commit().await?;
    // An hour before its begin shows that it is one.
    let usual = MOST_HOURS - USUAL_HOURS;
    hours.drain(..began.map_or(usual, |at| at.saturating_sub(1).min(usual)));
    Ok(CauseHours { hours: Hours { hours, incomplete_since }, began_at })
}

/// When the first incident of each of these causes opened after a day without one, as the hours of one have it; those of which
/// none opened within the hours are left out. What is read grows with the causes, by 168 hours at most for each.
pub async fn list_begins(
    db: &PgPool,
    causes: &[CauseId],
) -> Result<BTreeMap<CauseId, OffsetDateTime>, StoreError> {
    let mut tx = reading::begin(db).await?;
    let (now, hours) = begin(&mut tx, MOST_HOURS).await?;
    let since = first(&hours, now);
    let (until, mut opened) = incident_hours::list_opened(&mut tx, since, causes).await?;
    let live_from = until.max(now - Duration::DAY);
    opened.extend(incident_hours::list_opened_since(&mut tx, live_from, now, causes).await?);
    let mut hours = BTreeMap::<_, BTreeSet<_>>::new();
    for (cause, hour) in opened {
        hours.entry(cause).or_default().insert(hour);
    }
    let begins = hours.into_iter().filter_map(|(cause, hours)| Some((cause, last_run(hours)?)));
    let begins: Vec<_> = begins.collect();
    let first = find_first(&mut tx, &begins).await?;
    tx.commit().await?;
    Ok(first)
}

type ByHour = BTreeMap<OffsetDateTime, HourFigures>;

/// Now, and so many hours up to it in which nothing happened.
async fn begin(
    tx: &mut PgConnection,
    count: usize,
) -> Result<(OffsetDateTime, ByHour), StoreError> {
    let now = sqlx::query_scalar!(r#"SELECT now() AS "now!""#).fetch_one(tx).await?;
    Ok((now, empty(now, count)))
}

fn empty(now: OffsetDateTime, count: usize) -> ByHour {
    let now = now.to_offset(UtcOffset::UTC);
    let last = now.date().midnight().assume_utc() + Duration::hours(now.hour().into());
    let hours = std::iter::successors(Some(last), |hour| Some(*hour - Duration::HOUR));
    let figures = |hour| HourFigures { hour, opened: 0, resolved: 0, due: 0, on_time: 0 };
    hours.take(count).map(|hour| (hour, figures(hour))).collect()
}

fn first(hours: &ByHour, now: OffsetDateTime) -> OffsetDateTime {
    hours.keys().next().copied().unwrap_or(now)
}

/// Adds what happened to incidents; gives since when something of that is missing. What was late is taken from what was on
/// time, which is known when all that was due is added.
async fn add_incidents(
    tx: &mut PgConnection,
    hours: &mut ByHour,
    now: OffsetDateTime,
    cause: Option<CauseId>,
    wanted: impl Fn(ProjectId) -> bool,
) -> Result<Option<OffsetDateTime>, StoreError> {
    let rolled_up = incident_hours::list_rolled_up(tx, first(hours, now), cause).await?;
    let live_from = rolled_up.until.max(now - Duration::DAY);
    let live = incident_hours::list_since(tx, live_from, cause).await?;
    for of in rolled_up.hours.iter().chain(&live).filter(|of| wanted(of.project_id)) {
        change(hours, of.hour, |one| {
            one.opened += of.opened;
            one.resolved += of.resolved;
            one.on_time -= of.late;
        });
    }
    Ok((live_from > rolled_up.until).then_some(rolled_up.until))
}

fn change(hours: &mut ByHour, hour: OffsetDateTime, change: impl FnOnce(&mut HourFigures)) {
    if let Some(one) = hours.get_mut(&hour) {
        change(one);
    }
}

/// While figures lag behind, those of an incident may be there without its event.
fn judged(of: HourFigures) -> HourFigures {
    let due = of.due.max(0);
    HourFigures { due, on_time: (due + of.on_time).max(0), ..of }
}

/// Where the run of incidents that is the latest begins: the first hour with one after a day without.
fn begin_of_run(hours: &[HourFigures]) -> Option<usize> {
    let opened = hours.iter().filter(|of| of.opened > 0).map(|of| of.hour);
    let begin = last_run(opened)?;
    hours.iter().position(|of| of.hour == begin)
}

/// The begin of the last run of these hours, oldest first, in which incidents opened.
fn last_run(opened: impl IntoIterator<Item = OffsetDateTime>) -> Option<OffsetDateTime> {
    let (mut begin, mut last) = (None, None::<OffsetDateTime>);
    for hour in opened {
        if last.is_none_or(|last| hour - last > QUIET) {
            begin = Some(hour);
        }
        last = Some(hour);
    }
    begin
}

/// When the first incident of each cause opened since a moment.
async fn find_first(
    tx: &mut PgConnection,
    since: &[(CauseId, OffsetDateTime)],
) -> Result<BTreeMap<CauseId, OffsetDateTime>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT wanted.cause AS "cause!: CauseId", min(first.opened_at) AS "opened_at!"
           FROM unnest($1::uuid[], $2::uuid[]) AS wanted (cause, above) CROSS JOIN unnest($3::text[]) AS of (state)
           CROSS JOIN LATERAL (
               SELECT i.opened_at FROM incidents i
               WHERE i.cause = wanted.cause AND i.state = of.state AND i.id >= wanted.above
               ORDER BY i.cause, i.state, i.id LIMIT 1) AS first
           GROUP BY wanted.cause"#,
        &column(since, |(cause, _)| cause.as_uuid()),
        &column(since, |(_, at)| floor_id(*at)),
        &StateFilter::All.states(),
    );
    let rows = rows.fetch_all(tx).await?;
    Ok(rows.into_iter().map(|row| (row.cause, row.opened_at)).collect())
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-30 01:15:30.5 UTC);

    fn opened(counts: &[i64]) -> Vec<HourFigures> {
        let hours = empty(NOW, counts.len()).into_values().zip(counts);
        hours.map(|(of, opened)| HourFigures { opened: *opened, ..of }).collect()
    }

    #[test]
    fn hours_end_with_the_one_that_goes_on_and_have_no_gap() {
        let hours: Vec<_> = empty(NOW, 3).into_keys().collect();
        let expected = [
            datetime!(2026-11-29 23:00 UTC),
            datetime!(2026-11-30 00:00 UTC),
            datetime!(2026-11-30 01:00 UTC),
        ];
        assert_eq!(hours, expected);
        assert_eq!(empty(NOW, MOST_HOURS).len(), MOST_HOURS);
    }

    #[test]
    fn a_cause_begins_again_after_a_day_without_an_incident() {
        assert_eq!(begin_of_run(&opened(&[0; 30])), None);
        assert_eq!(begin_of_run(&opened(&[0, 0, 4, 0, 9])), Some(2));
        let mut counts = [0; 40];
        (counts[1], counts[24], counts[25]) = (1, 2, 3);
        assert_eq!(begin_of_run(&opened(&counts)), Some(1), "a gap of 22 hours");
        counts[24] = 0;
        counts[25] = 0;
        counts[26] = 1;
        assert_eq!(begin_of_run(&opened(&counts)), Some(26), "a gap of 24 hours");
    }

    #[test]
    fn what_is_not_due_is_not_late() {
        let of = |due, on_time| {
            let [one] = opened(&[0]).try_into().expect("an hour");
            let judged = judged(HourFigures { due, on_time, ..one });
            (judged.due, judged.on_time)
        };
        assert_eq!(of(10, -3), (10, 7));
        assert_eq!(of(0, -3), (0, 0), "the figures of receipts lag behind");
        assert_eq!(of(-2, 0), (0, 0));
    }
}
