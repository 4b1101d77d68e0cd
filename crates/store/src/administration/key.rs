//! API keys.

use domain::api_key::ApiKey;
use domain::audit::{Action, Actor};
use domain::ids::{KeyId, ProjectId};
use serde_json::json;

use crate::audit::{self, Subject};
use crate::{PgConnection, StoreError, api_keys};

/// Gives a project a key.
///
/// # Errors
/// When the database fails.
pub async fn create_key(
    tx: &mut PgConnection,
    actor: &Actor,
    project_id: ProjectId,
    label: &str,
    key: &ApiKey,
) -> Result<KeyId, StoreError> {
    let id = api_keys::insert_key(&mut *tx, project_id, label, key).await?;
    let detail = json!({ "key_id": id, "label": label, "last_four": key.last_four() });
    let subject = Subject::project(project_id);
    audit::insert_entry(tx, actor, Action::KeyCreated, subject, detail).await?;
    Ok(id)
}

/// Revokes a key for good; its project, or `None` if there is no such valid key.
///
/// # Errors
/// When the database fails.
pub async fn revoke_key(
    tx: &mut PgConnection,
    actor: &Actor,
    id: KeyId,
) -> Result<Option<ProjectId>, StoreError> {
    let Some(revoked) = api_keys::revoke_key(&mut *tx, id).await? else {
        return Ok(None);
    };
    let detail = json!({ "key_id": id, "label": revoked.label, "last_four": revoked.last_four });
    let subject = Subject::project(revoked.project_id);
    audit::insert_entry(tx, actor, Action::KeyRevoked, subject, detail).await?;
    Ok(Some(revoked.project_id))
}
