//! What was said to the watch, ready for the activity that records it.
//!
//! What was typed by hand gets its id here, drawn from the history, so that a retried activity finds what it
//! did before. What the API sent is recorded already.

use domain::ids::{AuditId, EventId, ReplayId, ResultId};
use temporalio_workflow::WorkflowContext;
use uuid::Uuid;

use crate::EffectWatch;
use crate::activity_contract::{ReprocessWish, TypedResolution, TypedResult};
use crate::signals::Word;

/// A signal, ready for its activity.
pub(crate) enum ManualCommand {
    /// Recorded by the API: only the standing has to be read.
    Recorded,
    Result(TypedResult),
    Reprocess(ReprocessWish),
    Resolve(TypedResolution),
}

impl ManualCommand {
    pub(crate) fn new(ctx: &WorkflowContext<EffectWatch>, event_id: EventId, word: Word) -> Self {
        let new_id = || Uuid::parse_str(&ctx.uuid4()).unwrap_or_default();
        match word {
            Word::Recorded(_)
            | Word::RecordedReprocess(_)
            | Word::RecordedResolution
            | Word::Acknowledged => Self::Recorded,
            Word::Result(said) => Self::Result(TypedResult {
                event_id,
                result_id: ResultId::from_uuid(new_id()),
                body: said.body,
                notes: said.notes,
            }),
            Word::Reprocess(said) => Self::Reprocess(ReprocessWish {
                event_id,
                replay_id: ReplayId::from_uuid(new_id()),
                requested_by: said.requested_by,
                note: said.note,
                notes: said.notes,
            }),
            Word::Resolve(said) => Self::Resolve(TypedResolution {
                event_id,
                entry_id: Some(AuditId::from_uuid(new_id())),
                resolved_by: said.resolved_by,
                note: said.note,
                notes: said.notes,
            }),
        }
    }
}
