//! Whether each connection of ours has a session of its own.

use sqlx::{Connection as _, Row as _};
use tokio::time::timeout;

use super::PgPool;
use super::target::timed_out;
use crate::StoreError;

const TRIES: u32 = 3;

/// Whether two connections meet in one session of the server's, as behind a pooler in transaction
/// mode. A busy one may keep them apart, so `false` is no proof.
pub async fn share_sessions(pool: &PgPool) -> Result<bool, StoreError> {
    let target = &pool.0.target;
    let asking = async {
        let (mut first, mut second) = (target.open().await?, target.open().await?);
        let mut shared = false;
        for _ in 0..TRIES {
            shared |= session_of(&mut first).await? == session_of(&mut second).await?;
        }
        first.close().await?;
        second.close().await?;
        Ok(shared)
    };
    let late = || Err(timed_out("no answer in time".to_owned()).into());
    timeout(target.limits.connect, asking).await.unwrap_or_else(|_| late())
}

/// The server's process. Asked without a prepared statement, whose name would stay in the session.
async fn session_of(connection: &mut sqlx::PgConnection) -> Result<i32, StoreError> {
    let row = sqlx::raw_sql("SELECT pg_backend_pid()").fetch_one(connection).await?;
    Ok(row.try_get(0)?)
}
