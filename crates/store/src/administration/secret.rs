//! Signing secrets.

use domain::audit::detail::SecretDetail;
use domain::audit::{Actor, AuditEvent};
use domain::ids::{ProjectId, SecretId};
use domain::signature::SigningSecret;

use crate::audit::{self, Subject};
use crate::seal::MasterKey;
use crate::{PgConnection, StoreError, signing_secrets};

/// Makes a secret the project's current one. The older ones go on signing for a day.
///
/// # Errors
/// When there is no such project.
pub async fn rotate_secret(
    tx: &mut PgConnection,
    actor: &Actor,
    key: &MasterKey,
    project_id: ProjectId,
    secret: &SigningSecret,
) -> Result<SecretId, StoreError> {
    let id = signing_secrets::rotate_secret(tx, key, project_id, secret).await?;
    let rotated = AuditEvent::SecretRotated(SecretDetail { secret_id: id, destination_id: None });
    audit::record(tx, actor, Subject::project(project_id), &rotated).await?;
    Ok(id)
}

/// Lets an older secret sign no more, effective immediately. `false` for the current one and for
/// one that the project does not have, and nothing is written then.
pub async fn revoke_secret(
    tx: &mut PgConnection,
    actor: &Actor,
    project_id: ProjectId,
    id: SecretId,
) -> Result<bool, StoreError> {
    if !signing_secrets::revoke_secret(&mut *tx, project_id, id).await? {
        return Ok(false);
    }
    let revoked = AuditEvent::SecretRevoked(SecretDetail { secret_id: id, destination_id: None });
    audit::record(tx, actor, Subject::project(project_id), &revoked).await?;
    Ok(true)
}
