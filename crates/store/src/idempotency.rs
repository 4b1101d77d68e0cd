//! Stored answers: the same key and the same request get the same bytes back.
//!
//! A running request holds an advisory lock that dies with its connection, so a crashed one blocks
//! nobody. The answer is stored in the transaction of what it tells, so an answer that was given
//! without being stored cannot exist, nor one stored without its effect.

use domain::ids::ProjectId;
use sqlx::{PgConnection, PgExecutor};

use crate::StoreError;

/// One use of an `Idempotency-Key`.
#[derive(Debug, Clone, Copy)]
pub struct KeyUse<'a> {
    /// The project.
    pub project_id: ProjectId,
    /// The route, such as `receipt`.
    pub route: &'a str,
    /// The caller's key.
    pub key: &'a str,
    /// SHA-256 of the typed request.
    pub request_hash: &'a [u8],
}

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Nobody used it: go on, and store the answer.
    New,
    /// The same request was answered before.
    Answered(StoredAnswer),
    /// The first request with this key is still running.
    InProgress,
    /// Another request used this key.
    Conflict,
}

/// An answer that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// Claims a key for the rest of the transaction.
///
/// # Errors
/// When the database fails.
pub async fn claim(tx: &mut PgConnection, used: KeyUse<'_>) -> Result<Claim, StoreError> {
    let name = format!("{}/{}/{}", used.project_id, used.route, used.key);
    let locked = sqlx::query_scalar!(
        r#"SELECT pg_try_advisory_xact_lock(hashtextextended($1, 1)) AS "locked!""#,
        name,
    )
    .fetch_one(&mut *tx)
    .await?;
    if !locked {
        return Ok(Claim::InProgress);
    }
    let row = sqlx::query!(
        "SELECT request_hash, status, body FROM idempotency_keys
         WHERE project_id = $1 AND route = $2 AND key = $3 AND created_at > now() - interval '7 days'",
        used.project_id.as_uuid(),
        used.route,
        used.key,
    )
    .fetch_optional(tx)
    .await?;
    Ok(match row {
        None => Claim::New,
        Some(row) if row.request_hash != used.request_hash => Claim::Conflict,
        Some(row) => Claim::Answered(StoredAnswer {
            status: u16::try_from(row.status).unwrap_or_default(),
            body: row.body,
        }),
    })
}

/// Stores the answer of a claimed key.
///
/// # Errors
/// When the database fails.
pub async fn insert_answer(
    db: impl PgExecutor<'_>,
    used: KeyUse<'_>,
    answer: &StoredAnswer,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO idempotency_keys (project_id, route, key, request_hash, status, body)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT ON CONSTRAINT idempotency_keys_pkey DO UPDATE
         SET request_hash = excluded.request_hash, status = excluded.status, body = excluded.body, created_at = now()",
        used.project_id.as_uuid(),
        used.route,
        used.key,
        used.request_hash,
        i16::try_from(answer.status).unwrap_or_default(),
        answer.body,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Forgets answers older than 7 days, some at a time.
///
/// # Errors
/// When the database fails.
pub async fn delete_expired(db: impl PgExecutor<'_>) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "DELETE FROM idempotency_keys WHERE ctid = ANY (ARRAY(
             SELECT ctid FROM idempotency_keys WHERE created_at < now() - interval '7 days' LIMIT 5000))",
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
