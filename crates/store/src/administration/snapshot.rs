//! Looking at snapshots.

use domain::audit::detail::NoDetail;
use domain::audit::{Actor, AuditEvent};
use domain::ids::EventId;

use crate::audit::{self, Subject};
use crate::pool::transaction;
use crate::seal::MasterKey;
use crate::{PgPool, StoreError, events, snapshots};

/// How someone looks at a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// On a page, once for each search.
    Page,
    /// As a file.
    Download,
}

/// The snapshot of an event, once it is in the audit who looks at it; `None` if none is kept, and nothing is
/// written then.
///
/// # Errors
/// When the snapshot does not open. Nobody has seen anything then.
pub async fn look(
    pool: &PgPool,
    key: &MasterKey,
    actor: &Actor,
    event_id: EventId,
    look: Look,
) -> Result<Option<String>, StoreError> {
    transaction(pool, async |tx| {
        let Some(event) = events::find_event(&mut *tx, event_id).await? else { return Ok(None) };
        let found = snapshots::find_snapshot(tx, key, event_id).await?;
        if found.is_some() {
            let entry = match look {
                Look::Page => AuditEvent::SnapshotViewed(NoDetail {}),
                Look::Download => AuditEvent::SnapshotDownloaded(NoDetail {}),
            };
            audit::record(tx, actor, Subject::event(event.project_id, event_id), &entry).await?;
        }
        Ok(found)
    })
    .await
}
