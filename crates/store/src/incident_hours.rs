//! What happened to incidents in which hour, by project and cause: what is drawn over time.
//!
//! It is added up as the daily figures are ([`crate::roll_ups`]): a stretch of time and how far that reaches are one
//! transaction, so each incident is counted once whatever crashes. What has happened since is counted at the time of
//! the query. An incident keeps the cause that it was opened with, so what is added up stays true.

use domain::ids::{CauseId, ProjectId};
use domain::incident::IncidentState;
use sqlx::PgExecutor;
use time::{Duration, OffsetDateTime, UtcOffset};

use crate::search::floor_id;
use crate::{PgConnection, PgPool, StoreError, column, roll_ups};

/// How far back hours are kept.
pub const HISTORY: Duration = Duration::days(8);
/// How much is added up in one statement.
const STRETCH: Duration = Duration::DAY;

/// What happened to the incidents of a project in an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IncidentHour {
    /// Its begin, in UTC.
    pub hour: OffsetDateTime,
    pub project_id: ProjectId,
    /// Events received in this hour that had an incident, whenever it opened.
    pub late: i64,
    /// Incidents opened.
    pub opened: i64,
    /// Incidents resolved.
    pub resolved: i64,
}

/// The same for those of a cause: the nil id where it is not known.
type CauseHour = (CauseId, IncidentHour);

/// What is already added up, and until when.
#[derive(Debug)]
pub(crate) struct RolledUp {
    pub until: OffsetDateTime,
    pub hours: Vec<IncidentHour>,
}

/// Adds up the next stretch of time, at most a day. `true` if there may be more to do.
pub async fn roll_up(pool: &PgPool) -> Result<bool, StoreError> {
    let next = roll_ups::begin(pool, "incident_hours", STRETCH).await?;
    let Some(mut stretch) = next else { return Ok(false) };
    let happened = list_happened(&mut stretch.tx, stretch.from, stretch.until, None).await?;
    add(&mut stretch.tx, &happened).await?;
    stretch.end().await
}

async fn add(tx: &mut PgConnection, hours: &[CauseHour]) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO incident_hours AS known (hour, project_id, cause, late, opened, resolved)
         SELECT * FROM unnest($1::timestamptz[], $2::uuid[], $3::uuid[], $4::bigint[], $5::bigint[], $6::bigint[])
         ON CONFLICT ON CONSTRAINT incident_hours_pkey DO UPDATE SET
             late = known.late + excluded.late, opened = known.opened + excluded.opened,
             resolved = known.resolved + excluded.resolved",
        &column(hours, |(_, of)| of.hour),
        &column(hours, |(_, of)| of.project_id.as_uuid()),
        &column(hours, |(cause, _)| cause.as_uuid()),
        &column(hours, |(_, of)| of.late),
        &column(hours, |(_, of)| of.opened),
        &column(hours, |(_, of)| of.resolved),
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// The hours since a moment, as far as they are added up: of one cause, or of all, which then are one.
pub(crate) async fn list_rolled_up(
    db: &mut PgConnection,
    since: OffsetDateTime,
    cause: Option<CauseId>,
) -> Result<RolledUp, StoreError> {
    // One statement, so that nothing is added between reading the one and the other.
    let rows = sqlx::query!(
        r#"SELECT r.rolled_until, h.hour AS "hour?", h.project_id AS "project_id?: ProjectId", h.late AS "late?",
               h.opened AS "opened?", h.resolved AS "resolved?"
           FROM roll_ups r LEFT JOIN (
               SELECT hour, project_id, sum(late)::bigint AS late, sum(opened)::bigint AS opened,
                   sum(resolved)::bigint AS resolved
               FROM incident_hours WHERE hour >= $1 AND ($2::uuid IS NULL OR cause = $2)
               GROUP BY hour, project_id) AS h ON true
           WHERE r.name = 'incident_hours'"#,
        since,
        cause.map(CauseId::as_uuid),
    )
    .fetch_all(db)
    .await?;
    let until = rows.first().ok_or(StoreError::Missing("roll_ups"))?.rolled_until;
    let hours = rows.into_iter().filter_map(|row| {
        Some(IncidentHour {
            hour: row.hour?,
            project_id: row.project_id?,
            late: row.late?,
            opened: row.opened?,
            resolved: row.resolved?,
        })
    });
    Ok(RolledUp { until, hours: hours.collect() })
}

/// What has happened since a moment: to the incidents of one cause, or of all, hour by hour and cause by cause.
pub(crate) async fn list_since(
    db: &mut PgConnection,
    since: OffsetDateTime,
    cause: Option<CauseId>,
) -> Result<Vec<IncidentHour>, StoreError> {
    let hours = list_happened(db, since, roll_ups::END_OF_TIME, cause).await?;
    Ok(hours.into_iter().map(|(_, hour)| hour).collect())
}

/// In which hours since a moment incidents of these causes opened, as far as they are added up, and until when they are.
pub(crate) async fn list_opened(
    db: &mut PgConnection,
    since: OffsetDateTime,
    causes: &[CauseId],
) -> Result<(OffsetDateTime, Vec<(CauseId, OffsetDateTime)>), StoreError> {
    let rows = sqlx::query!(
        r#"SELECT r.rolled_until, h.cause AS "cause?: CauseId", h.hour AS "hour?"
           FROM roll_ups r LEFT JOIN (
               SELECT of.cause, of.hour FROM unnest($2::uuid[]) AS wanted (cause) CROSS JOIN LATERAL (
                   SELECT cause, hour FROM incident_hours WHERE cause = wanted.cause AND hour >= $1 AND opened > 0) AS of
               ) AS h ON true
           WHERE r.name = 'incident_hours'"#,
        since,
        causes as &[CauseId],
    )
    .fetch_all(db)
    .await?;
    let until = rows.first().ok_or(StoreError::Missing("roll_ups"))?.rolled_until;
    Ok((until, rows.into_iter().filter_map(|row| Some((row.cause?, row.hour?))).collect()))
}

/// In which hours since a moment incidents of these causes opened, up to `now`. Of each hour one incident is read in each
/// state, however many there are: a flood that is not added up yet costs no more than a single one.
pub(crate) async fn list_opened_since(
    db: &mut PgConnection,
    since: OffsetDateTime,
    now: OffsetDateTime,
    causes: &[CauseId],
) -> Result<Vec<(CauseId, OffsetDateTime)>, StoreError> {
    let spans = hours_between(since, now);
    let rows = sqlx::query!(
        r#"SELECT wanted.cause AS "cause!: CauseId", date_trunc('hour', first.opened_at, 'UTC') AS "hour!"
           FROM unnest($1::uuid[]) AS wanted (cause) CROSS JOIN unnest($2::text[]) AS of (state)
           CROSS JOIN unnest($3::uuid[], $4::uuid[]) AS span (above, below)
           CROSS JOIN LATERAL (
               SELECT i.opened_at FROM incidents i
               WHERE i.cause = wanted.cause AND i.state = of.state AND i.id >= span.above AND i.id < span.below
               ORDER BY i.cause, i.state, i.id LIMIT 1) AS first"#,
        &column(causes, |cause| cause.as_uuid()),
        &column(IncidentState::ALL, ToString::to_string),
        &column(&spans, |(from, _)| floor_id(*from)),
        &column(&spans, |(_, until)| floor_id(*until)),
    );
    let rows = rows.fetch_all(db).await?;
    Ok(rows.into_iter().map(|row| (row.cause, row.hour)).collect())
}

/// The hours of UTC from a moment on, each with its end; the last one, that of `now`, has none.
fn hours_between(
    since: OffsetDateTime,
    now: OffsetDateTime,
) -> Vec<(OffsetDateTime, OffsetDateTime)> {
    let end_of_hour = |at: OffsetDateTime| {
        let at = at.to_offset(UtcOffset::UTC);
        at.date().midnight().assume_utc() + Duration::hours(i64::from(at.hour()) + 1)
    };
    let begins = std::iter::successors(Some(since), |at| {
        let next = end_of_hour(*at);
        (next <= now).then_some(next)
    });
    let spans = begins.map(|at| {
        let end = end_of_hour(at);
        (at, if end <= now { end } else { roll_ups::END_OF_TIME })
    });
    spans.collect()
}

/// `cause` leaves out all others.
async fn list_happened(
    db: &mut PgConnection,
    from: OffsetDateTime,
    until: OffsetDateTime,
    cause: Option<CauseId>,
) -> Result<Vec<CauseHour>, StoreError> {
    let hours = sqlx::query!(
        r#"WITH happened (at, project_id, cause, late, opened, resolved) AS (
               SELECT of.at, i.project_id, i.cause, of.late, of.opened, 0
               FROM incidents i CROSS JOIN LATERAL (VALUES (i.received_at, 1, 0), (i.opened_at, 0, 1)) AS of (at, late, opened)
               WHERE i.id >= $1 AND i.id < $2 AND ($5::uuid IS NULL OR i.cause = $5)
               UNION ALL
               SELECT i.resolved_at, i.project_id, i.cause, 0, 0, 1
               FROM projects p CROSS JOIN LATERAL (
                   SELECT * FROM incidents WHERE project_id = p.id AND state = 'resolved'
                       AND resolved_at >= $3 AND resolved_at < $4 AND ($5::uuid IS NULL OR cause = $5)) AS i
           )
           SELECT date_trunc('hour', at, 'UTC') AS "hour!", project_id AS "project_id!: ProjectId",
               coalesce(cause, '00000000-0000-0000-0000-000000000000') AS "cause!: CauseId",
               sum(late)::bigint AS "late!", sum(opened)::bigint AS "opened!", sum(resolved)::bigint AS "resolved!"
           FROM happened WHERE at IS NOT NULL GROUP BY 1, 2, 3"#,
        floor_id(from),
        floor_id(until),
        from,
        until,
        cause.map(CauseId::as_uuid),
    )
    .fetch_all(db)
    .await?;
    let hours = hours.into_iter().map(|row| {
        let (project_id, late) = (row.project_id, row.late);
        let (opened, resolved) = (row.opened, row.resolved);
        (row.cause, IncidentHour { hour: row.hour, project_id, late, opened, resolved })
    });
    Ok(hours.collect())
}

/// Forgets hours that nothing looks back to.
pub async fn delete_old(db: impl PgExecutor<'_>) -> Result<(), StoreError> {
    sqlx::query!(
        "DELETE FROM incident_hours WHERE hour < now() - make_interval(secs => $1)",
        HISTORY.as_seconds_f64(),
    )
    .execute(db)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn hours_have_no_gap_and_the_last_one_no_end() {
        let end = roll_ups::END_OF_TIME;
        let now = datetime!(2026-12-01 00:10 UTC);
        assert_eq!(
            hours_between(datetime!(2026-11-30 22:50:30 UTC), now),
            [
                (datetime!(2026-11-30 22:50:30 UTC), datetime!(2026-11-30 23:00 UTC)),
                (datetime!(2026-11-30 23:00 UTC), datetime!(2026-12-01 00:00 UTC)),
                (datetime!(2026-12-01 00:00 UTC), end),
            ]
        );
        assert_eq!(
            hours_between(datetime!(2026-12-01 00:09 UTC), now),
            [(datetime!(2026-12-01 00:09 UTC), end)]
        );
        let full = datetime!(2026-12-01 01:00 UTC);
        assert_eq!(hours_between(full, full), [(full, end)]);
    }
}
