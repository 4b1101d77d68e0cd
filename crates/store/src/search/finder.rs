//! How the ids of one page are found, whatever is listed: by what was typed, else all, else kind by kind.

use uuid::Uuid;

use super::needle::Needle;
use super::walk::{Found, Walk};
use super::words::Hits;
use crate::{PgConnection, StoreError};

/// What is asked about one table. Every question reads a bounded number of rows.
pub(super) trait Finder: Sync {
    /// What was typed.
    fn text(&self) -> Option<&str>;

    /// Whether time is all that narrows.
    fn is_unfiltered(&self) -> bool;

    /// The next rows, whatever they are.
    fn find_any(
        &self,
        db: &mut PgConnection,
        walk: &Walk<Uuid>,
    ) -> impl Future<Output = Result<Vec<Uuid>, StoreError>> + Send;

    /// The next rows of the kinds that are wanted.
    fn find_by_kind(
        &self,
        db: &mut PgConnection,
        walk: &Walk<Uuid>,
    ) -> impl Future<Output = Result<Vec<Uuid>, StoreError>> + Send;

    /// The rows that what was typed names.
    fn find_needle(
        &self,
        db: &mut PgConnection,
        walk: &Walk<Uuid>,
        needle: &Needle,
    ) -> impl Future<Output = Result<Hits, StoreError>> + Send;

    /// Those of a few rows that the rest of the search wants too, in any order.
    fn keep_wanted(
        &self,
        db: &mut PgConnection,
        ids: &[Uuid],
    ) -> impl Future<Output = Result<Vec<Uuid>, StoreError>> + Send;
}

/// The ids of one page.
pub(super) async fn find(
    db: &mut PgConnection,
    finder: &impl Finder,
    walk: &Walk<Uuid>,
) -> Result<Found<Uuid>, StoreError> {
    let Some(needle) = Needle::parse(finder.text()) else {
        let met = if finder.is_unfiltered() {
            finder.find_any(db, walk).await?
        } else {
            finder.find_by_kind(db, walk).await?
        };
        return Ok(walk.cut(met, None));
    };
    let Hits { mut ids, stopped_at, capped } = finder.find_needle(&mut *db, walk, &needle).await?;
    ids.retain(|id| walk.passes(*id));
    let mut wanted = finder.keep_wanted(db, &ids).await?;
    walk.sort(&mut wanted);
    Ok(Found { capped, ..walk.cut(wanted, stopped_at) })
}
