//! A transaction that reads one page.
//!
//! It sees one moment, so that a page fits together. And it follows the indexes: the queries of a
//! search are written so that one index serves each of them in its own order. Postgres would now
//! and then rather read and sort a table, because its statistics say that there is little of
//! something; they are behind by nature, and wrong about what goes together. Here it has no choice.

use crate::pool::Transaction;
use crate::{PgPool, StoreError};

/// What is set while a page is read.
pub const FOLLOW_INDEXES: &str = "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; \
     SET LOCAL enable_sort = off; SET LOCAL enable_incremental_sort = off; SET LOCAL jit = off";

/// Begins to read. Nothing has to be made to last; dropping it ends it.
pub(crate) async fn begin(db: &PgPool) -> Result<Transaction, StoreError> {
    let begin = format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {FOLLOW_INDEXES}");
    Ok(db.begin_with(sqlx::AssertSqlSafe(begin)).await?)
}
