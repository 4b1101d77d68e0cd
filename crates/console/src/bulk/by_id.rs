//! What is done to many incidents, found by its id: where its page is, and what that says.

use domain::bulk::{BulkCounts, BulkState};
use domain::ids::{BulkId, BulkSetId};
use store::bulk::{self, Bulk};
use store::{PgPool, StoreError};

use super::page::{heading, many};
use super::set;

/// A bulk's page, and its heading.
pub(crate) async fn find_link(
    pool: &PgPool,
    id: BulkId,
) -> Result<Option<(String, String)>, StoreError> {
    let found = bulk::find_bulk(pool, id).await?;
    let heading = describe(pool, found.as_slice()).await?;
    Ok(heading.map(|heading| (super::path(id), heading)))
}

/// The page of a set of bulks, and what it is about.
pub(crate) async fn find_set_link(
    pool: &PgPool,
    id: BulkSetId,
) -> Result<Option<(String, String)>, StoreError> {
    let found = bulk::list_set(pool, id).await?;
    let heading = describe(pool, &found).await?;
    Ok(heading.map(|heading| (set::path(id), heading)))
}

/// What these do, or did, together; nothing of none.
async fn describe(pool: &PgPool, bulks: &[Bulk]) -> Result<Option<String>, StoreError> {
    let Some(first) = bulks.first() else { return Ok(None) };
    let ids: Vec<_> = bulks.iter().map(|bulk| bulk.id).collect();
    let counts: BulkCounts = bulk::count_items_of(pool, &ids).await?.into_values().sum();
    let states: Vec<_> = bulks.iter().map(|bulk| bulk.state).collect();
    let of = match bulks.len() {
        1 => many(counts.total()),
        projects => format!("{} of {projects} projects", many(counts.total())),
    };
    Ok(Some(heading(first.action, BulkState::of_set(&states), &of, counts)))
}
