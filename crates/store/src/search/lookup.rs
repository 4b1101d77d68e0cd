//! Looking for the provider's id of an event and for the app's reference, in events or in
//! incidents.
//!
//! What is exactly that comes first. One reference may have any number of rows, so one page reads
//! the next thousand of them and says where it stopped. Only where nothing is exactly that, what
//! begins like it is searched for, at most 500 rows by the order of that text; more than that are
//! not shown, and the page says so.

use domain::ids::{EventId, IncidentId, ProjectId};
use domain::project::Mode;
use uuid::Uuid;

use super::keyset::{Direction, KeysetScan, in_direction};
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

/// The id of a row, by which it is listed: it sorts by time.
pub(super) trait RowId: Copy + Ord + Send + Sync {
    const TABLE: Table;

    fn from_uuid(uuid: Uuid) -> Self;
    fn as_uuid(self) -> Uuid;
}

macro_rules! row_id {
    ($id:ty, $table:ident) => {
        impl RowId for $id {
            const TABLE: Table = Table::$table;

            fn from_uuid(uuid: Uuid) -> Self {
                Self::from_uuid(uuid)
            }

            fn as_uuid(self) -> Uuid {
                self.as_uuid()
            }
        }
    };
}

row_id!(EventId, Events);
row_id!(IncidentId, Incidents);

/// The projects that are searched.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope {
    pub(super) project_id: Option<ProjectId>,
    pub(super) mode: Option<Mode>,
}

/// Rows that may be wanted.
#[derive(Debug)]
pub(super) struct Hits<Id> {
    pub(super) ids: Vec<Id>,
    /// How far the search came, if there is more on the way.
    pub(super) stopped_at: Option<Id>,
    /// Whether there is more that is never shown.
    pub(super) capped: bool,
    /// Whether what was typed is the whole of an id or reference.
    pub(super) exact: bool,
}

impl<Id> Hits<Id> {
    /// There are no others.
    pub(super) fn complete(ids: Vec<Id>) -> Self {
        Self { ids, stopped_at: None, capped: false, exact: false }
    }
}

impl<Id: RowId> Hits<Id> {
    /// These, and what another search found. What lies behind the place where the first of them stopped is left to the next
    /// page, which finds it again.
    pub(super) fn and(mut self, others: Self, direction: Direction) -> Self {
        let stops = self.stopped_at.into_iter().chain(others.stopped_at);
        let stopped_at = match direction {
            Direction::Down => stops.max(),
            Direction::Up => stops.min(),
        };
        self.ids.extend(others.ids);
        self.ids.retain(|id| {
            stopped_at.is_none_or(|stop| match direction {
                Direction::Down => *id >= stop,
                Direction::Up => *id <= stop,
            })
        });
        self.stopped_at = stopped_at;
        self.capped |= others.capped;
        self
    }
}

/// Finds what is exactly this text, or else what begins with it.
pub(super) async fn find<Id: RowId>(
    db: &mut PgConnection,
    scope: Scope,
    scan: &KeysetScan<Id>,
    as_text: &str,
) -> Result<Hits<Id>, StoreError> {
    if is_known(&mut *db, Id::TABLE, scope, as_text).await? {
        let ids = find_exactly(db, scope, scan, as_text).await?;
        let stopped_at = ids.last().copied().filter(|_| ids.len() >= MAX_REFERENCE_HITS);
        return Ok(Hits { ids, stopped_at, capped: false, exact: true });
    }
    let Some((from, until)) = prefix_range(as_text) else {
        return Ok(Hits::complete(Vec::new()));
    };
    let mut ids = find_by_prefix(db, scope, from, until).await?;
    let capped = ids.len() > MAX_PREFIX_HITS;
    ids.truncate(MAX_PREFIX_HITS);
    Ok(Hits { ids, stopped_at: None, capped, exact: false })
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
                       WHERE ($1::uuid IS NULL AND p.archived_at IS NULL OR p.id = $1) AND ($2::text IS NULL OR p.mode = $2)) AS "known!""#,
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
async fn find_exactly<Id: RowId>(
    db: &mut PgConnection,
    scope: Scope,
    scan: &KeysetScan<Id>,
    as_text: &str,
) -> Result<Vec<Id>, StoreError> {
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
                   WHERE ($1::uuid IS NULL AND p.archived_at IS NULL OR p.id = $1) AND ($2::text IS NULL OR p.mode = $2)
                   ORDER BY hit.id "# + $order + " LIMIT $6",
                scope.project_id.map(ProjectId::as_uuid),
                scope.mode.map(Mode::as_str),
                as_text,
                scan.above.as_uuid(),
                scan.below.as_uuid(),
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
    let ids = match Id::TABLE {
        Table::Events => in_direction!(scan.direction, events, db)?,
        Table::Incidents => in_direction!(scan.direction, incidents, db)?,
    };
    Ok(ids.into_iter().map(Id::from_uuid).collect())
}

/// Rows that begin like this, the first ones by that text.
async fn find_by_prefix<Id: RowId>(
    db: &mut PgConnection,
    scope: Scope,
    from: &str,
    until: String,
) -> Result<Vec<Id>, StoreError> {
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
                   WHERE ($1::uuid IS NULL AND p.archived_at IS NULL OR p.id = $1) AND ($2::text IS NULL OR p.mode = $2)
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
    let ids = match Id::TABLE {
        Table::Events => query!("payment_events")?,
        Table::Incidents => query!("incidents")?,
    };
    Ok(ids.into_iter().map(Id::from_uuid).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u128) -> IncidentId {
        IncidentId::from_uuid(Uuid::from_u128(number))
    }

    #[test]
    fn what_lies_behind_the_place_of_a_stop_is_left_to_the_next_page() {
        let both = |stopped_at: Option<u128>, direction| {
            let first = Hits { stopped_at: stopped_at.map(id), ..Hits::complete(vec![id(5)]) };
            let others = Hits { capped: true, ..Hits::complete(vec![id(3), id(7)]) };
            first.and(others, direction)
        };
        assert_eq!(both(None, Direction::Down).ids, [id(5), id(3), id(7)]);
        assert_eq!(both(Some(5), Direction::Down).ids, [id(5), id(7)]);
        assert_eq!(both(Some(5), Direction::Up).ids, [id(5), id(3)]);
        assert!(both(None, Direction::Up).capped, "what is left out of one is left out of both");
        let stopped = |at: u128, ids: Vec<IncidentId>| Hits {
            stopped_at: Some(id(at)),
            ..Hits::complete(ids)
        };
        let both =
            stopped(3, vec![id(9), id(3)]).and(stopped(6, vec![id(8), id(6)]), Direction::Down);
        assert_eq!((both.ids, both.stopped_at), (vec![id(9), id(8), id(6)], Some(id(6))));
    }
}
