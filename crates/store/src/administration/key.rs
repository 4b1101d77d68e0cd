//! API keys.

use domain::api_key::ApiKey;
use domain::audit::detail::KeyDetail;
use domain::audit::{Actor, AuditEvent};
use domain::ids::{KeyId, ProjectId};

use crate::audit::{self, Subject};
use crate::{PgConnection, StoreError, api_keys};

/// Gives a project a key.
pub async fn create_key(
    tx: &mut PgConnection,
    actor: &Actor,
    project_id: ProjectId,
    label: &str,
    key: &ApiKey,
) -> Result<KeyId, StoreError> {
    let id = api_keys::insert_key(&mut *tx, project_id, label, key).await?;
    let (label, last_four) = (label.to_owned(), key.last_four().to_owned());
    let made = AuditEvent::KeyCreated(KeyDetail { key_id: id, label, last_four });
    audit::record(tx, actor, Subject::project(project_id), &made).await?;
    Ok(id)
}

/// Revokes a key for good; its project, or `None` if there is no such valid key.
pub async fn revoke_key(
    tx: &mut PgConnection,
    actor: &Actor,
    id: KeyId,
) -> Result<Option<ProjectId>, StoreError> {
    let Some(revoked) = api_keys::revoke_key(&mut *tx, id).await? else {
        return Ok(None);
    };
    let api_keys::RevokedKey { project_id, label, last_four } = revoked;
    let revoked = AuditEvent::KeyRevoked(KeyDetail { key_id: id, label, last_four });
    audit::record(tx, actor, Subject::project(project_id), &revoked).await?;
    Ok(Some(project_id))
}
