//! How far something is added up that happened.
//!
//! A stretch of time is added in one transaction with the moment up to which that was done, so it is
//! added once whatever crashes, and by one process of several. It counts as over after a quarter of
//! an hour, so that no transaction is missed that is still open, nor a process whose clock is late.
//! One whose clock is more than that behind is not counted.

use time::{Duration, OffsetDateTime};

use crate::pool::Transaction;
use crate::search::reading::FOLLOW_INDEXES;
use crate::{PgPool, StoreError};

/// Later than anything that happens.
pub(crate) const END_OF_TIME: OffsetDateTime = time::macros::datetime!(9999-12-31 00:00 UTC);

/// A stretch of time that is being added up.
pub(crate) struct Stretch {
    pub tx: Transaction,
    pub from: OffsetDateTime,
    pub until: OffsetDateTime,
    name: &'static str,
    now: OffsetDateTime,
}

/// Begins to add up the next stretch, no longer than `longest`; `None` if another process is at it, or
/// if it was done a moment ago.
pub(crate) async fn begin(
    pool: &PgPool,
    name: &'static str,
    longest: Duration,
) -> Result<Option<Stretch>, StoreError> {
    let begin = format!("BEGIN; {FOLLOW_INDEXES}");
    let mut tx = pool.begin_with(sqlx::AssertSqlSafe(begin)).await?;
    let next = sqlx::query!(
        r#"SELECT rolled_until, now() AS "now!",
               least(rolled_until + make_interval(secs => $2), now() - interval '15 minutes') AS "until!"
           FROM roll_ups WHERE name = $1 FOR UPDATE SKIP LOCKED"#,
        name,
        longest.as_seconds_f64(),
    )
    .fetch_optional(&mut *tx)
    .await?;
    let next = next.filter(|it| it.until - it.rolled_until >= Duration::MINUTE);
    Ok(next.map(|it| Stretch { tx, from: it.rolled_until, until: it.until, name, now: it.now }))
}

impl Stretch {
    /// It is added up. `true` if there may be more to do.
    pub(crate) async fn end(mut self) -> Result<bool, StoreError> {
        sqlx::query!(
            "UPDATE roll_ups SET rolled_until = $2 WHERE name = $1",
            self.name,
            self.until,
        )
        .execute(&mut *self.tx)
        .await?;
        self.tx.commit().await?;
        Ok(self.now - self.until > Duration::HOUR)
    }
}
