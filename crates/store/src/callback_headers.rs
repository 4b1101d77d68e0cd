//! Headers of a project's callbacks: names in plain, values sealed.

use domain::callback_header::{CallbackHeader, HeaderName};
use domain::ids::ProjectId;
use sqlx::PgExecutor;

use crate::StoreError;
use crate::seal::{Cell, MasterKey, SealError};

/// The headers with their values, by name.
///
/// # Errors
/// When a value does not open.
pub async fn list_headers(
    db: impl PgExecutor<'_>,
    key: &MasterKey,
    project_id: ProjectId,
) -> Result<Vec<CallbackHeader>, StoreError> {
    let rows = sqlx::query!(
        "SELECT name, spelling, sealed FROM callback_headers WHERE project_id = $1 ORDER BY name",
        project_id.as_uuid(),
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let value =
                key.open_text(&Cell::callback_header(project_id, &row.name), &row.sealed)?;
            Ok(CallbackHeader::new(&row.spelling, &value).map_err(|_| SealError::Damaged)?)
        })
        .collect()
}

/// Sets a header, over the value that it had.
pub async fn set_header(
    db: impl PgExecutor<'_>,
    key: &MasterKey,
    project_id: ProjectId,
    header: &CallbackHeader,
) -> Result<(), StoreError> {
    let name = header.name.folded();
    let sealed = key.seal(&Cell::callback_header(project_id, &name), header.value().as_bytes())?;
    sqlx::query!(
        "INSERT INTO callback_headers (project_id, name, spelling, sealed) VALUES ($1, $2, $3, $4)
         ON CONFLICT ON CONSTRAINT callback_headers_pkey
         DO UPDATE SET spelling = excluded.spelling, sealed = excluded.sealed, set_at = now()",
        project_id.as_uuid(),
        name,
        header.name.as_str(),
        sealed,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Removes a header; `false` if the project has no such one.
pub async fn remove_header(
    db: impl PgExecutor<'_>,
    project_id: ProjectId,
    name: &HeaderName,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "DELETE FROM callback_headers WHERE project_id = $1 AND name = $2",
        project_id.as_uuid(),
        name.folded(),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}
