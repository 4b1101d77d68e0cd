//! Names that a project adds to the catalogue for itself.

use std::collections::BTreeSet;

use domain::audit::detail::DeclaredDetail;
use domain::audit::{Actor, AuditEvent};
use domain::catalogue::Declaration;
use domain::ids::ProjectId;

use crate::audit::{self, Subject};
use crate::{PgConnection, StoreError, declared_names, projects};

/// How many names a project may declare: each of its requests looks through them.
pub const MAX_NAMES: usize = 200;

/// What became of a declaration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Declared {
    /// The project has the names; these are new.
    Done(Vec<Declaration>),
    /// The project would have more than [`MAX_NAMES`]; nothing may stay of the transaction.
    TooMany,
    /// There is no such project.
    NoProject,
}

/// What became of a removal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removed {
    /// The names are gone.
    Done,
    /// An event has this name, or a kept result waits for one that may; nothing may stay of the transaction.
    InUse(Declaration),
    /// The project does not declare this name; nothing may stay of the transaction.
    NotDeclared(Declaration),
}

/// Why a name stays. The text continues a sentence that begins with the field.
#[derive(Debug, thiserror::Error)]
#[error(
    "must stay: events of this project have {0}, and only a name that nothing uses can be removed"
)]
pub struct InUse<'a>(pub &'a Declaration);

/// Removes names that nothing uses. A name that an event has stays for good: results name it, and lists
/// are filtered by it. A receipt that is about to use a name is waited for, and one that comes after the
/// removal is rejected.
///
/// # Errors
/// When the database fails.
pub async fn remove_names(
    tx: &mut PgConnection,
    actor: &Actor,
    project_id: ProjectId,
    names: &[Declaration],
) -> Result<Removed, StoreError> {
    // In one order, which is also that of receipts: event types first. So nobody waits in a circle.
    for name in names.iter().collect::<BTreeSet<_>>() {
        if !declared_names::lock_name(&mut *tx, project_id, name).await? {
            return Ok(Removed::NotDeclared(name.clone()));
        }
        if declared_names::is_used(&mut *tx, project_id, name).await? {
            return Ok(Removed::InUse(name.clone()));
        }
        declared_names::delete_name(&mut *tx, project_id, name).await?;
        let removed = AuditEvent::ProjectNameRemoved(DeclaredDetail { name: name.to_string() });
        audit::record(&mut *tx, actor, Subject::project(project_id), &removed).await?;
    }
    Ok(Removed::Done)
}

/// Declares names. What the project has already, or is built in, changes nothing.
///
/// # Errors
/// When the database fails.
pub async fn declare_names(
    tx: &mut PgConnection,
    actor: &Actor,
    project_id: ProjectId,
    names: &[Declaration],
) -> Result<Declared, StoreError> {
    if projects::lock_project(&mut *tx, project_id).await?.is_none() {
        return Ok(Declared::NoProject);
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
        return Ok(Declared::TooMany);
    }
    Ok(Declared::Done(new))
}
