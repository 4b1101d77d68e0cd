//! Names that a project declares beside the built-in catalogue.

use domain::catalogue::{Catalogue, Declaration};
use domain::ids::ProjectId;
use sqlx::PgExecutor;

use crate::StoreError;

/// Reads `provider:name`, where an effect has no provider. A name that this release cannot read, such as
/// one that a later release allows, is left out.
pub(crate) fn read(texts: &[String]) -> Vec<Declaration> {
    let declaration = |text: &String| match text.strip_prefix(':') {
        Some(name) => Declaration::effect_type(name).ok(),
        None => Declaration::event_type(text).ok(),
    };
    texts.iter().filter_map(declaration).collect()
}

/// The catalogue of a project: the built-in names and its own.
///
/// # Errors
/// When the database fails.
pub async fn load_catalogue(
    db: impl PgExecutor<'_>,
    project_id: ProjectId,
) -> Result<Catalogue, StoreError> {
    let declared = sqlx::query_scalar!(
        r#"SELECT provider || ':' || name AS "declared!" FROM declared_names WHERE project_id = $1
           ORDER BY declared_at, name"#,
        project_id.as_uuid(),
    )
    .fetch_all(db)
    .await?;
    Ok(Catalogue::new(project_id, read(&declared)))
}

/// Every name that any project declared, each once: what lists can be filtered by.
///
/// # Errors
/// When the database fails.
pub async fn list_all(db: impl PgExecutor<'_>) -> Result<Vec<Declaration>, StoreError> {
    let declared = sqlx::query_scalar!(
        r#"SELECT DISTINCT provider || ':' || name AS "declared!" FROM declared_names ORDER BY 1"#,
    )
    .fetch_all(db)
    .await?;
    Ok(read(&declared))
}

/// Adds a name to a project. `false` if it has it already.
///
/// # Errors
/// When the database fails.
pub async fn insert_name(
    db: impl PgExecutor<'_>,
    project_id: ProjectId,
    declaration: &Declaration,
) -> Result<bool, StoreError> {
    let (kind, provider, name) = match declaration {
        Declaration::EventType(provider, name) => ("event_type", provider.as_str(), name),
        Declaration::EffectType(name) => ("effect_type", "", name),
    };
    let done = sqlx::query!(
        "INSERT INTO declared_names (project_id, kind, provider, name) VALUES ($1, $2, $3, $4)
         ON CONFLICT ON CONSTRAINT declared_names_pkey DO NOTHING",
        project_id.as_uuid(),
        kind,
        provider,
        name.as_str(),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}
