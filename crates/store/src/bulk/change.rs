//! What is done to one incident of a bulk, in the transaction that marks its item.
//!
//! It is what one operator would do to one incident, judged under the event's lock: what cannot be done
//! any more is rejected and changes nothing.

use domain::audit::Actor;
use domain::bulk::BulkAction;
use domain::ids::{EventId, ReplayId};
use domain::rejection::Rejection;

use super::Bulk;
use crate::event_state::LockedEvent;
use crate::transitions::acknowledge::{AcknowledgeRequest, acknowledge_incident};
use crate::transitions::reprocess::{ReprocessRequest, request_reprocess};
use crate::transitions::resolve::{ResolveRequest, resolve_incident};
use crate::{ChangeError, PgConnection, reprocesses};

/// Does it. The reprocess that was started, where one was.
pub(super) async fn change(
    tx: &mut PgConnection,
    bulk: &Bulk,
    event_id: EventId,
) -> Result<Option<ReplayId>, ChangeError<Rejection>> {
    let actor = &Actor::read(&bulk.requested_by);
    let (note, bulk_id) = (bulk.note.as_deref(), Some(bulk.id));
    match bulk.action {
        BulkAction::Reprocess => {
            let replay_id = reprocesses::new_id();
            let request = ReprocessRequest { replay_id, actor, note, bulk_id, signal: true };
            request_reprocess(tx, event_id, request).await?;
            Ok(Some(replay_id))
        }
        BulkAction::Acknowledge => {
            let request = AcknowledgeRequest { actor, note, bulk_id };
            acknowledge_incident(tx, event_id, request).await?;
            Ok(None)
        }
        BulkAction::Resolve => {
            reject_running(tx, event_id).await?;
            let request = ResolveRequest { actor, note, evidence: None, bulk_id, signal: true };
            resolve_incident(tx, event_id, request).await?;
            Ok(None)
        }
    }
}

/// One operator may end a reprocess that runs by resolving its incident; many are not ended unseen.
async fn reject_running(
    tx: &mut PgConnection,
    event_id: EventId,
) -> Result<(), ChangeError<Rejection>> {
    let locked = LockedEvent::lock_existing(tx, event_id).await?;
    match locked.running() {
        Some(running) => {
            Err(ChangeError::Rejected(Rejection::Reprocessing(Some(running.id), None)))
        }
        None => Ok(()),
    }
}
