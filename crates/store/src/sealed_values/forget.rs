//! Overwriting what is never opened any more, so that no dump of later holds it.

use sqlx::PgExecutor;

use crate::StoreError;

/// Overwrites the secrets of what was removed, and those that expired an hour ago: a transaction that began before a secret
/// expired still opens it.
pub async fn forget_unused(db: impl PgExecutor<'_>) -> Result<(), StoreError> {
    sqlx::query!(
        "WITH destination AS (
             UPDATE destinations SET sealed = '' WHERE removed_at IS NOT NULL AND sealed <> ''
         ), extension AS (
             UPDATE extensions SET sealed = '' WHERE removed_at IS NOT NULL AND sealed <> ''
         ), secret AS (
             UPDATE signing_secrets SET sealed = '' WHERE expires_at < now() - interval '1 hour' AND sealed <> ''
         )
         UPDATE destination_secrets s SET sealed = '' FROM destinations d
         WHERE d.id = s.destination_id AND s.sealed <> ''
           AND (d.removed_at IS NOT NULL OR s.expires_at < now() - interval '1 hour')"
    )
    .execute(db)
    .await?;
    Ok(())
}
