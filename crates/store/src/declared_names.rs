//! Names that a project declares beside the built-in catalogue.

use std::collections::BTreeSet;

use domain::catalogue::{Catalogue, Declaration};
use domain::event::Effect;
use domain::ids::ProjectId;
use sqlx::PgExecutor;

use crate::error::expect_one;
use crate::events::query_kinds;
use crate::search::reading::FOLLOW_INDEXES;
use crate::{PgConnection, StoreError, column};

/// Reads `provider:name`, where an effect has no provider. A name that this release cannot read,
/// such as one that a later release allows, is left out.
pub(crate) fn read(texts: &[String]) -> Vec<Declaration> {
    let declaration = |text: &String| match text.strip_prefix(':') {
        Some(name) => Declaration::effect_type(name).ok(),
        None => Declaration::event_type(text).ok(),
    };
    texts.iter().filter_map(declaration).collect()
}

/// The catalogue of a project: the built-in names and its own.
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
pub async fn list_all(db: impl PgExecutor<'_>) -> Result<Vec<Declaration>, StoreError> {
    let declared = sqlx::query_scalar!(
        r#"SELECT DISTINCT provider || ':' || name AS "declared!" FROM declared_names ORDER BY 1"#,
    )
    .fetch_all(db)
    .await?;
    Ok(read(&declared))
}

/// Keeps declared names from being removed until the transaction ends. Those of them that are gone.
pub async fn hold_names(
    tx: &mut PgConnection,
    project_id: ProjectId,
    names: Vec<Declaration>,
) -> Result<Vec<Declaration>, StoreError> {
    let mut gone = Vec::new();
    for name in names {
        let (kind, provider, text) = columns(&name);
        let held = sqlx::query_scalar!(
            r#"SELECT 1 AS "held!" FROM declared_names
               WHERE project_id = $1 AND kind = $2 AND provider = $3 AND name = $4 FOR KEY SHARE"#,
            project_id.as_uuid(),
            kind,
            provider,
            text,
        )
        .fetch_optional(&mut *tx)
        .await?;
        if held.is_none() {
            gone.push(name);
        }
    }
    Ok(gone)
}

/// Keeps names of several projects from being removed until the transaction ends, without waiting for anyone. Those of
/// them that are gone, or about to go.
pub(crate) async fn try_hold_names(
    tx: &mut PgConnection,
    names: BTreeSet<(ProjectId, Declaration)>,
) -> Result<BTreeSet<(ProjectId, Declaration)>, StoreError> {
    if names.is_empty() {
        return Ok(names);
    }
    let names: Vec<_> = names.into_iter().collect();
    let held = sqlx::query_scalar!(
        r#"SELECT wanted.ordinal AS "ordinal!"
           FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[])
               WITH ORDINALITY AS wanted (project_id, kind, provider, name, ordinal)
           JOIN declared_names declared ON declared.project_id = wanted.project_id AND declared.kind = wanted.kind
               AND declared.provider = wanted.provider AND declared.name = wanted.name
           FOR KEY SHARE OF declared SKIP LOCKED"#,
        &column(&names, |(project_id, _)| project_id.as_uuid()),
        &column(&names, |(_, name)| columns(name).0) as &[&str],
        &column(&names, |(_, name)| columns(name).1) as &[&str],
        &column(&names, |(_, name)| columns(name).2) as &[&str],
    )
    .fetch_all(tx)
    .await?;
    let names = names.into_iter().zip(1..);
    Ok(names.filter(|(_, ordinal)| !held.contains(ordinal)).map(|(name, _)| name).collect())
}

/// Takes a name's lock, which waits for the receipts that hold it. `false` if the project does not
/// have it.
pub(crate) async fn lock_name(
    tx: &mut PgConnection,
    project_id: ProjectId,
    name: &Declaration,
) -> Result<bool, StoreError> {
    let (kind, provider, text) = columns(name);
    let locked = sqlx::query_scalar!(
        r#"SELECT 1 AS "locked!" FROM declared_names
           WHERE project_id = $1 AND kind = $2 AND provider = $3 AND name = $4 FOR UPDATE"#,
        project_id.as_uuid(),
        kind,
        provider,
        text,
    )
    .fetch_optional(tx)
    .await?;
    Ok(locked.is_some())
}

/// Whether an event of the project has the name, or a kept result waits for one that may have it. However many events
/// it has, each kind of them costs one look.
pub(crate) async fn is_used(
    tx: &mut PgConnection,
    project_id: ProjectId,
    name: &Declaration,
) -> Result<bool, StoreError> {
    let (_, provider, text) = columns(name);
    sqlx::raw_sql(FOLLOW_INDEXES).execute(&mut *tx).await?;
    let used = match name {
        Declaration::EventType(..) => {
            sqlx::query_scalar!(
                r#"SELECT EXISTS (SELECT FROM payment_events
                       WHERE project_id = $1 AND effect = ANY ($4) AND event_type = $3 AND provider = $2)
                   OR EXISTS (SELECT FROM early_results
                       WHERE project_id = $1 AND num_nonnulls(provider, event_type) > 0
                         AND coalesce(event_type, $3) = $3 AND coalesce(provider, $2) = $2) AS "used!""#,
                project_id.as_uuid(),
                provider,
                text,
                &Effect::ALL.iter().map(ToString::to_string).collect::<Vec<_>>(),
            )
            .fetch_one(tx)
            .await?
        }
        Declaration::EffectType(_) => {
            let used = query_kinds!(
                r#"SELECT EXISTS (SELECT FROM kinds WHERE effect_type = $3)
                   OR EXISTS (SELECT FROM early_results WHERE project_id = $1 AND effect_type = $3) AS "used!""#,
                project_id,
                text
            );
            used.fetch_one(tx).await?.used
        }
    };
    Ok(used)
}

/// Removes a name from a project.
///
/// # Errors
/// When there is no such name.
pub(crate) async fn delete_name(
    tx: &mut PgConnection,
    project_id: ProjectId,
    name: &Declaration,
) -> Result<(), StoreError> {
    let (kind, provider, text) = columns(name);
    let done = sqlx::query!(
        "DELETE FROM declared_names WHERE project_id = $1 AND kind = $2 AND provider = $3 AND name = $4",
        project_id.as_uuid(),
        kind,
        provider,
        text,
    )
    .execute(tx)
    .await?;
    expect_one("declared_names", done.rows_affected())
}

fn columns(name: &Declaration) -> (&'static str, &str, &str) {
    match name {
        Declaration::EventType(provider, name) => ("event_type", provider.as_str(), name.as_str()),
        Declaration::EffectType(name) => ("effect_type", "", name.as_str()),
    }
}

/// Adds a name to a project. `false` if it has it already.
pub async fn insert_name(
    db: impl PgExecutor<'_>,
    project_id: ProjectId,
    declaration: &Declaration,
) -> Result<bool, StoreError> {
    let (kind, provider, name) = columns(declaration);
    let done = sqlx::query!(
        "INSERT INTO declared_names (project_id, kind, provider, name) VALUES ($1, $2, $3, $4)
         ON CONFLICT ON CONSTRAINT declared_names_pkey DO NOTHING",
        project_id.as_uuid(),
        kind,
        provider,
        name,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}
