//! Headers of a project's callbacks.

use domain::audit::detail::{HeaderChange, ProjectChanges};
use domain::audit::{Actor, AuditEvent};
use domain::callback_header::{HeaderChanges, MAX_HEADERS};
use domain::ids::ProjectId;

use crate::audit::{self, Subject};
use crate::seal::MasterKey;
use crate::{ChangeError, PgConnection, callback_headers, projects};

/// Why headers are not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderRejection {
    /// The project would have more than [`MAX_HEADERS`].
    #[error("a project may have {MAX_HEADERS} headers")]
    TooMany,
    /// Headers are a project's.
    #[error("there is no such project")]
    NoProject,
}

/// Sets and removes headers under the project's lock, so that two concurrent changes do not pass
/// the limit together. The audit has their names. A header that is removed and was not there
/// changes nothing. `false` if there was nothing to change, and nothing is written then.
///
/// # Errors
/// When there would be too many, there is no such project, or the database fails.
pub async fn change_headers(
    tx: &mut PgConnection,
    actor: &Actor,
    key: &MasterKey,
    project_id: ProjectId,
    changes: &HeaderChanges,
) -> Result<bool, ChangeError<HeaderRejection>> {
    if projects::lock_project(&mut *tx, project_id).await?.is_none() {
        return Err(ChangeError::Rejected(HeaderRejection::NoProject));
    }
    let mut removed = Vec::new();
    for name in &changes.removed {
        if callback_headers::remove_header(&mut *tx, project_id, name).await? {
            removed.push(name.as_str().to_owned());
        }
    }
    for header in &changes.set {
        callback_headers::set_header(&mut *tx, key, project_id, header).await?;
    }
    let after = projects::find_project(&mut *tx, project_id).await?;
    if after.is_none_or(|after| after.callback_header_names.len() > MAX_HEADERS) {
        return Err(ChangeError::Rejected(HeaderRejection::TooMany));
    }
    if changes.set.is_empty() && removed.is_empty() {
        return Ok(false);
    }
    let set = changes.set.iter().map(|header| header.name.as_str().to_owned()).collect();
    let callback_headers = Some(HeaderChange { set, removed });
    let changes = ProjectChanges { callback_headers, ..ProjectChanges::default() };
    let updated = AuditEvent::ProjectUpdated(changes);
    audit::record(tx, actor, Subject::project(project_id), &updated).await?;
    Ok(true)
}
