//! Sessions: signed-in browsers, of which only the SHA-256 of the token is here.
//!
//! A session is valid until it is ended, expires, is left alone for too long, or its operator is
//! removed; each request asks, so all of these hold from the next request on. A message for the
//! next page waits here, sealed, and is read exactly once, whatever happens in between.

mod flash;

use domain::ids::{OperatorId, SessionId};
use domain::operator::Role;
use domain::project::Mode;
use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;

pub use self::flash::{put_flash, take_flash};
use crate::StoreError;

/// The longest life of a session, in days: who works every day signs in once a week.
pub const MAX_DAYS: i32 = 7;
/// How long a session lives without use, in hours: a working day, so that a browser that was left
/// open is of no use the next morning.
pub const MAX_IDLE_HOURS: i32 = 12;
/// The longest user agent that is kept, in characters.
const MAX_USER_AGENT: usize = 255;

/// Who sits behind a valid session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub id: SessionId,
    pub operator_id: OperatorId,
    pub email: String,
    /// What they may do, as of this moment.
    pub role: Role,
    /// Which projects they look at, once they chose.
    pub view_mode: Option<Mode>,
}

/// A session as its owner sees it in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenSession {
    pub id: SessionId,
    /// What the browser called itself.
    pub user_agent: Option<String>,
    /// When it began.
    pub created_at: OffsetDateTime,
    /// When it was last used, to the minute.
    pub last_seen_at: OffsetDateTime,
}

/// Begins a session. Of the user agent, what can be shown is kept.
pub async fn insert_session(
    db: impl PgExecutor<'_>,
    operator_id: OperatorId,
    token_hash: &[u8; 32],
    user_agent: Option<&str>,
) -> Result<SessionId, StoreError> {
    let id = SessionId::from_uuid(Uuid::now_v7());
    sqlx::query!(
        "INSERT INTO sessions (id, operator_id, token_hash, user_agent, expires_at)
         VALUES ($1, $2, $3, $4, now() + make_interval(days => $5))",
        id.as_uuid(),
        operator_id.as_uuid(),
        token_hash.as_slice(),
        user_agent.and_then(sanitize),
        MAX_DAYS,
    )
    .execute(db)
    .await?;
    Ok(id)
}

/// The operator of a token; `None` if it is valid no more. Notes the use, at most once a minute, so
/// that a busy page does not rewrite the row with every request. What a page asks by itself is no
/// use: a browser that was left open must not stay signed in.
pub async fn find_session(
    db: impl PgExecutor<'_>,
    token_hash: &[u8; 32],
    is_use: bool,
) -> Result<Option<Session>, StoreError> {
    let session = sqlx::query_as!(
        Session,
        "WITH found AS (
             SELECT s.id, s.operator_id, o.email, o.role, o.view_mode, s.last_seen_at
             FROM sessions s JOIN operators o ON o.id = s.operator_id
             WHERE s.token_hash = $1 AND o.removed_at IS NULL AND s.ended_at IS NULL
               AND s.expires_at > now() AND s.last_seen_at > now() - make_interval(hours => $2)
         ), seen AS (
             UPDATE sessions s SET last_seen_at = now() FROM found
             WHERE s.id = found.id AND s.last_seen_at < now() - interval '1 minute' AND $3
         )
         SELECT id, operator_id, email, role, view_mode FROM found",
        token_hash.as_slice(),
        MAX_IDLE_HOURS,
        is_use,
    )
    .fetch_optional(db)
    .await?;
    Ok(session)
}

/// The valid sessions of an operator, last used first.
pub async fn list_sessions(
    db: impl PgExecutor<'_>,
    operator_id: OperatorId,
) -> Result<Vec<OpenSession>, StoreError> {
    let sessions = sqlx::query_as!(
        OpenSession,
        "SELECT id, user_agent, created_at, last_seen_at FROM sessions
         WHERE operator_id = $1 AND ended_at IS NULL
           AND expires_at > now() AND last_seen_at > now() - make_interval(hours => $2)
         ORDER BY last_seen_at DESC, id DESC",
        operator_id.as_uuid(),
        MAX_IDLE_HOURS,
    )
    .fetch_all(db)
    .await?;
    Ok(sessions)
}

/// Ends a session, and forgets the message that waited in it. `true` if it had not ended before.
pub async fn end_session(db: impl PgExecutor<'_>, id: SessionId) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "UPDATE sessions SET ended_at = now(), flash = NULL WHERE id = $1 AND ended_at IS NULL",
        id.as_uuid(),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends every session of an operator but one; how many of them were still valid.
pub async fn end_sessions_of(
    db: impl PgExecutor<'_>,
    operator_id: OperatorId,
    except: Option<SessionId>,
) -> Result<u64, StoreError> {
    let ended = sqlx::query_scalar!(
        r#"WITH ended AS (
               UPDATE sessions SET ended_at = now(), flash = NULL
               WHERE operator_id = $1 AND ended_at IS NULL AND ($2::uuid IS NULL OR id <> $2)
               RETURNING expires_at > now() AND last_seen_at > now() - make_interval(hours => $3) AS valid
           )
           SELECT count(*) FILTER (WHERE valid) AS "ended!" FROM ended"#,
        operator_id.as_uuid(),
        except.map(SessionId::as_uuid),
        MAX_IDLE_HOURS,
    )
    .fetch_one(db)
    .await?;
    Ok(u64::try_from(ended).unwrap_or_default())
}

/// What of a header can be shown later; `None` if that is nothing.
fn sanitize(user_agent: &str) -> Option<String> {
    let kept: String =
        user_agent.chars().filter(|c| !c.is_control()).take(MAX_USER_AGENT).collect();
    (!kept.trim().is_empty()).then_some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_agent_is_cut_where_it_is_long_and_left_out_where_it_is_empty() {
        assert_eq!(sanitize("a\0b\u{1b}c").as_deref(), Some("abc"));
        assert_eq!(sanitize(&"é".repeat(1_000)), Some("é".repeat(255)));
        assert_eq!((sanitize(""), sanitize(" \t"), sanitize("\0")), (None, None, None));
    }
}
