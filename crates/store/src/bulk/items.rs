//! The incidents of a bulk reprocess.

use domain::bulk::ItemState;
use domain::ids::{BulkId, BulkSetId, EventId, IncidentId, ReplayId};
use sqlx::PgExecutor;

use crate::StoreError;

/// One incident of a bulk reprocess.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkItem {
    /// The bulk that it is of.
    pub bulk_id: BulkId,
    /// Its place in the order, from 1.
    pub place: i32,
    pub incident_id: IncidentId,
    pub event_id: EventId,
    pub state: ItemState,
    /// The reprocess that was started for it.
    pub replay_id: Option<ReplayId>,
    /// Why it was skipped, or what its reprocess ended as.
    pub why: Option<String>,
    pub internal_reference: String,
}

/// Reads items of bulks; what follows their incidents in `FROM` is the caller's.
macro_rules! query_items {
    ($tail:literal, $($argument:expr),+) => {
        sqlx::query_as!(
            BulkItem,
            r#"SELECT b.bulk_id, b.place, b.incident_id, b.event_id, b.state, b.replay_id, b.why,
                   i.internal_reference AS "internal_reference!"
               FROM bulk_reprocess_items b JOIN incidents i ON i.id = b.incident_id "# + $tail,
            $($argument),+
        )
    };
}

/// Those in one state, or in any, in their order, behind a place.
pub async fn list_items(
    db: impl PgExecutor<'_>,
    id: BulkId,
    state: Option<ItemState>,
    behind: i32,
    limit: i64,
) -> Result<Vec<BulkItem>, StoreError> {
    let items = query_items!(
        "WHERE b.bulk_id = $1 AND ($2::text IS NULL OR b.state = $2) AND b.place > $3 ORDER BY b.place LIMIT $4",
        id.as_uuid(),
        state.map(ItemState::as_str),
        behind,
        limit
    );
    Ok(items.fetch_all(db).await?)
}

/// The first of those that failed.
pub async fn list_failed(
    db: impl PgExecutor<'_>,
    id: BulkId,
    limit: i64,
) -> Result<Vec<BulkItem>, StoreError> {
    list_items(db, id, Some(ItemState::Failed), 0, limit).await
}

/// Those of all bulks of a set that are in one state, bulk by bulk.
pub async fn list_set_items(
    db: impl PgExecutor<'_>,
    id: BulkSetId,
    state: ItemState,
    limit: i64,
) -> Result<Vec<BulkItem>, StoreError> {
    let items = query_items!(
        "JOIN bulk_reprocesses s ON s.id = b.bulk_id
         WHERE s.set_id = $1 AND b.state = $2 ORDER BY b.bulk_id, b.place LIMIT $3",
        id.as_uuid(),
        state.as_str(),
        limit
    );
    Ok(items.fetch_all(db).await?)
}
