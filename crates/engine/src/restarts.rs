//! Looking for the watch of an event about which something is overdue.
//!
//! A watch that is gone, however it ended, gets a new run, and only then does the timeline say so.
//! One that is stalled (`stalls`) is left alone: the timeline says that and how to go on
//! (`store::transitions::stalled`). Any other that runs is signalled to ask the database: it may have
//! lost what it was told, in a Temporal that was restored to an earlier time or by a reset. Repeating
//! all of it changes nothing; the entry of a new run and the signal have the message's id, so there is
//! one of each. A relay that dies between the start and the entry loses the entry only.

use std::time::{SystemTime, UNIX_EPOCH};

use domain::audit::detail::NoDetail;
use domain::audit::{Actor, AuditEvent};
use domain::ids::{EventId, OutboxId};
use domain::outbox::OutboxMessage;
use store::audit::{self, Subject};
use store::pool::transaction;
use store::transitions::stalled::{Stall, note_stall};
use store::{PgPool, StoreError};
use temporalio_client::WorkflowDescribeOptions;
use temporalio_client::errors::WorkflowInteractionError;
use workflows::EffectWatch;
use workflows::names::workflow_id;

use crate::connect::{EngineError, judge_status};
use crate::stalls::{self, FoundStall};
use crate::watch::Watch;

pub(crate) async fn restart(
    pool: &PgPool,
    watch: Watch<'_>,
    message: OutboxId,
) -> Result<(), EngineError> {
    let stored = |error: StoreError| EngineError::Unreachable(error.to_string());
    let event = watch.event;
    if watch.restart().await? {
        let subject = Subject::event(event.project_id, event.id);
        let restarted = AuditEvent::WatchRestarted(NoDetail {});
        return audit::record_once(pool, message.as_uuid(), &Actor::System, subject, &restarted)
            .await
            .map_err(stored);
    }
    let Some(stall) = find_stall(watch).await? else {
        tracing::debug!(event_id = %event.id, "the watch runs, and is to ask the database");
        let asks = OutboxMessage::Acknowledged;
        return watch.signal(asks.kind().as_str(), message, &asks.payload()).await;
    };
    tracing::warn!(event_id = %event.id, what = stall.what, "the watch is stalled");
    note(pool, event.id, &stall).await.map_err(stored)
}

async fn find_stall(watch: Watch<'_>) -> Result<Option<FoundStall>, EngineError> {
    let id = workflow_id(watch.event.id);
    let handle = watch.client.get_workflow_handle::<EffectWatch>(id.clone());
    match handle.describe(WorkflowDescribeOptions::default()).await {
        Ok(description) => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
            let now = i64::try_from(now).unwrap_or(i64::MAX);
            Ok(stalls::read(&id, &description.raw_description, now))
        }
        Err(WorkflowInteractionError::NotFound(_)) => Ok(None),
        Err(WorkflowInteractionError::Rpc(status)) => Err(judge_status(&status)),
        Err(error) => Err(EngineError::Rejected(error.to_string())),
    }
}

async fn note(pool: &PgPool, event_id: EventId, found: &FoundStall) -> Result<(), StoreError> {
    let FoundStall { kind, what, key, cure } = found;
    let stall = Stall { kind: *kind, what, key, cure };
    transaction(pool, async |tx| note_stall(tx, event_id, stall).await).await
}
