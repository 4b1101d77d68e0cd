//! Extensions that do the work of a reprocess, before or instead of the signed callback.
//!
//! They are asked one after the other, in the order in which they were registered, each once per
//! reprocess; one that has its calls of the second a moment later, as long as its budget has not
//! passed since the request. Who has the work is decided whenever the watch asks how things stand,
//! so an extension that declined, was not there, or let its time pass hands over immediately and in the
//! same transaction. Where none took it, the callback follows, unless every one of them was
//! registered without it, or there is no repair URL: then the reprocess ends as undelivered.

use std::time::Duration;

use domain::extension::{Fallback, Point, Silence, Unanswered};
use domain::reprocess::ReprocessState;
use time::OffsetDateTime;

use super::{is_busy, is_of, note_silence, place, refuse};
use crate::event_state::LockedEvent;
use crate::extension_calls::{self, ExtensionCall};
use crate::extensions::{self, Extension};
use crate::reprocesses::Reprocess;
use crate::transitions::{EndedReprocess, fail_reprocess};
use crate::{PgConnection, StoreError, projects};

/// How long after its time an answer may still be on its way to the database.
const GRACE: Duration = Duration::from_secs(5);
/// How soon an extension that has its calls of this second is asked again, and how much later at
/// most, so that those that wait for it do not come back together.
const ASK_AGAIN: Duration = Duration::from_secs(1);
const SPREAD_MS: u128 = 4_000;

/// Who is to do the work of a reprocess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holder {
    /// An extension, until then.
    Extension(OffsetDateTime),
    /// The app's repair endpoint, if there is a reprocess at all.
    Callback,
    /// No one: it has just ended as undelivered.
    Ended,
}

/// Decides who has the reprocess that runs, and writes the call of an extension whose turn it is.
pub(crate) async fn hand_over(
    tx: &mut PgConnection,
    locked: &LockedEvent,
) -> Result<Holder, StoreError> {
    let running = locked.running().filter(|it| it.state == ReprocessState::Requested);
    let Some(running) = running else { return Ok(Holder::Callback) };
    let point = Point::Reprocess;
    let asked = extensions::list_for_event(&mut *tx, &locked.event, point).await?;
    if asked.is_empty() {
        return Ok(Holder::Callback);
    }
    let calls = extension_calls::list_for_event(&mut *tx, locked.event.id).await?;
    for extension in &asked {
        let is_this = |call: &&ExtensionCall| {
            is_of(call, extension, point) && call.replay_id == Some(running.id)
        };
        match calls.iter().find(is_this) {
            Some(call) if call.answered_at.is_some() => {}
            Some(call) if call.answer_by + GRACE > locked.now => {
                return Ok(Holder::Extension(call.answer_by + GRACE));
            }
            Some(call) => {
                let silence = Silence::new(Unanswered::TooSlow);
                note_silence(tx, locked, call, Some(extension), silence).await?;
            }
            None => {
                if let Some(until) = ask(tx, locked, running, extension).await? {
                    return Ok(Holder::Extension(until));
                }
            }
        }
    }
    if asked.iter().any(|extension| extension.fallback == Some(Fallback::Callback))
        && has_repair_url(tx, locked).await?
    {
        return Ok(Holder::Callback);
    }
    end_untaken(tx, locked, running, &asked).await?;
    Ok(Holder::Ended)
}

/// Writes the call of an extension whose turn it is; until when it has the work. Where it has its
/// calls of this second, when it is asked again, or `None` where that has lasted too long.
async fn ask(
    tx: &mut PgConnection,
    locked: &LockedEvent,
    running: &Reprocess,
    extension: &Extension,
) -> Result<Option<OffsetDateTime>, StoreError> {
    let (point, replay_id) = (Point::Reprocess, Some(running.id));
    if !is_busy(tx, extension).await? {
        let call = place(tx, locked, extension, point, replay_id).await?;
        return Ok(Some(call.answer_by + GRACE));
    }
    if locked.now < running.requested_at + extension.budget() {
        let spread = running.id.as_uuid().as_u128() % SPREAD_MS;
        let spread = Duration::from_millis(u64::try_from(spread).unwrap_or_default());
        return Ok(Some(locked.now + ASK_AGAIN + spread));
    }
    refuse(tx, locked, extension, point, replay_id).await?;
    Ok(None)
}

async fn has_repair_url(tx: &mut PgConnection, locked: &LockedEvent) -> Result<bool, StoreError> {
    let project = projects::find_project(tx, locked.event.project_id).await?;
    Ok(project.is_some_and(|project| project.repair_url.is_some()))
}

async fn end_untaken(
    tx: &mut PgConnection,
    locked: &LockedEvent,
    running: &Reprocess,
    asked: &[Extension],
) -> Result<(), StoreError> {
    let names: Vec<_> = asked.iter().map(Extension::name).collect();
    let why = format!("no extension took it over ({})", names.join(", "));
    let state = ReprocessState::Undelivered;
    let ended = EndedReprocess { reprocess: running, state, why: Some(&why) };
    fail_reprocess(tx, locked, ended).await.map(drop)
}
