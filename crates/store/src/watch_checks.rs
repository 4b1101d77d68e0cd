//! When the watch of an event was last checked for because something about the event is overdue.
//!
//! [`crate::events::list_forgotten`] leaves an event alone for a quarter of an hour after that.

use domain::ids::EventId;
use sqlx::PgExecutor;

use crate::StoreError;

/// Notes that the watch of an event is checked for now.
pub async fn note_check(db: impl PgExecutor<'_>, event_id: EventId) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO watch_checks (event_id) VALUES ($1)
         ON CONFLICT ON CONSTRAINT watch_checks_pkey DO UPDATE SET checked_at = now()",
        event_id.as_uuid(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Deletes what no longer keeps an event from being checked for.
pub async fn delete_old(db: impl PgExecutor<'_>) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM watch_checks WHERE checked_at < now() - interval '1 day'")
        .execute(db)
        .await?;
    Ok(())
}
