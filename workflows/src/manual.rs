//! What was said to the watch, ready for the activity that records it.
//!
//! What was entered manually gets its id here, drawn from the history, so that a retried activity
//! finds what it did before. What the API sent is recorded already, under the id that it names. A
//! user may enter such an id, too, so the same activities are asked with that id as their key: they
//! change nothing where they find it, and where they do not, the input is judged as everything that
//! is entered manually.

use domain::ids::{AuditId, EventId, ReplayId, ResultId};
use domain::or_unknown::OrUnknown;
use domain::outbox::RecordedResult;
use temporalio_workflow::WorkflowContext;
use uuid::Uuid;

use crate::EffectWatch;
use crate::activity_contract::{ManualReprocess, ManualResolution, ManualResult};
use crate::signals::{ReprocessSignal, ResolveSignal, ResultSignal, SignalMessage};

/// The change that has the database judge what a signal says to be recorded.
const PATCH: &str = "judge-recorded-signals";

/// The change that has the database judge a first result that says more than the API's own. What
/// the API sends never comes to it.
pub(crate) const JUDGE_FIRST: &str = "judge-first-signals";

/// A signal, ready for its activity.
pub(crate) enum ManualCommand {
    /// Recorded by the API: only the event state has to be read.
    Recorded,
    /// A result that counts as recorded by the API.
    RecordedResult,
    Result(ManualResult),
    Reprocess(ManualReprocess),
    Resolve(ManualResolution),
}

impl ManualCommand {
    pub(crate) fn new(
        ctx: &WorkflowContext<EffectWatch>,
        event_id: EventId,
        message: SignalMessage,
    ) -> Self {
        let new_id = || Uuid::parse_str(&ctx.uuid4()).unwrap_or_default();
        match message {
            SignalMessage::Recorded(
                recorded @ RecordedResult { status: OrUnknown::Known(_), .. },
                said,
            ) if ctx.patched(PATCH) => result(event_id, recorded.result_id, said),
            // Before the change, and for an outcome that another release has to judge.
            SignalMessage::Recorded(..) => Self::RecordedResult,
            SignalMessage::RecordedReprocess(recorded, said) if ctx.patched(PATCH) => {
                reprocess(event_id, recorded.replay_id, said)
            }
            SignalMessage::RecordedResolution(said) if ctx.patched(PATCH) => {
                resolve(event_id, AuditId::from_uuid(new_id()), said)
            }
            SignalMessage::RecordedReprocess(..)
            | SignalMessage::RecordedResolution(_)
            | SignalMessage::Acknowledged => Self::Recorded,
            SignalMessage::Resolve(said) => resolve(event_id, AuditId::from_uuid(new_id()), said),
            SignalMessage::Result(said) => result(event_id, ResultId::from_uuid(new_id()), said),
            SignalMessage::Reprocess(said) => {
                reprocess(event_id, ReplayId::from_uuid(new_id()), said)
            }
        }
    }
}

fn result(event_id: EventId, result_id: ResultId, said: ResultSignal) -> ManualCommand {
    let ResultSignal { body, notes } = said;
    ManualCommand::Result(ManualResult { event_id, result_id, body, notes })
}

fn reprocess(event_id: EventId, replay_id: ReplayId, said: ReprocessSignal) -> ManualCommand {
    let ReprocessSignal { requested_by, note, notes } = said;
    ManualCommand::Reprocess(ManualReprocess { event_id, replay_id, requested_by, note, notes })
}

fn resolve(event_id: EventId, entry_id: AuditId, said: ResolveSignal) -> ManualCommand {
    let ResolveSignal { resolved_by, note, notes } = said;
    let entry_id = Some(entry_id);
    ManualCommand::Resolve(ManualResolution { event_id, entry_id, resolved_by, note, notes })
}
