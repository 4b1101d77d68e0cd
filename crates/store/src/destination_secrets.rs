//! What signs the messages of a webhook destination: sealed, several at a time while one is rotated
//! out, as [`crate::signing_secrets`] does for callbacks.
//!
//! The current secret is the one that does not expire. A rotation takes the destination's lock, so
//! that of two concurrent ones the second lets the first one's secret expire.

use domain::ids::{DestinationId, ProjectId, SecretId};
use domain::signature::SigningSecret;
use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::seal::{Cell, MasterKey};
use crate::signing_secrets::{OVERLAP_HOURS, open_secret};
use crate::{PgConnection, StoreError};

/// A secret that was made the current one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    pub id: SecretId,
    /// Until when the ones before it sign as well.
    pub older_sign_until: OffsetDateTime,
}

/// Adds a secret to a destination.
pub(crate) async fn insert_secret(
    db: impl PgExecutor<'_>,
    key: &MasterKey,
    project_id: ProjectId,
    destination_id: DestinationId,
    secret: &SigningSecret,
) -> Result<SecretId, StoreError> {
    let id = SecretId::from_uuid(Uuid::now_v7());
    let sealed = key.seal(&Cell::destination_secret(project_id, id), secret.reveal().as_bytes())?;
    sqlx::query!(
        "INSERT INTO destination_secrets (id, destination_id, sealed) VALUES ($1, $2, $3)",
        id.as_uuid(),
        destination_id.as_uuid(),
        sealed,
    )
    .execute(db)
    .await?;
    Ok(id)
}

/// The secrets that sign at the moment, newest first.
///
/// # Errors
/// When a secret does not open.
pub(crate) async fn list_valid_secrets(
    db: impl PgExecutor<'_>,
    key: &MasterKey,
    project_id: ProjectId,
    destination_id: DestinationId,
) -> Result<Vec<SigningSecret>, StoreError> {
    let rows = sqlx::query!(
        "SELECT id, sealed FROM destination_secrets
         WHERE destination_id = $1 AND (expires_at IS NULL OR expires_at > now()) ORDER BY id DESC",
        destination_id.as_uuid(),
    )
    .fetch_all(db)
    .await?;
    let cell = |id| Cell::destination_secret(project_id, id);
    rows.into_iter().map(|row| Ok(open_secret(key, &cell(row.id), &row.sealed)?)).collect()
}

/// Makes a secret the current one; its destination's lock is held. The older ones go on signing for
/// a day, unless they expire sooner.
pub(crate) async fn rotate_secret(
    tx: &mut PgConnection,
    key: &MasterKey,
    project_id: ProjectId,
    destination_id: DestinationId,
    secret: &SigningSecret,
) -> Result<Rotation, StoreError> {
    let older_sign_until = sqlx::query_scalar!(
        r#"WITH replaced AS (
               UPDATE destination_secrets SET expires_at = clock_timestamp() + make_interval(hours => $2)
               WHERE destination_id = $1
                 AND (expires_at IS NULL OR expires_at > clock_timestamp() + make_interval(hours => $2))
               RETURNING expires_at
           )
           SELECT coalesce(max(expires_at), now()) AS "until!" FROM replaced"#,
        destination_id.as_uuid(),
        OVERLAP_HOURS,
    )
    .fetch_one(&mut *tx)
    .await?;
    let id = insert_secret(tx, key, project_id, destination_id, secret).await?;
    Ok(Rotation { id, older_sign_until })
}
