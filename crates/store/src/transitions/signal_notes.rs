//! What a signal typed at the `temporal` command line said that was not understood.

use domain::audit::detail::SignalDetail;
use domain::audit::{Actor, AuditEvent};
use domain::ids::EventId;
use uuid::Uuid;

use crate::audit;
use crate::event_state::LockedEvent;
use crate::{PgConnection, StoreError};

/// Notes on the timeline which parts of a signal were ignored. `id` is that of what the signal
/// asked for; the entry's follows from it, so that a repeated activity notes it once.
///
/// # Errors
/// When there is no such event.
pub async fn note_ignored(
    tx: &mut PgConnection,
    event_id: EventId,
    actor: &Actor,
    signal: &str,
    id: Uuid,
    ignored: &[String],
) -> Result<(), StoreError> {
    if ignored.is_empty() {
        return Ok(());
    }
    let locked = LockedEvent::lock_existing(tx, event_id).await?;
    let detail = SignalDetail { signal: signal.to_owned(), why: ignored.join("; ") };
    let id = Uuid::from_u128(id.as_u128() ^ 1);
    audit::record_once(tx, id, actor, locked.subject(), &AuditEvent::SignalAdjusted(detail)).await
}
