//! How the ids of one page are found, whatever is listed: by what was typed, else all, else kind by
//! kind.

use super::keyset::{KeysetScan, ScannedPage};
use super::lookup::{Hits, RowId};
use super::term::SearchTerm;
use crate::{PgConnection, StoreError, projects};

/// What is asked about one table. Every question reads a bounded number of rows.
pub(super) trait Finder: Sync {
    type Id: RowId;

    /// What was typed.
    fn text(&self) -> Option<&str>;

    /// Whether time is all that narrows.
    fn is_unfiltered(&self) -> bool;

    /// The next rows, whatever they are.
    fn find_any(
        &self,
        db: &mut PgConnection,
        scan: &KeysetScan<Self::Id>,
    ) -> impl Future<Output = Result<Vec<Self::Id>, StoreError>> + Send;

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
        // A walk through all would go over the rows of archived projects one by one.
        let matching = if finder.is_unfiltered() && !projects::is_any_archived(&mut *db).await? {
            finder.find_any(db, scan).await?
        } else {
            finder.find_by_kind(db, scan).await?
        };
        return Ok(scan.cut(matching, None));
    };
    let Hits { mut ids, stopped_at, capped, .. } = finder.find_term(&mut *db, scan, &term).await?;
    ids.retain(|id| scan.contains(*id));
    scan.sort(&mut ids);
    ids.dedup();
    let wanted = fill_page(db, finder, scan, &ids).await?;
    Ok(ScannedPage { capped, ..scan.cut(wanted, stopped_at) })
}

/// Those of these ids, which are in the order of the walk, that the rest of the search wants: of many the first ones, if a
/// page is full of them.
async fn fill_page<F: Finder>(
    db: &mut PgConnection,
    finder: &F,
    scan: &KeysetScan<F::Id>,
    ids: &[F::Id],
) -> Result<Vec<F::Id>, StoreError> {
    let enough = usize::try_from(scan.rows()).unwrap_or_default();
    let (first, others) = ids.split_at(ids.len().min(2 * enough));
    let mut wanted = Vec::new();
    for some in [first, others] {
        if wanted.len() < enough && !some.is_empty() {
            wanted.extend(finder.filter_ids(&mut *db, some).await?);
        }
    }
    scan.sort(&mut wanted);
    Ok(wanted)
}
