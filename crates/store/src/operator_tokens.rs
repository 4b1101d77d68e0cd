//! Operators' own tokens: only their SHA-256 is here.

use domain::ids::{OperatorId, TokenId};
use domain::operator::Role;
use domain::secret_token::OperatorToken;
use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::StoreError;

/// A token as it is shown to its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    pub id: TokenId,
    /// What its owner calls it.
    pub label: String,
    /// Its last four characters.
    pub last_four: String,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When it was last used, to the minute.
    pub last_used_at: Option<OffsetDateTime>,
    pub revoked_at: Option<OffsetDateTime>,
}

/// The operator of a valid token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenOwner {
    pub token_id: TokenId,
    pub operator_id: OperatorId,
    pub email: String,
    /// What they may do, as of this moment.
    pub role: Role,
}

/// Adds a token.
pub async fn insert_token(
    db: impl PgExecutor<'_>,
    operator_id: OperatorId,
    label: &str,
    token: &OperatorToken,
) -> Result<TokenId, StoreError> {
    let id = TokenId::from_uuid(Uuid::now_v7());
    let hash = token.hash();
    sqlx::query!(
        "INSERT INTO operator_tokens (id, operator_id, label, hash, last_four) VALUES ($1, $2, $3, $4, $5)",
        id.as_uuid(),
        operator_id.as_uuid(),
        label,
        hash.as_slice(),
        token.last_four(),
    )
    .execute(db)
    .await?;
    Ok(id)
}

/// The tokens of an operator, revoked ones too, oldest first.
pub async fn list_tokens(
    db: impl PgExecutor<'_>,
    operator_id: OperatorId,
) -> Result<Vec<TokenRow>, StoreError> {
    let tokens = sqlx::query_as!(
        TokenRow,
        "SELECT id, label, last_four, created_at, last_used_at, revoked_at FROM operator_tokens
         WHERE operator_id = $1 ORDER BY id",
        operator_id.as_uuid(),
    )
    .fetch_all(db)
    .await?;
    Ok(tokens)
}

/// Revokes a token of this operator for good; `None` if they have no such valid token.
pub async fn revoke_token(
    db: impl PgExecutor<'_>,
    operator_id: OperatorId,
    id: TokenId,
) -> Result<Option<RevokedToken>, StoreError> {
    let revoked = sqlx::query_as!(
        RevokedToken,
        "UPDATE operator_tokens SET revoked_at = now()
         WHERE id = $2 AND operator_id = $1 AND revoked_at IS NULL RETURNING label, last_four",
        operator_id.as_uuid(),
        id.as_uuid(),
    );
    Ok(revoked.fetch_optional(db).await?)
}

/// A token that was just revoked, as people know it.
#[derive(Debug, Clone)]
pub struct RevokedToken {
    /// What it was called.
    pub label: String,
    /// How it ended.
    pub last_four: String,
}

/// Revokes every token of an operator; how many.
pub async fn revoke_tokens_of(
    db: impl PgExecutor<'_>,
    operator_id: OperatorId,
) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "UPDATE operator_tokens SET revoked_at = now() WHERE operator_id = $1 AND revoked_at IS NULL",
        operator_id.as_uuid(),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// The operator of a token; `None` for an unknown or revoked one, or one of an operator who was
/// removed. Notes the use, at most once a minute.
pub async fn find_token_owner(
    db: impl PgExecutor<'_>,
    hash: &[u8; 32],
) -> Result<Option<TokenOwner>, StoreError> {
    let owner = sqlx::query_as!(
        TokenOwner,
        "WITH found AS (
             SELECT t.id, t.operator_id, o.email, o.role
             FROM operator_tokens t JOIN operators o ON o.id = t.operator_id
             WHERE t.hash = $1 AND t.revoked_at IS NULL AND o.removed_at IS NULL
         ), used AS (
             UPDATE operator_tokens t SET last_used_at = now() FROM found
             WHERE t.id = found.id
               AND (t.last_used_at IS NULL OR t.last_used_at < now() - interval '1 minute')
         )
         SELECT id AS token_id, operator_id, email, role FROM found",
        hash.as_slice(),
    )
    .fetch_optional(db)
    .await?;
    Ok(owner)
}
