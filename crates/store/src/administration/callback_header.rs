//! Headers of a project's callbacks.

use domain::audit::detail::{HeaderChange, ProjectChanges};
use domain::audit::{Actor, AuditEvent};
use domain::callback_header::{HeaderChanges, MAX_HEADERS};
use domain::ids::ProjectId;

use crate::audit::{self, Subject};
use crate::seal::MasterKey;
use crate::{PgConnection, StoreError, callback_headers, projects};

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// It is made. `false` if there was nothing to change, and nothing is written then.
    Done(bool),
    /// The project would have more than [`MAX_HEADERS`]; nothing may stay of the transaction.
    TooMany,
    /// There is no such project.
    NoProject,
}

/// Sets and removes headers under the project's lock, so that two people at once do not pass the limit
/// together. The audit has their names. A header that is removed and was not there changes nothing.
///
/// # Errors
/// When the database fails.
pub async fn change_headers(
    tx: &mut PgConnection,
    actor: &Actor,
    key: &MasterKey,
    project_id: ProjectId,
    changes: &HeaderChanges,
) -> Result<Changed, StoreError> {
    if projects::lock_project(&mut *tx, project_id).await?.is_none() {
        return Ok(Changed::NoProject);
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
        return Ok(Changed::TooMany);
    }
    if changes.set.is_empty() && removed.is_empty() {
        return Ok(Changed::Done(false));
    }
    let set = changes.set.iter().map(|header| header.name.as_str().to_owned()).collect();
    let callback_headers = Some(HeaderChange { set, removed });
    let changes = ProjectChanges { callback_headers, ..ProjectChanges::default() };
    let updated = AuditEvent::ProjectUpdated(changes);
    audit::record(tx, actor, Subject::project(project_id), &updated).await?;
    Ok(Changed::Done(true))
}
