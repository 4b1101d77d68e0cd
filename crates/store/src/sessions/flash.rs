//! A message for the next page of one browser, such as a key that is shown once.
//!
//! It is sealed, so that neither a dump nor another row shows it. Taking it removes it in the same
//! statement: of two pages that ask concurrently one gets it. A page that dies after taking it has
//! lost it.

use domain::ids::SessionId;
use sqlx::PgExecutor;

use crate::StoreError;
use crate::error::expect_one;
use crate::seal::{Cell, MasterKey};

/// Sets the flash message, in place of one that was not read.
///
/// # Errors
/// When the session has ended.
pub async fn put_flash(
    db: impl PgExecutor<'_>,
    key: &MasterKey,
    id: SessionId,
    message: &str,
) -> Result<(), StoreError> {
    let sealed = key.seal(&Cell::session_message(id), message.as_bytes())?;
    let done = sqlx::query!(
        "UPDATE sessions SET flash = $2 WHERE id = $1 AND ended_at IS NULL",
        id.as_uuid(),
        sealed,
    )
    .execute(db)
    .await?;
    expect_one("sessions", done.rows_affected())
}

/// Takes the message, if one waits.
///
/// # Errors
/// When the message does not open; it is gone then too.
pub async fn take_flash(
    db: impl PgExecutor<'_>,
    key: &MasterKey,
    id: SessionId,
) -> Result<Option<String>, StoreError> {
    let sealed = sqlx::query_scalar!(
        r#"WITH waiting AS (
               SELECT id, flash FROM sessions WHERE id = $1 AND flash IS NOT NULL FOR UPDATE
           ), taken AS (
               UPDATE sessions s SET flash = NULL FROM waiting WHERE s.id = waiting.id
           )
           SELECT flash AS "flash!" FROM waiting"#,
        id.as_uuid(),
    )
    .fetch_optional(db)
    .await?;
    let Some(sealed) = sealed else { return Ok(None) };
    Ok(Some(key.open_text(&Cell::session_message(id), &sealed)?))
}
