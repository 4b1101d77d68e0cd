//! Daily figures: what the overview adds up, without reading every event for it.
//!
//! Only what stays true is counted: that an event was received, that an incident was opened or
//! resolved. Ids sort by time, so what happened between two moments is one stretch of an index.
//! When a stretch is over it is added to its days ([`crate::roll_ups`]). What happened since then is
//! counted at the time of the query.

use domain::ids::ProjectId;
use time::{Date, Duration, OffsetDateTime};
use uuid::Uuid;

use crate::search::floor_id;
use crate::{PgConnection, PgPool, StoreError, roll_ups};

/// What happened on one day to events of one project and type.
#[derive(Debug, Clone)]
pub struct Figures {
    /// The day, in UTC.
    pub day: Date,
    pub project_id: ProjectId,
    /// The provider's event type.
    pub event_type: String,
    /// Events received on that day.
    pub received: i64,
    /// Of these, those with an incident, whenever it was opened.
    pub troubled: i64,
    /// Incidents opened on that day.
    pub opened: i64,
    /// Incidents resolved on that day.
    pub resolved: i64,
    /// Of the incidents opened on that day, milliseconds from the receipt to the incident.
    pub detect_ms: Vec<i64>,
    /// Of the incidents resolved on that day, milliseconds from the incident to its end.
    pub repair_ms: Vec<i64>,
}

/// What is already added up, and until when.
#[derive(Debug, Clone)]
pub struct RolledUp {
    /// Everything that happened before this is in the figures.
    pub until: OffsetDateTime,
    pub figures: Vec<Figures>,
}

/// Adds up the next stretch of time, at most a day. `true` if there may be more to do.
pub async fn roll_up(pool: &PgPool) -> Result<bool, StoreError> {
    let next = roll_ups::begin(pool, "daily_figures", Duration::DAY).await?;
    let Some(mut stretch) = next else { return Ok(false) };
    for figures in list_happened(&mut stretch.tx, stretch.from, stretch.until).await? {
        add(&mut stretch.tx, &figures).await?;
    }
    stretch.end().await
}

async fn add(tx: &mut PgConnection, figures: &Figures) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO daily_figures AS f
             (day, project_id, event_type, received, troubled, opened, resolved, detect_ms, repair_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT ON CONSTRAINT daily_figures_pkey DO UPDATE SET
             received = f.received + excluded.received, troubled = f.troubled + excluded.troubled,
             opened = f.opened + excluded.opened, resolved = f.resolved + excluded.resolved,
             detect_ms = f.detect_ms || excluded.detect_ms, repair_ms = f.repair_ms || excluded.repair_ms",
        figures.day,
        figures.project_id.as_uuid(),
        figures.event_type,
        figures.received,
        figures.troubled,
        figures.opened,
        figures.resolved,
        &figures.detect_ms,
        &figures.repair_ms,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// The figures of all days since one, as far as they are added up.
pub async fn list_rolled_up(
    db: &mut PgConnection,
    since: Date,
    project_id: Option<ProjectId>,
) -> Result<RolledUp, StoreError> {
    // One statement, so that nothing is added between reading the one and the other.
    let rows = sqlx::query!(
        r#"SELECT r.rolled_until, f.day AS "day?", f.project_id AS "project_id?", f.event_type AS "event_type?",
               f.received AS "received?", f.troubled AS "troubled?", f.opened AS "opened?", f.resolved AS "resolved?",
               f.detect_ms AS "detect_ms?", f.repair_ms AS "repair_ms?"
           FROM roll_ups r LEFT JOIN daily_figures f ON f.day >= $1 AND ($2::uuid IS NULL OR f.project_id = $2)
           WHERE r.name = 'daily_figures'"#,
        since,
        project_id.map(ProjectId::as_uuid),
    )
    .fetch_all(db)
    .await?;
    let until = rows.first().ok_or(StoreError::Missing("roll_ups"))?.rolled_until;
    let figures = rows.into_iter().filter_map(|row| {
        Some(Figures {
            day: row.day?,
            project_id: row.project_id?,
            event_type: row.event_type?,
            received: row.received?,
            troubled: row.troubled?,
            opened: row.opened?,
            resolved: row.resolved?,
            detect_ms: row.detect_ms?,
            repair_ms: row.repair_ms?,
        })
    });
    Ok(RolledUp { until, figures: figures.collect() })
}

/// The figures of everything that has happened since a moment.
pub async fn list_since(
    db: &mut PgConnection,
    since: OffsetDateTime,
) -> Result<Vec<Figures>, StoreError> {
    list_happened(db, since, roll_ups::END_OF_TIME).await
}

async fn list_happened(
    db: &mut PgConnection,
    from: OffsetDateTime,
    until: OffsetDateTime,
) -> Result<Vec<Figures>, StoreError> {
    let figures = sqlx::query_as!(
        Figures,
        r#"WITH happened (at, project_id, event_type, received, troubled, opened, resolved, detect, repair) AS (
               SELECT date_trunc('day', e.received_at, 'UTC'), e.project_id, e.event_type, count(*), 0, 0, 0,
                   NULL::interval, NULL::interval
               FROM payment_events e WHERE e.id >= $1 AND e.id < $2 GROUP BY 1, 2, 3
               UNION ALL
               SELECT i.received_at, i.project_id, i.event_type, 0, 1, 0, 0, NULL, NULL
               FROM incidents i WHERE i.id >= $1 AND i.id < $2
               UNION ALL
               SELECT i.opened_at, i.project_id, i.event_type, 0, 0, 1, 0, i.opened_at - i.received_at, NULL
               FROM incidents i WHERE i.id >= $1 AND i.id < $2
               UNION ALL
               SELECT i.resolved_at, i.project_id, i.event_type, 0, 0, 0, 1, NULL, i.resolved_at - i.opened_at
               FROM projects p CROSS JOIN LATERAL (
                   SELECT * FROM incidents WHERE project_id = p.id AND state = 'resolved'
                       AND resolved_at >= $3 AND resolved_at < $4) AS i
           )
           SELECT (at AT TIME ZONE 'UTC')::date AS "day!", project_id AS "project_id!: ProjectId", event_type AS "event_type!",
               sum(received)::bigint AS "received!", sum(troubled)::bigint AS "troubled!",
               sum(opened)::bigint AS "opened!", sum(resolved)::bigint AS "resolved!",
               coalesce(array_agg((extract(epoch FROM detect) * 1000)::bigint) FILTER (WHERE detect IS NOT NULL), '{}') AS "detect_ms!",
               coalesce(array_agg((extract(epoch FROM repair) * 1000)::bigint) FILTER (WHERE repair IS NOT NULL), '{}') AS "repair_ms!"
           FROM happened GROUP BY 1, 2, 3"#,
        floor_id(from),
        floor_id(until),
        from,
        until,
    )
    .fetch_all(db)
    .await?;
    Ok(figures)
}

/// How many events received since a day still wait for their result, by project and event type.
pub async fn count_pending(
    db: &mut PgConnection,
    since: Date,
    project_id: Option<ProjectId>,
) -> Result<Vec<(ProjectId, String, i64)>, StoreError> {
    let first: Uuid = floor_id(since.midnight().assume_utc());
    let rows = sqlx::query!(
        r#"SELECT p.id, waiting.event_type, waiting.events AS "events!"
           FROM projects p CROSS JOIN LATERAL (
               SELECT e.event_type, count(*) AS events FROM payment_events e
               WHERE e.project_id = p.id AND e.effect = 'pending' AND e.id > $1 GROUP BY e.event_type) AS waiting
           WHERE $2::uuid IS NULL AND p.archived_at IS NULL OR p.id = $2"#,
        first,
        project_id.map(ProjectId::as_uuid),
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.event_type, row.events)).collect())
}
