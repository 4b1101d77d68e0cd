//! Names that a project adds to the catalogue for itself.

use std::collections::BTreeSet;

use domain::audit::detail::DeclaredDetail;
use domain::audit::{Actor, AuditEvent};
use domain::catalogue::Declaration;
use domain::ids::ProjectId;

use crate::audit::{self, Subject};
use crate::{ChangeError, PgConnection, declared_names, projects};

/// How many names a project may declare: each of its requests looks through them.
pub const MAX_NAMES: usize = 200;

/// Why names are not declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeclareRejection {
    /// The project would have more than [`MAX_NAMES`].
    #[error("a project may declare {MAX_NAMES} names")]
    TooMany,
    /// Names are a project's.
    #[error("there is no such project")]
    NoProject,
}

/// Why names are not removed; none is then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemoveRejection {
    /// An event has this name, or a kept result waits for one that may. The text continues a
    /// sentence that begins with the field.
    #[error(
        "must stay: events of this project have {0}, and only a name that nothing uses can be removed"
    )]
    InUse(Declaration),
    /// The project does not declare this name.
    #[error("this project does not declare {0}")]
    NotDeclared(Declaration),
}

/// Removes names that nothing uses. A name that an event has stays for good: results name it, and
/// lists are filtered by it. A receipt that is about to use a name is waited for, and one that
/// comes after the removal is rejected.
///
/// # Errors
/// When one of them stays, or the database fails.
pub async fn remove_names(
    tx: &mut PgConnection,
    actor: &Actor,
    project_id: ProjectId,
    names: &[Declaration],
) -> Result<(), ChangeError<RemoveRejection>> {
    // In one order, which is also that of receipts: event types first. So there is no deadlock.
    for name in names.iter().collect::<BTreeSet<_>>() {
        if !declared_names::lock_name(&mut *tx, project_id, name).await? {
            return Err(ChangeError::Rejected(RemoveRejection::NotDeclared(name.clone())));
        }
        if declared_names::is_used(&mut *tx, project_id, name).await? {
            return Err(ChangeError::Rejected(RemoveRejection::InUse(name.clone())));
        }
        declared_names::delete_name(&mut *tx, project_id, name).await?;
        let removed = AuditEvent::ProjectNameRemoved(DeclaredDetail { name: name.to_string() });
        audit::record(&mut *tx, actor, Subject::project(project_id), &removed).await?;
    }
    Ok(())
}

/// Declares names, and gives the new ones. What the project has already, or is built in, changes
/// nothing.
///
/// # Errors
/// When there would be too many, there is no such project, or the database fails.
pub async fn declare_names(
    tx: &mut PgConnection,
    actor: &Actor,
    project_id: ProjectId,
    names: &[Declaration],
) -> Result<Vec<Declaration>, ChangeError<DeclareRejection>> {
    if projects::lock_project(&mut *tx, project_id).await?.is_none() {
        return Err(ChangeError::Rejected(DeclareRejection::NoProject));
    }
    let mut new = Vec::new();
    for name in names.iter().filter(|name| !name.is_built_in()) {
        if declared_names::insert_name(&mut *tx, project_id, name).await? {
            new.push(name.clone());
            let declared = AuditEvent::ProjectDeclared(DeclaredDetail { name: name.to_string() });
            audit::record(&mut *tx, actor, Subject::project(project_id), &declared).await?;
        }
    }
    let declared = declared_names::load_catalogue(&mut *tx, project_id).await?;
    if declared.declared().len() > MAX_NAMES {
        return Err(ChangeError::Rejected(DeclareRejection::TooMany));
    }
    Ok(new)
}
