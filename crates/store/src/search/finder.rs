//! How the ids of one page are found, whatever is listed: by what was typed, else all, else kind by
//! kind.

use uuid::Uuid;

use super::keyset::{KeysetScan, ScannedPage};
use super::lookup::Hits;
use super::term::SearchTerm;
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
        scan: &KeysetScan<Uuid>,
    ) -> impl Future<Output = Result<Vec<Uuid>, StoreError>> + Send;

    /// The next rows of the kinds that are wanted.
    fn find_by_kind(
        &self,
        db: &mut PgConnection,
        scan: &KeysetScan<Uuid>,
    ) -> impl Future<Output = Result<Vec<Uuid>, StoreError>> + Send;

    /// The rows that what was typed names.
    fn find_term(
        &self,
        db: &mut PgConnection,
        scan: &KeysetScan<Uuid>,
        term: &SearchTerm,
    ) -> impl Future<Output = Result<Hits, StoreError>> + Send;

    /// Those of a few rows that the rest of the search wants too, in any order.
    fn filter_ids(
        &self,
        db: &mut PgConnection,
        ids: &[Uuid],
    ) -> impl Future<Output = Result<Vec<Uuid>, StoreError>> + Send;
}

/// The ids of one page.
pub(super) async fn find(
    db: &mut PgConnection,
    finder: &impl Finder,
    scan: &KeysetScan<Uuid>,
) -> Result<ScannedPage<Uuid>, StoreError> {
    let Some(term) = SearchTerm::parse(finder.text()) else {
        let matching = if finder.is_unfiltered() {
            finder.find_any(db, scan).await?
        } else {
            finder.find_by_kind(db, scan).await?
        };
        return Ok(scan.cut(matching, None));
    };
    let Hits { mut ids, stopped_at, capped } = finder.find_term(&mut *db, scan, &term).await?;
    ids.retain(|id| scan.contains(*id));
    let mut wanted = finder.filter_ids(db, &ids).await?;
    scan.sort(&mut wanted);
    Ok(ScannedPage { capped, ..scan.cut(wanted, stopped_at) })
}
