//! Silences: times in which the receipts of a project, or of one of its event types, did not come
//! though they were expected.
//!
//! [`judge`] opens and ends them, each in one transaction with the notices that report it, and under
//! a lock on the project's row: of several workers one does, and one that dies half-way leaves
//! nothing, so the next look finds the same. Of a flow one is open at most.

mod judge;

use domain::ids::{ProjectId, SilenceId};
use domain::silence::{ExpectedHours, Usual};
use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;

pub use self::judge::{judge, list_judged};

use crate::events::query_kinds;
use crate::{PgConnection, StoreError};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    pub id: SilenceId,
    pub project_id: ProjectId,
    /// None where nothing of the whole project came.
    pub event_type: Option<String>,
    /// When the last receipt before it came.
    pub since: OffsetDateTime,
    pub usual: Usual,
    pub noticed_at: OffsetDateTime,
    pub ended_at: Option<OffsetDateTime>,
    /// When the first receipt came again; none where it ended because something else is expected.
    pub resumed_at: Option<OffsetDateTime>,
}

/// A flow, and when its newest receipt came.
struct Newest {
    event_type: String,
    last_at: OffsetDateTime,
}

/// Reads silences; what follows `FROM silences` is the caller's.
macro_rules! query_silences {
    ($tail:literal $(, $argument:expr)*) => {
        sqlx::query!(
            "SELECT id, project_id, event_type, since, expected_hours, usual_per_hour, noticed_at, ended_at, resumed_at
             FROM silences " + $tail $(, $argument)*
        )
        .map(|row| Silence {
            usual: usual(row.expected_hours, row.usual_per_hour),
            id: row.id,
            project_id: row.project_id,
            event_type: row.event_type,
            since: row.since,
            noticed_at: row.noticed_at,
            ended_at: row.ended_at,
            resumed_at: row.resumed_at,
        })
    };
}

fn usual(expected_hours: Option<i32>, per_hour: Option<i64>) -> Usual {
    match expected_hours.and_then(|hours| ExpectedHours::new(hours).ok()) {
        Some(hours) => Usual::OneIn(hours),
        None => Usual::PerHour(per_hour.unwrap_or_default()),
    }
}

/// The silences that last, of a project or of all; the longest first, whole projects before their
/// event types.
pub async fn list_open(
    db: impl PgExecutor<'_>,
    project_id: Option<ProjectId>,
) -> Result<Vec<Silence>, StoreError> {
    let open = query_silences!(
        "WHERE ended_at IS NULL AND ($1::uuid IS NULL OR project_id = $1)
         ORDER BY event_type IS NOT NULL, since, event_type",
        project_id.map(ProjectId::as_uuid)
    );
    Ok(open.fetch_all(db).await?)
}

/// The newest silences of a project, at most `limit`, also those that are over.
pub async fn list_newest(
    db: impl PgExecutor<'_>,
    project_id: ProjectId,
    limit: i64,
) -> Result<Vec<Silence>, StoreError> {
    let newest = query_silences!(
        "WHERE project_id = $1 ORDER BY id DESC LIMIT $2",
        project_id.as_uuid(),
        limit
    );
    Ok(newest.fetch_all(db).await?)
}

pub async fn find_silence(
    db: impl PgExecutor<'_>,
    id: SilenceId,
) -> Result<Option<Silence>, StoreError> {
    Ok(query_silences!("WHERE id = $1", id.as_uuid()).fetch_optional(db).await?)
}

/// Ends the silences of a project without a word, because something else is expected from now on.
/// What is silent by that is noticed again.
pub(crate) async fn withdraw(
    db: impl PgExecutor<'_>,
    project_id: ProjectId,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE silences SET ended_at = now() WHERE project_id = $1 AND ended_at IS NULL",
        project_id.as_uuid()
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Notes a silence; the caller holds the project's lock and knows that none of the flow is open.
async fn insert(
    db: impl PgExecutor<'_>,
    project_id: ProjectId,
    event_type: Option<&str>,
    since: OffsetDateTime,
    usual: Usual,
) -> Result<SilenceId, StoreError> {
    let id = SilenceId::from_uuid(Uuid::now_v7());
    let (hours, per_hour) = usual.parts();
    sqlx::query!(
        "INSERT INTO silences (id, project_id, event_type, since, expected_hours, usual_per_hour)
         VALUES ($1, $2, $3, $4, $5, $6)",
        id.as_uuid(),
        project_id.as_uuid(),
        event_type,
        since,
        hours,
        per_hour,
    )
    .execute(db)
    .await?;
    Ok(id)
}

/// Ends a silence with the first receipt after it.
async fn end(
    db: impl PgExecutor<'_>,
    id: SilenceId,
    resumed_at: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE silences SET ended_at = now(), resumed_at = $2 WHERE id = $1",
        id.as_uuid(),
        resumed_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// When the receipts of a whole project came again last.
async fn find_last_resumed(
    db: impl PgExecutor<'_>,
    project_id: ProjectId,
) -> Result<Option<OffsetDateTime>, StoreError> {
    let resumed_at = sqlx::query_scalar!(
        "SELECT max(resumed_at) FROM silences WHERE project_id = $1 AND event_type IS NULL",
        project_id.as_uuid()
    )
    .fetch_one(db)
    .await?;
    Ok(resumed_at)
}

/// When the newest receipt of each event type came.
async fn list_newest_receipts(
    tx: &mut PgConnection,
    project_id: ProjectId,
) -> Result<Vec<Newest>, StoreError> {
    let newest = query_kinds!(
        r#"SELECT k.event_type AS "event_type!", max(newest.received_at) AS "last_at!"
           FROM kinds k CROSS JOIN LATERAL (
               SELECT e.received_at FROM payment_events e
               WHERE e.project_id = $1 AND e.effect = k.effect AND e.event_type = k.event_type
                   AND e.effect_type = k.effect_type
               ORDER BY e.id DESC LIMIT 1) AS newest
           GROUP BY k.event_type"#,
        project_id
    );
    let rows = newest.fetch_all(tx).await?;
    let rows = rows.into_iter();
    Ok(rows.map(|row| Newest { event_type: row.event_type, last_at: row.last_at }).collect())
}

/// When the first receipt after a moment came, of an event type or of the whole project. A process
/// whose clock is off by up to an hour is not missed.
async fn find_first_receipt(
    tx: &mut PgConnection,
    project_id: ProjectId,
    event_type: Option<&str>,
    after: OffsetDateTime,
) -> Result<Option<OffsetDateTime>, StoreError> {
    let first = query_kinds!(
        r#"SELECT min(first.received_at) AS received_at
           FROM kinds k CROSS JOIN LATERAL (
               SELECT e.received_at FROM payment_events e
               WHERE e.project_id = $1 AND e.effect = k.effect AND e.event_type = k.event_type
                   AND e.effect_type = k.effect_type AND e.id >= $3 AND e.received_at > $4
               ORDER BY e.id LIMIT 1) AS first
           WHERE $5::text IS NULL OR k.event_type = $5"#,
        project_id,
        crate::search::floor_id(after - time::Duration::HOUR),
        after,
        event_type
    );
    Ok(first.fetch_one(tx).await?.received_at)
}
