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
/// The lock and the look for an answer are one statement, whose snapshot is a moment older than its
/// lock. A first request that ends within that moment leaves an answer that is not seen here: the
/// claim is `New`, and [`insert_answer`], or a second claim, tells the truth.
///
/// # Errors
/// When the database fails.
pub async fn claim(tx: &mut PgConnection, used: KeyUse<'_>) -> Result<Claim, StoreError> {
    let name = format!("{}/{}/{}", used.project_id, used.route, used.key);
    let row = sqlx::query!(
        r#"SELECT pg_try_advisory_xact_lock(hashtextextended($1, 1)) AS "locked!",
               request_hash AS "request_hash?", status AS "status?", body AS "body?"
           FROM (SELECT) AS one LEFT JOIN idempotency_keys
               ON project_id = $2 AND route = $3 AND key = $4 AND created_at > now() - interval '7 days'"#,
        name,
        used.project_id.as_uuid(),
        used.route,
        used.key,
    )
    .fetch_one(tx)
    .await?;
    if !row.locked {
        return Ok(Claim::InProgress);
    }
    Ok(match (row.request_hash, row.status, row.body) {
        (Some(hash), Some(status), Some(body)) if hash == used.request_hash => {
            let status = u16::try_from(status).unwrap_or_default();
            Claim::Answered(StoredAnswer { status, body })
        }
        (Some(_), ..) => Claim::Conflict,
        (None, ..) => Claim::New,
    })
}

/// Stores the answer of a claimed key. `false` if the key has one already that [`claim`] did not see:
/// then nothing that was done under the claim may stay.
///
/// # Errors
/// When the database fails.
pub async fn insert_answer(
    db: impl PgExecutor<'_>,
    used: KeyUse<'_>,
    answer: &StoredAnswer,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "INSERT INTO idempotency_keys AS kept (project_id, route, key, request_hash, status, body)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT ON CONSTRAINT idempotency_keys_pkey DO UPDATE
         SET request_hash = excluded.request_hash, status = excluded.status, body = excluded.body, created_at = now()
         WHERE kept.created_at <= now() - interval '7 days'",
        used.project_id.as_uuid(),
        used.route,
        used.key,
        used.request_hash,
        i16::try_from(answer.status).unwrap_or_default(),
        answer.body,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
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
