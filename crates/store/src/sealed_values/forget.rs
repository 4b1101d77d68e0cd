//! Overwriting what is never opened any more, so that no dump of later holds it.

use sqlx::PgExecutor;

use crate::StoreError;
use crate::sessions::MAX_IDLE_HOURS;

/// Overwrites the secrets of what was removed, and those that expired an hour ago: a transaction that began before a secret
/// expired still opens it. A message that a session shows once, such as a key, goes with the session that did not ask for it, and
/// what is known of a password with its operator.
pub async fn forget_unused(db: impl PgExecutor<'_>) -> Result<(), StoreError> {
    sqlx::query!(
        "WITH destination AS (
             UPDATE destinations SET sealed = '' WHERE removed_at IS NOT NULL AND sealed <> ''
         ), extension AS (
             UPDATE extensions SET sealed = '' WHERE removed_at IS NOT NULL AND sealed <> ''
         ), secret AS (
             UPDATE signing_secrets SET sealed = '' WHERE expires_at < now() - interval '1 hour' AND sealed <> ''
         ), message AS (
             UPDATE sessions SET flash = NULL WHERE flash IS NOT NULL
                 AND least(ended_at, expires_at, last_seen_at + make_interval(hours => $1)) < now()
         ), password AS (
             UPDATE operators SET password_hash = '' WHERE removed_at IS NOT NULL AND password_hash <> ''
         )
         UPDATE destination_secrets s SET sealed = '' FROM destinations d
         WHERE d.id = s.destination_id AND s.sealed <> ''
           AND (d.removed_at IS NOT NULL OR s.expires_at < now() - interval '1 hour')",
        MAX_IDLE_HOURS,
    )
    .execute(db)
    .await?;
    Ok(())
}
