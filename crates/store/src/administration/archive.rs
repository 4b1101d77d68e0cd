//! Archiving a project, and restoring it.
//!
//! Both lock the project's row and are one transaction with their audit entry. Whoever comes second finds what they want done
//! already, which changes nothing and is not audited again; so after an archive and a restore at the same time the state is what the later
//! of the two entries says. A process that dies on the way has done neither.

use domain::audit::detail::{ArchivedDetail, NoDetail};
use domain::audit::{Actor, AuditEvent};
use domain::ids::ProjectId;

use crate::audit::{self, Subject};
use crate::{ChangeError, PgConnection, StoreError, incidents, projects, silences};

/// Why a project is not archived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveRejection {
    #[error("there is no such project")]
    NoProject,
    /// More incidents are not resolved than were known of.
    #[error("the number of incidents that are not resolved is {0} now: confirm it")]
    Unresolved(i64),
}

/// Archives a project that has no more than so many incidents that are not resolved. `false` if it was archived before.
///
/// Its silences end without a word. Nothing else of it is touched: what waits or is not resolved goes on to its end.
///
/// # Errors
/// When it has more, there is no such project, or the database fails.
pub async fn archive_project(
    tx: &mut PgConnection,
    actor: &Actor,
    id: ProjectId,
    confirmed: i64,
) -> Result<bool, ChangeError<ArchiveRejection>> {
    let Some(project) = projects::lock_project(&mut *tx, id).await? else {
        return Err(ChangeError::Rejected(ArchiveRejection::NoProject));
    };
    if project.archived_at.is_some() {
        return Ok(false);
    }
    let unresolved = incidents::count_unresolved(&mut *tx, id).await?;
    if unresolved > confirmed {
        return Err(ChangeError::Rejected(ArchiveRejection::Unresolved(unresolved)));
    }
    projects::set_archived(&mut *tx, id, true).await?;
    silences::withdraw(&mut *tx, id).await?;
    let archived = AuditEvent::ProjectArchived(ArchivedDetail { unresolved });
    audit::record(tx, actor, Subject::project(id), &archived).await?;
    Ok(true)
}

/// Takes a project back into use. `Some(false)` if it was not archived; `None` if there is no such project.
pub async fn restore_project(
    tx: &mut PgConnection,
    actor: &Actor,
    id: ProjectId,
) -> Result<Option<bool>, StoreError> {
    let Some(project) = projects::lock_project(&mut *tx, id).await? else {
        return Ok(None);
    };
    if project.archived_at.is_none() {
        return Ok(Some(false));
    }
    projects::set_archived(&mut *tx, id, false).await?;
    let restored = AuditEvent::ProjectRestored(NoDetail {});
    audit::record(tx, actor, Subject::project(id), &restored).await?;
    Ok(Some(true))
}
