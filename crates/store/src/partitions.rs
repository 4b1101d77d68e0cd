//! The months that tables which grow for ever are divided into.
//!
//! Making one and dropping one are functions of the owner: a transaction each, with locks of milliseconds that are given up
//! rather than waited for, so whoever calls them tries again later. A process that dies half-way has changed nothing. Together
//! the partitions cover all of time: what no month was made for goes to the last one, and no row is ever rejected.

use sqlx::PgExecutor;
use time::OffsetDateTime;

use crate::{PgPool, StoreError};

/// `lock_not_available`.
const LOCKED: &str = "55P03";
/// `deadlock_detected`.
const DEADLOCK: &str = "40P01";

/// What became of making partitions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MadeAhead {
    /// By name.
    pub made: Vec<String>,
    /// Tables that long transactions held.
    pub busy: Vec<String>,
}

/// A table whose next month has no partition of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behind {
    pub table: String,
    /// From when on everything is in one partition; `None` where it always was.
    pub since: Option<OffsetDateTime>,
}

/// Makes the partitions of the coming two months that are not there.
pub async fn make_ahead(pool: &PgPool) -> Result<MadeAhead, StoreError> {
    let mut ahead = MadeAhead::default();
    for table in list_tables(pool).await? {
        loop {
            let made = sqlx::query_scalar!("SELECT make_partition($1)", table);
            match unless_locked(made.fetch_one(pool).await)? {
                Some(Some(name)) => ahead.made.push(name),
                Some(None) => break,
                None => {
                    ahead.busy.push(table);
                    break;
                }
            }
        }
    }
    Ok(ahead)
}

/// The tables that are divided.
pub(crate) async fn list_tables(db: impl PgExecutor<'_>) -> Result<Vec<String>, StoreError> {
    let tables = sqlx::query_scalar!(
        r#"SELECT DISTINCT relation AS "relation!" FROM list_partitions() ORDER BY 1"#
    );
    Ok(tables.fetch_all(db).await?)
}

/// `None` where another transaction held the lock that was needed.
pub(crate) fn unless_locked<T>(done: Result<T, sqlx::Error>) -> Result<Option<T>, StoreError> {
    match done {
        Ok(done) => Ok(Some(done)),
        Err(error) if is_locked(&error) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether another transaction held a lock for longer than this one waits.
pub(crate) fn is_locked(error: &sqlx::Error) -> bool {
    let Some(error) = error.as_database_error() else { return false };
    error.code().is_some_and(|code| code == LOCKED || code == DEADLOCK)
}

/// The tables whose next month has no partition.
pub async fn list_behind(db: impl PgExecutor<'_>) -> Result<Vec<Behind>, StoreError> {
    let behind = sqlx::query_as!(
        Behind,
        r#"SELECT relation AS "table!", begins AS since FROM list_partitions()
           WHERE ends IS NULL AND (begins IS NULL
               OR begins AT TIME ZONE 'UTC' <= date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month')
           ORDER BY relation"#,
    );
    Ok(behind.fetch_all(db).await?)
}
