//! Extensions of a project.

use domain::audit::detail::{AddedExtensionDetail, ExtensionDetail, TriedExtensionDetail};
use domain::audit::{Actor, AuditEvent};
use domain::extension::{MAX_EXTENSIONS, NewExtension};
use domain::ids::{ExtensionId, ProjectId};
use domain::signature::SigningSecret;

use crate::audit::{self, Subject};
use crate::extensions::{self, Extension};
use crate::seal::MasterKey;
use crate::{ChangeError, Insertion, PgConnection, StoreError, projects};

/// Why an extension is not registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExtensionRejection {
    /// The project would have more than [`MAX_EXTENSIONS`].
    #[error("a project may have {MAX_EXTENSIONS} extensions")]
    TooMany,
    /// Extensions are a project's.
    #[error("there is no such project")]
    NoProject,
    /// The project has the same one at this point.
    #[error("is registered at this point already, as extension {0}")]
    Registered(ExtensionId),
}

/// Registers an extension under the project's lock, so that two concurrent registrations do not
/// pass the limit together. One over HTTPS signs with `secret`.
///
/// # Errors
/// When the project has too many, has the same one already, or is none, or the database fails.
pub async fn add_extension(
    tx: &mut PgConnection,
    actor: &Actor,
    key: &MasterKey,
    project_id: ProjectId,
    new: &NewExtension,
    secret: Option<&SigningSecret>,
) -> Result<Extension, ChangeError<ExtensionRejection>> {
    if projects::lock_project(&mut *tx, project_id).await?.is_none() {
        return Err(ChangeError::Rejected(ExtensionRejection::NoProject));
    }
    let by = actor.to_string();
    let inserted =
        extensions::insert_extension(&mut *tx, key, project_id, &by, new, secret).await?;
    let id = match inserted {
        Insertion::Inserted(id) => id,
        Insertion::Existing(id) => {
            return Err(ChangeError::Rejected(ExtensionRejection::Registered(id)));
        }
    };
    let count = extensions::count_extensions(&mut *tx, project_id).await?;
    if usize::try_from(count).is_ok_and(|count| count > MAX_EXTENSIONS) {
        return Err(ChangeError::Rejected(ExtensionRejection::TooMany));
    }
    let detail = AddedExtensionDetail {
        extension_id: id,
        name: new.target.name(),
        point: new.point,
        kind: new.target.kind(),
        trust: new.trust,
    };
    let added = AuditEvent::ExtensionAdded(detail);
    audit::record(&mut *tx, actor, Subject::project(project_id), &added).await?;
    let extension = extensions::find_extension(tx, id).await?;
    extension.ok_or(ChangeError::Store(StoreError::Missing("extensions")))
}

/// Pauses an extension, or resumes it, effective immediately; as it is afterwards, or `None` if the
/// project has no such one. Nothing is written if it was so already.
pub async fn set_paused(
    tx: &mut PgConnection,
    actor: &Actor,
    project_id: ProjectId,
    id: ExtensionId,
    paused: bool,
) -> Result<Option<Extension>, StoreError> {
    let Some(extension) = find_in_project(&mut *tx, project_id, id).await? else { return Ok(None) };
    if extensions::set_paused(&mut *tx, id, paused).await? {
        let detail = detail(&extension);
        let event = if paused {
            AuditEvent::ExtensionPaused(detail)
        } else {
            AuditEvent::ExtensionResumed(detail)
        };
        audit::record(&mut *tx, actor, Subject::project(project_id), &event).await?;
    }
    extensions::find_extension(tx, id).await
}

/// Removes an extension: it is asked no more. What it was, or `None` if the project has no such
/// one.
pub async fn remove_extension(
    tx: &mut PgConnection,
    actor: &Actor,
    project_id: ProjectId,
    id: ExtensionId,
) -> Result<Option<Extension>, StoreError> {
    let Some(extension) = find_in_project(&mut *tx, project_id, id).await? else { return Ok(None) };
    if !extensions::remove_extension(&mut *tx, id).await? {
        return Ok(None);
    }
    let removed = AuditEvent::ExtensionRemoved(detail(&extension));
    audit::record(tx, actor, Subject::project(project_id), &removed).await?;
    Ok(Some(extension))
}

/// Keeps that an extension was tried: what its answer would have counted as, or why there was none.
pub async fn note_trial(
    tx: &mut PgConnection,
    actor: &Actor,
    extension: &Extension,
    valid: bool,
    outcome: &str,
) -> Result<(), StoreError> {
    let detail = TriedExtensionDetail {
        extension_id: extension.id,
        name: extension.name(),
        valid,
        outcome: outcome.to_owned(),
    };
    let tried = AuditEvent::ExtensionTried(detail);
    audit::record(tx, actor, Subject::project(extension.project_id), &tried).await
}

async fn find_in_project(
    tx: &mut PgConnection,
    project_id: ProjectId,
    id: ExtensionId,
) -> Result<Option<Extension>, StoreError> {
    let found = extensions::find_extension(tx, id).await?;
    Ok(found.filter(|extension| extension.project_id == project_id))
}

fn detail(extension: &Extension) -> ExtensionDetail {
    ExtensionDetail { extension_id: extension.id, name: extension.name() }
}
