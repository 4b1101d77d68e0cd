//! Months of which next to nothing is left, by the owner's `drop_partition`. It moves what must stay to the first partition,
//! so no row leaves with them.

use super::{Batch, MonthRows, begin_count};
use crate::partitions::{list_tables, unless_locked};
use crate::{PgPool, StoreError};

pub(super) async fn count_due(pool: &PgPool) -> Result<Vec<MonthRows>, StoreError> {
    let mut tx = begin_count(pool).await?;
    let mut due = Vec::new();
    for table in list_tables(&mut *tx).await? {
        let spent = sqlx::query_as!(
            MonthRows,
            r#"SELECT partition AS "table!", month AS "month!", 0::bigint AS "rows!" FROM list_spent_partitions($1)"#,
            table,
        );
        due.extend(spent.fetch_all(&mut *tx).await?);
    }
    Ok(due)
}

/// Drops one of each table; one that a long transaction holds is left for the next run.
pub(super) async fn delete_batch(pool: &PgPool) -> Result<Batch, StoreError> {
    let due = count_due(pool).await?;
    let mut gone = Vec::new();
    for table in list_tables(pool).await? {
        let dropped = sqlx::query_scalar!("SELECT drop_partition($1)", table).fetch_one(pool);
        let Some(Some(name)) = unless_locked(dropped.await)? else { continue };
        gone.extend(due.iter().filter(|one| one.table == name).cloned());
    }
    Ok(Batch { is_last: gone.is_empty(), is_full: false, gone })
}
