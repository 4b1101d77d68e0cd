//! Signing secrets: sealed, several at a time while one is rotated out.
//!
//! The current secret is the one that does not expire; every older one does, a day after it was
//! replaced. A rotation takes the project's lock, so that of two concurrent ones the second finds
//! the first one's secret and lets it expire: there is one current secret, whichever comes last.

use domain::ids::{ProjectId, SecretId};
use domain::signature::SigningSecret;
use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::seal::{Cell, MasterKey, SealError};
use crate::{PgConnection, StoreError};

/// For how many hours a replaced secret goes on signing: time to deploy the new one everywhere.
pub const OVERLAP_HOURS: i32 = 24;

/// A valid secret as it is shown to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecretInfo {
    pub id: SecretId,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When it signs no more; `None` for the current one.
    pub expires_at: Option<OffsetDateTime>,
}

/// Adds a secret to a project.
pub async fn insert_secret(
    db: impl PgExecutor<'_>,
    key: &MasterKey,
    project_id: ProjectId,
    secret: &SigningSecret,
) -> Result<SecretId, StoreError> {
    let id = SecretId::from_uuid(Uuid::now_v7());
    let sealed = key.seal(&Cell::signing_secret(project_id, id), secret.reveal().as_bytes())?;
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
/// When a secret does not open.
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
    let cell = |id| Cell::signing_secret(project_id, id);
    rows.into_iter().map(|row| Ok(open_secret(key, &cell(row.id), &row.sealed)?)).collect()
}

/// Opens a secret of one row, whatever it signs.
pub(crate) fn open_secret(
    key: &MasterKey,
    cell: &Cell,
    sealed: &[u8],
) -> Result<SigningSecret, SealError> {
    SigningSecret::parse(&key.open_text(cell, sealed)?).map_err(|_| SealError::Damaged)
}

/// The valid secrets of a project without what they are, newest first.
pub async fn list_secrets(
    db: impl PgExecutor<'_>,
    project_id: ProjectId,
) -> Result<Vec<SecretInfo>, StoreError> {
    let secrets = sqlx::query_as!(
        SecretInfo,
        "SELECT id, created_at, expires_at FROM signing_secrets
         WHERE project_id = $1 AND (expires_at IS NULL OR expires_at > now())
         ORDER BY expires_at DESC NULLS FIRST, id DESC",
        project_id.as_uuid(),
    )
    .fetch_all(db)
    .await?;
    Ok(secrets)
}

/// Makes a secret the current one. The older ones go on signing for a day, unless they expire
/// sooner.
///
/// # Errors
/// When there is no such project.
pub async fn rotate_secret(
    tx: &mut PgConnection,
    key: &MasterKey,
    project_id: ProjectId,
    secret: &SigningSecret,
) -> Result<SecretId, StoreError> {
    sqlx::query!("SELECT id FROM projects WHERE id = $1 FOR NO KEY UPDATE", project_id.as_uuid())
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(StoreError::Missing("projects"))?;
    sqlx::query!(
        "UPDATE signing_secrets SET expires_at = clock_timestamp() + make_interval(hours => $2)
         WHERE project_id = $1
           AND (expires_at IS NULL OR expires_at > clock_timestamp() + make_interval(hours => $2))",
        project_id.as_uuid(),
        OVERLAP_HOURS,
    )
    .execute(&mut *tx)
    .await?;
    insert_secret(tx, key, project_id, secret).await
}

/// Lets an older secret sign no more, effective immediately. `false` for the current one, without
/// which nothing would sign, and for one that the project does not have or that has expired.
pub async fn revoke_secret(
    db: impl PgExecutor<'_>,
    project_id: ProjectId,
    id: SecretId,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "UPDATE signing_secrets SET expires_at = now()
         WHERE id = $2 AND project_id = $1 AND expires_at > now()",
        project_id.as_uuid(),
        id.as_uuid(),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether the project had this secret, which was revoked or has expired.
pub async fn has_ended(
    db: impl PgExecutor<'_>,
    project_id: ProjectId,
    id: SecretId,
) -> Result<bool, StoreError> {
    let ended = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM signing_secrets
               WHERE id = $2 AND project_id = $1 AND expires_at <= now()) AS "ended!""#,
        project_id.as_uuid(),
        id.as_uuid(),
    );
    Ok(ended.fetch_one(db).await?)
}

/// Opens the newest current secret of the installation, to see whether the key is the right one.
/// `None` if there is no secret yet, so that any key is.
///
/// # Errors
/// When the secret does not open.
pub async fn open_newest(
    db: impl PgExecutor<'_>,
    key: &MasterKey,
) -> Result<Option<SecretId>, StoreError> {
    let row = sqlx::query!(
        "SELECT id, project_id, sealed FROM signing_secrets WHERE expires_at IS NULL ORDER BY id DESC LIMIT 1"
    )
    .fetch_optional(db)
    .await?;
    let Some(row) = row else { return Ok(None) };
    key.open(&Cell::signing_secret(row.project_id, row.id), &row.sealed)?;
    Ok(Some(row.id))
}
