//! What silence does: a deadline that passed opens an incident, an unanswered callback ends its
//! reprocess. Both are judged on the database's clock, whatever the timer that asked believes, and
//! not while our own API is away or its apps catch up ([`crate::outages`]).

use domain::app_error::AppError;
use domain::event::Effect;
use domain::ids::{EventId, ReplayId};
use domain::incident::Reason;
use domain::reprocess::ReprocessState;
use domain::verdict::{self, CallbackSilence, SilenceVerdict};

use crate::event_state::LockedEvent;
use crate::transitions::{EndedReprocess, fail_reprocess, open_incident};
use crate::{PgConnection, StoreError, events};

/// Opens the incident if the deadline passed in silence; whether it did.
///
/// # Errors
/// When there is no such event.
pub async fn open_incident_if_due(
    tx: &mut PgConnection,
    event_id: EventId,
) -> Result<bool, StoreError> {
    let locked = LockedEvent::lock_existing(tx, event_id).await?;
    let due_at = locked.judged_at().unwrap_or(locked.event.timeout_at);
    match verdict::judge_silence(locked.event.effect, due_at, locked.now) {
        SilenceVerdict::ResultReceived | SilenceVerdict::NotDue(_) => Ok(false),
        SilenceVerdict::OpenIncident => {
            events::settle(tx, &locked.event, Effect::Missing).await?;
            open_incident(tx, &locked, Reason::MissingResult, &AppError::default()).await?;
            Ok(true)
        }
    }
}

/// Ends a reprocess whose delivered callback got no result in time; whether it did.
///
/// # Errors
/// When there is no such event.
pub async fn end_reprocess_if_due(
    tx: &mut PgConnection,
    event_id: EventId,
    replay_id: ReplayId,
) -> Result<bool, StoreError> {
    let locked = LockedEvent::lock_existing(tx, event_id).await?;
    let Some(running) = locked.running().filter(|running| running.id == replay_id) else {
        return Ok(false);
    };
    match verdict::judge_callback_silence(running.state, locked.judged_at(), locked.now) {
        CallbackSilence::Ended | CallbackSilence::NotDue(_) => Ok(false),
        CallbackSilence::NoResult => {
            let ended = EndedReprocess::new(running, ReprocessState::NoResult);
            fail_reprocess(tx, &locked, ended).await?;
            Ok(true)
        }
    }
}
