//! Reading and changing the state of an event.
//!
//! Each activity is one transaction, so a worker that dies in it leaves nothing half-done. Each is
//! safe to repeat: its key is the event, or the id that the workflow drew from its history. The
//! functions are public so that each can be run twice in a test.

use std::sync::Arc;

use domain::audit::Actor;
use domain::ids::EventId;
use domain::incident::MAX_NOTE;
use domain::rejection::Rejection;
use domain::watch::WatchState;
use store::audit;
use store::flows::About;
use store::pool::transaction;
use store::transitions::reprocess::{self, ReprocessRequest};
use store::transitions::resolve::{self, ResolveRequest};
use store::transitions::signal_notes::note_ignored;
use store::transitions::{callback, silence};
use store::{ChangeError, PgConnection, StoreError, incidents, reprocesses};
use temporalio_common::ActivityError;
use temporalio_macros::activities;
use temporalio_sdk::activities::ActivityContext;
use workflows::activity_contract::{
    EventInput, ManualReprocess, ManualResolution, ManualResult, ReprocessInput,
    UndeliveredReprocess, definition,
};

use crate::decide::stored;
use crate::deps::Deps;
use crate::manual_result;
use crate::observed::observed;
use crate::state;

/// The longest name that is kept of what was entered manually, in characters.
const MAX_NAME: usize = 100;

/// Implements [`workflows::activity_contract::Records`].
pub struct Records {
    deps: Arc<Deps>,
}

impl Records {
    /// Records in this database.
    #[must_use]
    pub const fn new(deps: Arc<Deps>) -> Self {
        Self { deps }
    }
}

#[activities]
impl Records {
    #[activity(definition = definition::OpenIncidentIfDue)]
    pub async fn open_incident_if_due(
        self: Arc<Self>,
        ctx: ActivityContext,
        of: EventInput,
    ) -> Result<WatchState, ActivityError> {
        let about = About::Event(of.event_id);
        observed(&self.deps, &ctx, about, open_incident_if_due(&self.deps, of)).await
    }

    #[activity(definition = definition::ReadStanding)]
    pub async fn read_standing(
        self: Arc<Self>,
        ctx: ActivityContext,
        of: EventInput,
    ) -> Result<WatchState, ActivityError> {
        let about = About::Event(of.event_id);
        observed(&self.deps, &ctx, about, read_standing(&self.deps, of)).await
    }

    #[activity(definition = definition::RecordResult)]
    pub async fn record_result(
        self: Arc<Self>,
        ctx: ActivityContext,
        typed: ManualResult,
    ) -> Result<WatchState, ActivityError> {
        let about = About::Event(typed.event_id);
        observed(&self.deps, &ctx, about, record_result(&self.deps, typed)).await
    }

    #[activity(definition = definition::RequestReprocess)]
    pub async fn request_reprocess(
        self: Arc<Self>,
        ctx: ActivityContext,
        manual: ManualReprocess,
    ) -> Result<WatchState, ActivityError> {
        let about = About::Reprocess(manual.event_id, manual.replay_id);
        observed(&self.deps, &ctx, about, request_reprocess(&self.deps, manual)).await
    }

    #[activity(definition = definition::ResolveIncident)]
    pub async fn resolve_incident(
        self: Arc<Self>,
        ctx: ActivityContext,
        typed: ManualResolution,
    ) -> Result<WatchState, ActivityError> {
        let about = About::Event(typed.event_id);
        observed(&self.deps, &ctx, about, resolve_incident(&self.deps, typed)).await
    }

    #[activity(definition = definition::EndReprocessIfDue)]
    pub async fn end_reprocess_if_due(
        self: Arc<Self>,
        ctx: ActivityContext,
        of: ReprocessInput,
    ) -> Result<WatchState, ActivityError> {
        let about = About::Reprocess(of.event_id, of.replay_id);
        observed(&self.deps, &ctx, about, end_reprocess_if_due(&self.deps, of)).await
    }

    #[activity(definition = definition::EndUndeliveredReprocess)]
    pub async fn end_undelivered_reprocess(
        self: Arc<Self>,
        ctx: ActivityContext,
        undelivered: UndeliveredReprocess,
    ) -> Result<WatchState, ActivityError> {
        let about = About::Reprocess(undelivered.event_id, undelivered.replay_id);
        observed(&self.deps, &ctx, about, end_undelivered_reprocess(&self.deps, undelivered)).await
    }
}

/// The activity `open_incident_if_due`, without a worker around it.
///
/// # Errors
/// As [`stored`] decides.
pub async fn open_incident_if_due(
    deps: &Deps,
    of: EventInput,
) -> Result<WatchState, ActivityError> {
    change(deps, of.event_id, async |tx| {
        silence::open_incident_if_due(tx, of.event_id).await?;
        incidents::clear_watch_late(tx, of.event_id).await
    })
    .await
}

/// The activity `read_standing`, without a worker around it.
///
/// # Errors
/// As [`stored`] decides.
pub async fn read_standing(deps: &Deps, of: EventInput) -> Result<WatchState, ActivityError> {
    change(deps, of.event_id, async |_| Ok(())).await
}

/// The activity `record_result`, without a worker around it.
///
/// # Errors
/// As [`stored`] decides.
pub async fn record_result(deps: &Deps, typed: ManualResult) -> Result<WatchState, ActivityError> {
    change(deps, typed.event_id, async |tx| manual_result::record(tx, &typed).await).await
}

/// The activity `request_reprocess`, without a worker around it.
///
/// # Errors
/// As [`stored`] decides.
pub async fn request_reprocess(
    deps: &Deps,
    manual: ManualReprocess,
) -> Result<WatchState, ActivityError> {
    let actor = Actor::Temporal(manual.requested_by.as_deref().and_then(name));
    let note = manual.note.as_deref().and_then(note);
    let (replay_id, note) = (manual.replay_id, note.as_deref());
    let request = ReprocessRequest { replay_id, actor: &actor, note, bulk_id: None, signal: false };
    change(deps, manual.event_id, async |tx| {
        match reprocesses::find_reprocess(&mut *tx, replay_id).await? {
            Some(known) if known.event_id == manual.event_id => return Ok(()),
            Some(_) => {
                let why = "replay_id is that of another event; leave it out";
                return reprocess::note_rejection(tx, manual.event_id, request, why).await;
            }
            None => {}
        }
        if let Some(why) = &manual.notes.rejected {
            return reprocess::note_rejection(tx, manual.event_id, request, why).await;
        }
        let (id, ignored) = (replay_id.as_uuid(), &manual.notes.ignored);
        note_ignored(tx, manual.event_id, &actor, "reprocess", id, ignored).await?;
        match reprocess::request_reprocess(tx, manual.event_id, request).await {
            Ok(()) => Ok(()),
            Err(error) => {
                let why = error.rejection()?.to_string();
                reprocess::note_rejection(tx, manual.event_id, request, &why).await
            }
        }
    })
    .await
}

/// The activity `resolve_incident`, without a worker around it.
///
/// # Errors
/// As [`stored`] decides.
pub async fn resolve_incident(
    deps: &Deps,
    typed: ManualResolution,
) -> Result<WatchState, ActivityError> {
    let actor = Actor::Temporal(typed.resolved_by.as_deref().and_then(name));
    let note = typed.note.as_deref().and_then(note);
    let resolving = ResolveRequest {
        actor: &actor,
        note: note.as_deref(),
        evidence: None,
        bulk_id: None,
        signal: false,
    };
    let (event_id, entry_id) = (typed.event_id, typed.entry_id.unwrap_or_else(audit::new_id));
    change(deps, event_id, async |tx| {
        if let Some(why) = &typed.notes.rejected {
            return resolve::note_rejection(tx, event_id, &actor, entry_id, why).await;
        }
        let (id, ignored) = (entry_id.as_uuid(), &typed.notes.ignored);
        note_ignored(tx, event_id, &actor, "resolve", id, ignored).await?;
        match resolve::resolve_incident(tx, event_id, resolving).await {
            Ok(()) | Err(ChangeError::Rejected(Rejection::Resolved(_))) => Ok(()),
            Err(error) => {
                let why = error.rejection()?.to_string();
                resolve::note_rejection(tx, event_id, &actor, entry_id, &why).await
            }
        }
    })
    .await
}

/// The activity `end_reprocess_if_due`, without a worker around it.
///
/// # Errors
/// As [`stored`] decides.
pub async fn end_reprocess_if_due(
    deps: &Deps,
    of: ReprocessInput,
) -> Result<WatchState, ActivityError> {
    let (event_id, replay_id) = (of.event_id, of.replay_id);
    change(deps, event_id, async |tx| {
        silence::end_reprocess_if_due(tx, event_id, replay_id).await.map(drop)
    })
    .await
}

/// The activity `end_undelivered_reprocess`, without a worker around it.
///
/// # Errors
/// As [`stored`] decides.
pub async fn end_undelivered_reprocess(
    deps: &Deps,
    undelivered: UndeliveredReprocess,
) -> Result<WatchState, ActivityError> {
    let (event_id, replay_id) = (undelivered.event_id, undelivered.replay_id);
    let why = note(&undelivered.why).unwrap_or_else(|| "it was ended in Temporal".to_owned());
    change(deps, event_id, async |tx| {
        callback::end_undelivered(tx, event_id, replay_id, &why).await
    })
    .await
}

/// Runs one change and reads the event's state afterwards, in one transaction.
async fn change(
    deps: &Deps,
    event_id: EventId,
    change: impl AsyncFnOnce(&mut PgConnection) -> Result<(), StoreError>,
) -> Result<WatchState, ActivityError> {
    let changed = transaction(&deps.pool, async |tx| {
        change(tx).await?;
        state::read(deps, tx, event_id).await
    });
    let changed = changed.await;
    crash_points::pass("record.changed");
    stored(changed)
}

/// The name that a person gives, on one line. A blank name is none.
pub(crate) fn name(text: &str) -> Option<String> {
    let line: String = text.chars().filter(|c| !c.is_control()).collect();
    let name: String = line.trim().chars().take(MAX_NAME).collect();
    (!name.is_empty()).then_some(name)
}

/// A note with its lines, as long as the console takes one and without what a terminal would obey.
/// A blank note is none.
fn note(text: &str) -> Option<String> {
    let plain: String = text.chars().filter(|c| *c == '\n' || !c.is_control()).collect();
    let note: String = plain.trim().chars().take(MAX_NOTE).collect();
    (!note.is_empty()).then_some(note)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_keeps_its_lines_and_what_the_console_would_take() {
        let lines = "the queue was down\r\nsee the runbook\n";
        assert_eq!(note(lines).as_deref(), Some("the queue was down\nsee the runbook"));
        let longest = "é".repeat(MAX_NOTE);
        assert_eq!(note(&longest).as_deref(), Some(longest.as_str()));
        assert_eq!(note(&format!("{longest}x")), Some(longest));
        assert_eq!(note("\u{1b}[31mred\0").as_deref(), Some("[31mred"));
    }

    #[test]
    fn a_name_is_one_line_and_not_too_long() {
        assert_eq!(name(" alice\r\nthe admin\0 ").as_deref(), Some("alicethe admin"));
        assert_eq!(name(&"x".repeat(101)).map(|name| name.len()), Some(100));
    }

    #[test]
    fn what_is_blank_counts_as_absent() {
        for blank in ["", "  ", "\n\t", "\0", " \0 "] {
            assert_eq!((name(blank), note(blank)), (None, None), "{blank:?}");
        }
    }
}
