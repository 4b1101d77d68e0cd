//! Whether retention is paused, beside its schedule in Temporal, which keeps it too.
//!
//! The schedule decides while it is there. Where it is lost with its namespace, or another cluster is used, the one
//! that takes its place is as it was: what an operator wanted to keep is not deleted because Temporal was replaced.

use sqlx::PgExecutor;

use crate::StoreError;

/// What who paused it wrote; `None` where it is not paused.
///
/// # Errors
/// When the database fails.
pub async fn find(db: impl PgExecutor<'_>) -> Result<Option<String>, StoreError> {
    let note = sqlx::query_scalar!("SELECT retention_paused FROM environments");
    Ok(note.fetch_optional(db).await?.flatten())
}

/// Keeps what the schedule says, if it says something new.
///
/// # Errors
/// When the database fails.
pub async fn note(db: impl PgExecutor<'_>, paused: Option<&str>) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE environments SET retention_paused = $1 WHERE retention_paused IS DISTINCT FROM $1",
        paused,
    )
    .execute(db)
    .await?;
    Ok(())
}
