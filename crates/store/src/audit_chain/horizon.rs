//! Up to when every entry is there that will ever be.
//!
//! An entry has its time when it is written and is seen when its transaction commits, which may be much later. So a time
//! is noted together with the id of a transaction that begins then; once every older transaction is over, no entry from
//! before that time comes any more. The second between both covers a process that is stopped between reading the clock and
//! getting its transaction's id; one that is stopped for longer is found by [`super::link_missed`].

use sqlx::PgExecutor;
use time::OffsetDateTime;

use crate::StoreError;

/// A time, and the transaction that began then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Horizon {
    /// Entries from before it can be linked once the horizon has passed.
    pub until: OffsetDateTime,
    transaction: i64,
}

/// Notes a horizon.
pub async fn take_horizon(db: impl PgExecutor<'_>) -> Result<Horizon, StoreError> {
    let horizon = sqlx::query_as!(
        Horizon,
        r#"SELECT clock_timestamp() - interval '1 second' AS "until!",
               pg_current_xact_id()::text::bigint AS "transaction!""#
    )
    .fetch_one(db)
    .await?;
    Ok(horizon)
}

/// Whether every transaction is over that is older than the horizon's. A running one of any database of the server
/// holds it back.
pub async fn has_passed(db: impl PgExecutor<'_>, horizon: &Horizon) -> Result<bool, StoreError> {
    let oldest = sqlx::query_scalar!(
        r#"SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS "oldest!""#
    )
    .fetch_one(db)
    .await?;
    Ok(oldest >= horizon.transaction)
}
