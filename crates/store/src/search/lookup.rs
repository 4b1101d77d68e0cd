//! Looking for the provider's id of an event and for the app's reference, in events or in
//! incidents.
//!
//! What is exactly that comes first. One reference may have any number of rows, so one page reads
//! the next thousand of them and says where it stopped. Only where nothing is exactly that, what
//! begins like it is searched for, at most 500 rows by the order of that text; more than that are
//! not shown, and the page says so.

use domain::ids::ProjectId;
use domain::project::Mode;
use uuid::Uuid;

use super::keyset::{KeysetScan, in_direction};
use super::term::prefix_range;
use crate::{PgConnection, StoreError};

/// How many rows are found by how they begin. A longer search term narrows the result.
const MAX_PREFIX_HITS: usize = 500;
/// How many rows of one reference are read for one page.
const MAX_REFERENCE_HITS: usize = 1_000;

/// What is searched. Both tables have the columns and indexes that this takes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Table {
    Events,
    Incidents,
}

/// The projects that are searched.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope {
    pub(super) project_id: Option<ProjectId>,
    pub(super) mode: Option<Mode>,
}

/// Rows that may be wanted.
#[derive(Debug, Default)]
pub(super) struct Hits {
    pub(super) ids: Vec<Uuid>,
    /// How far the search came, if there is more on the way.
    pub(super) stopped_at: Option<Uuid>,
    /// Whether there is more that is never shown.
    pub(super) capped: bool,
}

/// Finds what is exactly this text, or else what begins with it.
pub(super) async fn find(
    db: &mut PgConnection,
    table: Table,
    scope: Scope,
    scan: &KeysetScan<Uuid>,
    as_text: &str,
) -> Result<Hits, StoreError> {
    if is_known(&mut *db, table, scope, as_text).await? {
        let ids = find_exactly(db, table, scope, scan, as_text).await?;
        let stopped_at = ids.last().copied().filter(|_| ids.len() >= MAX_REFERENCE_HITS);
        return Ok(Hits { ids, stopped_at, capped: false });
    }
    let Some(range) = prefix_range(as_text) else {
        return Ok(Hits::default());
    };
    let mut ids = find_by_prefix(db, table, scope, range).await?;
    let capped = ids.len() > MAX_PREFIX_HITS;
    ids.truncate(MAX_PREFIX_HITS);
    Ok(Hits { ids, stopped_at: None, capped })
}

/// Whether any row is exactly that.
async fn is_known(
    db: &mut PgConnection,
    table: Table,
    scope: Scope,
    as_text: &str,
) -> Result<bool, StoreError> {
    macro_rules! query {
        ($table:tt) => {
            sqlx::query_scalar!(
                r#"SELECT EXISTS (
                       SELECT FROM projects p CROSS JOIN LATERAL (
                           (SELECT t.id FROM "# + $table + r#" t
                            WHERE (t.project_id, t.internal_reference) >= (p.id, $3)
                                AND (t.project_id, t.internal_reference) <= (p.id, $3)
                            ORDER BY t.project_id, t.internal_reference LIMIT 1)
                           UNION ALL
                           (SELECT t.id FROM "# + $table + r#" t
                            WHERE (t.project_id, t.provider_event_id) >= (p.id, $3)
                                AND (t.project_id, t.provider_event_id) <= (p.id, $3)
                            ORDER BY t.project_id, t.provider_event_id LIMIT 1)) AS hit
                       WHERE ($1::uuid IS NULL OR p.id = $1) AND ($2::text IS NULL OR p.mode = $2)) AS "known!""#,
                scope.project_id.map(ProjectId::as_uuid),
                scope.mode.map(Mode::as_str),
                as_text,
            )
            .fetch_one(db)
            .await
        };
    }
    Ok(match table {
        Table::Events => query!("payment_events")?,
        Table::Incidents => query!("incidents")?,
    })
}

/// Rows that are exactly that, as far as one page looks, in the order of the walk.
#[expect(clippy::too_many_lines, reason = "one question to the database, whose text is most of it")]
async fn find_exactly(
    db: &mut PgConnection,
    table: Table,
    scope: Scope,
    scan: &KeysetScan<Uuid>,
    as_text: &str,
) -> Result<Vec<Uuid>, StoreError> {
    let limit = i64::try_from(MAX_REFERENCE_HITS).unwrap_or_default();
    macro_rules! query {
        ($table:tt, $order:tt) => {
            sqlx::query_scalar!(
                r#"SELECT hit.id AS "id!" FROM projects p CROSS JOIN LATERAL (
                       (SELECT t.id FROM "# + $table + r#" t
                        WHERE (t.project_id, t.internal_reference, t.id) > (p.id, $3, $4)
                            AND (t.project_id, t.internal_reference, t.id) < (p.id, $3, $5)
                        ORDER BY t.project_id "# + $order + ", t.internal_reference " + $order + ", t.id " + $order + r#" LIMIT $6)
                       UNION
                       (SELECT t.id FROM "# + $table + r#" t
                        WHERE (t.project_id, t.provider_event_id) >= (p.id, $3) AND (t.project_id, t.provider_event_id) <= (p.id, $3)
                            AND t.id > $4 AND t.id < $5
                        ORDER BY t.project_id, t.provider_event_id LIMIT $6)) AS hit
                   WHERE ($1::uuid IS NULL OR p.id = $1) AND ($2::text IS NULL OR p.mode = $2)
                   ORDER BY hit.id "# + $order + " LIMIT $6",
                scope.project_id.map(ProjectId::as_uuid),
                scope.mode.map(Mode::as_str),
                as_text,
                scan.above,
                scan.below,
                limit,
            )
        };
    }
    macro_rules! events {
        ($order:tt) => {
            query!("payment_events", $order)
        };
    }
    macro_rules! incidents {
        ($order:tt) => {
            query!("incidents", $order)
        };
    }
    Ok(match table {
        Table::Events => in_direction!(scan.direction, events, db)?,
        Table::Incidents => in_direction!(scan.direction, incidents, db)?,
    })
}

/// Rows that begin like this, the first ones by that text.
async fn find_by_prefix(
    db: &mut PgConnection,
    table: Table,
    scope: Scope,
    (from, until): (&str, String),
) -> Result<Vec<Uuid>, StoreError> {
    let limit = i64::try_from(MAX_PREFIX_HITS + 1).unwrap_or_default();
    macro_rules! query {
        ($table:tt) => {
            sqlx::query_scalar!(
                r#"SELECT hit.id AS "id!" FROM projects p CROSS JOIN LATERAL (
                       (SELECT t.id FROM "# + $table + r#" t
                        WHERE (t.project_id, t.provider_event_id) >= (p.id, $3) AND (t.project_id, t.provider_event_id) < (p.id, $4)
                        ORDER BY t.project_id, t.provider_event_id LIMIT $5)
                       UNION
                       (SELECT t.id FROM "# + $table + r#" t
                        WHERE (t.project_id, t.internal_reference) >= (p.id, $3) AND (t.project_id, t.internal_reference) < (p.id, $4)
                        ORDER BY t.project_id, t.internal_reference LIMIT $5)) AS hit
                   WHERE ($1::uuid IS NULL OR p.id = $1) AND ($2::text IS NULL OR p.mode = $2)
                   LIMIT $5"#,
                scope.project_id.map(ProjectId::as_uuid),
                scope.mode.map(Mode::as_str),
                from,
                until,
                limit,
            )
            .fetch_all(db)
            .await
        };
    }
    Ok(match table {
        Table::Events => query!("payment_events")?,
        Table::Incidents => query!("incidents")?,
    })
}
