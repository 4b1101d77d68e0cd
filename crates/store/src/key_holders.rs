//! Which master keys the running processes have.
//!
//! A process says so every ten seconds, on the database's clock, and no more once it has ended in order. One
//! that was killed is taken for gone after 45 s, as a worker is. A process of the release before says nothing.
//! No key is here, only what sealed values name it by.

use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::StoreError;
use crate::seal::MasterKey;

/// One run of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HolderRun(Uuid);

impl HolderRun {
    /// A run that begins now.
    #[must_use]
    pub fn begin() -> Self {
        Self(Uuid::now_v7())
    }
}

/// A running process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// How Temporal lists it: what it is, its host and its version.
    pub process: String,
    /// The ids of its keys; the first one seals.
    pub keys: Vec<String>,
    pub started_at: OffsetDateTime,
}

impl Holder {
    /// Whether it opens what this key seals.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.keys.iter().any(|one| one == key)
    }

    /// Whether this key seals there.
    #[must_use]
    pub fn seals_with(&self, key: &str) -> bool {
        self.keys.first().is_some_and(|first| first == key)
    }
}

/// Says that a process of this release runs with these keys.
pub async fn beat(
    db: impl PgExecutor<'_>,
    run: HolderRun,
    process: &str,
    release: &str,
    key: &MasterKey,
) -> Result<(), StoreError> {
    let keys: Vec<_> = key.ids().map(|id| id.to_string()).collect();
    sqlx::query!(
        "INSERT INTO key_holders (id, process, release, keys) VALUES ($1, $2, $3, $4)
         ON CONFLICT ON CONSTRAINT key_holders_pkey DO UPDATE SET seen_at = now()",
        run.0,
        process,
        release,
        &keys,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Says that a process runs no more.
pub async fn end(db: impl PgExecutor<'_>, run: HolderRun) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM key_holders WHERE id = $1", run.0).execute(db).await?;
    Ok(())
}

/// The processes that run, by name.
pub async fn list_running(db: impl PgExecutor<'_>) -> Result<Vec<Holder>, StoreError> {
    let holders = sqlx::query_as!(
        Holder,
        "SELECT process, keys, started_at FROM key_holders WHERE seen_at > now() - interval '45 seconds'
         ORDER BY process, id"
    )
    .fetch_all(db)
    .await?;
    Ok(holders)
}

/// Forgets processes that were killed a day ago.
pub async fn purge(db: impl PgExecutor<'_>) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM key_holders WHERE seen_at < now() - interval '1 day'")
        .execute(db)
        .await?;
    Ok(())
}
