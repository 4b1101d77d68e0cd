//! Projects.

use domain::audit::{Action, Actor};
use domain::ids::ProjectId;
use domain::signature::SigningSecret;
use serde_json::{Map, Value, json};

use crate::audit::{self, Subject};
use crate::projects::{self, Project, ProjectSettings};
use crate::seal::MasterKey;
use crate::{PgConnection, StoreError, signing_secrets};

/// Makes a project and its first signing secret.
///
/// # Errors
/// When the database fails.
pub async fn create_project(
    tx: &mut PgConnection,
    actor: &Actor,
    settings: &ProjectSettings,
    secret: &SigningSecret,
    key: &MasterKey,
) -> Result<ProjectId, StoreError> {
    let id = projects::insert_project(&mut *tx, settings).await?;
    signing_secrets::insert_secret(&mut *tx, key, id, secret).await?;
    let detail = json!({
        "name": settings.name, "mode": settings.mode, "timeout_minutes": settings.timeout_minutes,
        "repair_url": settings.repair_url, "snapshots": settings.snapshots,
    });
    audit::insert_entry(tx, actor, Action::ProjectCreated, Subject::project(id), detail).await?;
    Ok(id)
}

/// Changes a project's settings; its mode stays. `Some(false)` if they were so before, and nothing is
/// written then; `None` if there is no such project.
///
/// # Errors
/// When the database fails.
pub async fn update_project(
    tx: &mut PgConnection,
    actor: &Actor,
    id: ProjectId,
    settings: &ProjectSettings,
) -> Result<Option<bool>, StoreError> {
    let Some(before) = projects::lock_project(tx, id).await? else {
        return Ok(None);
    };
    let changed = differences(&before, settings);
    if changed.is_empty() {
        return Ok(Some(false));
    }
    projects::update_project(&mut *tx, id, settings).await?;
    let detail = Value::Object(changed);
    audit::insert_entry(tx, actor, Action::ProjectUpdated, Subject::project(id), detail).await?;
    Ok(Some(true))
}

/// What the audit keeps: each changed setting, before and after.
fn differences(before: &Project, after: &ProjectSettings) -> Map<String, Value> {
    let pairs = [
        ("name", json!(before.name), json!(after.name)),
        ("timeout_minutes", json!(before.timeout_minutes), json!(after.timeout_minutes)),
        ("repair_url", json!(before.repair_url), json!(after.repair_url)),
        ("snapshots", json!(before.snapshots), json!(after.snapshots)),
    ];
    let changed = pairs.into_iter().filter(|(_, from, to)| from != to);
    changed.map(|(name, from, to)| (name.to_owned(), json!({ "from": from, "to": to }))).collect()
}
