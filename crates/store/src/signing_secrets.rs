//! Signing secrets: sealed, several at a time while one is rotated out.

use domain::ids::{ProjectId, SecretId};
use domain::signature::SigningSecret;
use sqlx::PgExecutor;
use uuid::Uuid;

use crate::StoreError;
use crate::seal::{MasterKey, SealError};

/// Adds a secret to a project.
///
/// # Errors
/// When the database fails.
pub async fn insert_secret(
    db: impl PgExecutor<'_>,
    key: &MasterKey,
    project_id: ProjectId,
    secret: &SigningSecret,
) -> Result<SecretId, StoreError> {
    let id = SecretId::from_uuid(Uuid::now_v7());
    let sealed = key.seal(&row_name(id), secret.reveal().as_bytes())?;
    sqlx::query!(
        "INSERT INTO signing_secrets (id, project_id, sealed) VALUES ($1, $2, $3)",
        id.as_uuid(),
        project_id.as_uuid(),
        sealed,
    )
    .execute(db)
    .await?;
    Ok(id)
}

/// The secrets that sign at the moment, newest first.
///
/// # Errors
/// When the database fails or a secret does not open.
pub async fn list_valid_secrets(
    db: impl PgExecutor<'_>,
    key: &MasterKey,
    project_id: ProjectId,
) -> Result<Vec<SigningSecret>, StoreError> {
    let rows = sqlx::query!(
        "SELECT id, sealed FROM signing_secrets
         WHERE project_id = $1 AND (expires_at IS NULL OR expires_at > now()) ORDER BY id DESC",
        project_id.as_uuid(),
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let opened = key.open(&row_name(SecretId::from_uuid(row.id)), &row.sealed)?;
            let text = String::from_utf8(opened).map_err(|_| SealError::Damaged)?;
            Ok(SigningSecret::parse(&text).map_err(|_| SealError::Damaged)?)
        })
        .collect()
}

/// Opens the newest secret of the installation, to see whether the key is the right one. `None` if
/// there is no secret yet, so that any key is.
///
/// # Errors
/// When the database fails or the secret does not open.
pub async fn open_newest(
    db: impl PgExecutor<'_>,
    key: &MasterKey,
) -> Result<Option<SecretId>, StoreError> {
    let row = sqlx::query!("SELECT id, sealed FROM signing_secrets ORDER BY id DESC LIMIT 1")
        .fetch_optional(db)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let id = SecretId::from_uuid(row.id);
    key.open(&row_name(id), &row.sealed)?;
    Ok(Some(id))
}

fn row_name(id: SecretId) -> String {
    format!("signing_secrets.sealed:{id}")
}
