//! How the ids of one page are found, whatever is listed: by what was typed, else kind by kind.

use super::keyset::{KeysetScan, ScannedPage};
use super::lookup::{Hits, RowId};
use super::term::SearchTerm;
use crate::{PgConnection, StoreError};

/// What is asked about one table. Every question reads a bounded number of rows.
pub(super) trait Finder: Sync {
    type Id: RowId;

    /// What was typed.
    fn text(&self) -> Option<&str>;

    /// The next rows of the kinds that are wanted.
    fn find_by_kind(
        &self,
        db: &mut PgConnection,
        scan: &KeysetScan<Self::Id>,
    ) -> impl Future<Output = Result<Vec<Self::Id>, StoreError>> + Send;

    /// The rows that what was typed names.
    fn find_term(
        &self,
        db: &mut PgConnection,
        scan: &KeysetScan<Self::Id>,
        term: &SearchTerm,
    ) -> impl Future<Output = Result<Hits<Self::Id>, StoreError>> + Send;

    /// Those of a few rows that the rest of the search wants too, in any order.
    fn filter_ids(
        &self,
        db: &mut PgConnection,
        ids: &[Self::Id],
    ) -> impl Future<Output = Result<Vec<Self::Id>, StoreError>> + Send;
}

/// The ids of one page.
pub(super) async fn find<F: Finder>(
    db: &mut PgConnection,
    finder: &F,
    scan: &KeysetScan<F::Id>,
) -> Result<ScannedPage<F::Id>, StoreError> {
    let Some(term) = SearchTerm::parse(finder.text()) else {
        return Ok(scan.cut(finder.find_by_kind(db, scan).await?, None));
    };
    let Hits { mut ids, stopped_at, capped } = finder.find_term(&mut *db, scan, &term).await?;
    ids.retain(|id| scan.contains(*id));
    let mut wanted = finder.filter_ids(db, &ids).await?;
    scan.sort(&mut wanted);
    Ok(ScannedPage { capped, ..scan.cut(wanted, stopped_at) })
}
