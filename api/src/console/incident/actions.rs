//! Reprocess, acknowledge, resolve: each one transaction with its entry in the audit.
//!
//! The transition judges under the event's lock. A refusal changes nothing and is told as a message;
//! a note that breaks a rule is shown again with what was typed. After the commit the relay is nudged;
//! if that is lost, its sweep takes the wish within seconds.

use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use domain::ids::ReplayId;
use domain::incident::check_note;
use domain::verdict::{AcknowledgeRefusal, ReprocessRefusal};
use serde::Deserialize;
use store::incidents::Incident;
use store::pool;
use store::transitions::acknowledge::acknowledge_incident;
use store::transitions::reprocess::{Wanted, request_reprocess};
use store::transitions::resolve::{ResolveAnswer, Resolving, resolve_incident};
use store::{StoreError, audit, reprocesses};

use super::dossier::find;
use super::show;
use super::view::{Field, Typed};
use crate::console::page::go_to;
use crate::console::session::{Message, SignedIn};
use crate::console::story::{name_of, short_name_of};
use crate::error::ApiError;
use crate::state::AppState;

/// What was typed beside a button.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Note {
    note: String,
}

impl Note {
    /// The note with plain line ends; `None` if nothing was typed.
    fn text(&self) -> Option<String> {
        Some(self.note.trim().replace("\r\n", "\n")).filter(|note| !note.is_empty())
    }

    /// The field as it is shown again if the note breaks a rule.
    fn mistake(&self, required: bool) -> Option<Field> {
        let text = self.text();
        let problem = match text.as_deref() {
            None if required => "Say how it was put right, for the timeline.".to_owned(),
            None => return None,
            Some(note) => format!("The note {}.", check_note(note).err()?),
        };
        Some(Field { text: self.note.clone(), problem: Some(problem) })
    }
}

const AGAIN: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;

/// `POST /incidents/{incident_id}/reprocess`.
pub(super) async fn reprocess(
    State(state): State<AppState>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Form(form): Form<Note>,
) -> Result<Response, ApiError> {
    let incident = find(&state, &id).await?;
    if let Some(note) = form.mistake(false) {
        return show(&state, &signed_in, &id, (AGAIN, Typed { note, ..Typed::default() })).await;
    }
    let message = start(&state, &signed_in, &incident, form.text().as_deref()).await?;
    back(&state, &signed_in, &incident, &message).await
}

async fn start(
    state: &AppState,
    signed_in: &SignedIn,
    incident: &Incident,
    note: Option<&str>,
) -> Result<Message, ApiError> {
    let (actor, replay_id) = (signed_in.actor(), reprocesses::new_id());
    let wanted = Wanted { replay_id, actor: &actor, note, signal: true };
    let mut tx = pool::begin(&state.pool).await?;
    match request_reprocess(&mut tx, incident.event_id, wanted).await? {
        Ok(()) => {
            pool::commit(tx).await?;
            state.relay.nudge(incident.event_id);
            Ok(Message::done("Your app is asked to do it again. What comes of it appears below."))
        }
        Err(ReprocessRefusal::Running(running)) => {
            Ok(Message::refused(who_was_first(state, running).await?))
        }
        Err(ReprocessRefusal::NoRepairUrl) => {
            Ok(Message::refused("Set a repair URL in the project first."))
        }
        Err(refusal @ (ReprocessRefusal::NoIncident | ReprocessRefusal::Resolved)) => {
            Ok(Message::refused(format!("Nothing was started: {refusal}.")))
        }
    }
}

async fn who_was_first(state: &AppState, running: ReplayId) -> Result<String, StoreError> {
    let running_one = reprocesses::find_reprocess(&state.pool, running).await?;
    let by = running_one.map_or_else(|| "somebody".to_owned(), |one| name_of(&one.requested_by));
    Ok(format!("Nothing was started: {by} was first, and reprocess {running} is running."))
}

/// `POST /incidents/{incident_id}/acknowledge`.
pub(super) async fn acknowledge(
    State(state): State<AppState>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Form(form): Form<Note>,
) -> Result<Response, ApiError> {
    let incident = find(&state, &id).await?;
    if let Some(note) = form.mistake(false) {
        return show(&state, &signed_in, &id, (AGAIN, Typed { note, ..Typed::default() })).await;
    }
    let (note, actor) = (form.text(), signed_in.actor());
    let mut tx = pool::begin(&state.pool).await?;
    let message =
        match acknowledge_incident(&mut tx, incident.event_id, &actor, note.as_deref()).await? {
            Ok(()) => {
                pool::commit(tx).await?;
                Message::done("Acknowledged. Your colleagues see that you look after it.")
            }
            Err(AcknowledgeRefusal::AlreadyAcknowledged) => {
                Message::refused(who_looks_after(&state, &incident).await?)
            }
            Err(refusal) => Message::refused(format!("Nothing was changed: {refusal}.")),
        };
    back(&state, &signed_in, &incident, &message).await
}

async fn who_looks_after(state: &AppState, incident: &Incident) -> Result<String, StoreError> {
    let mut people = audit::list_acknowledgers(&state.pool, &[incident.event_id]).await?;
    let by = people.remove(&incident.event_id);
    let by = by.map_or_else(|| "somebody".to_owned(), |actor| short_name_of(&actor));
    Ok(format!("Nothing was changed: {by} was first and looks after it."))
}

/// `POST /incidents/{incident_id}/resolve`.
pub(super) async fn resolve(
    State(state): State<AppState>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Form(form): Form<Note>,
) -> Result<Response, ApiError> {
    let incident = find(&state, &id).await?;
    if let Some(resolve) = form.mistake(true) {
        return show(&state, &signed_in, &id, (AGAIN, Typed { resolve, ..Typed::default() })).await;
    }
    let (note, actor) = (form.text(), signed_in.actor());
    let resolving = Resolving { actor: &actor, note: note.as_deref(), signal: true };
    let mut tx = pool::begin(&state.pool).await?;
    let message = match resolve_incident(&mut tx, incident.event_id, resolving).await? {
        ResolveAnswer::Resolved => {
            pool::commit(tx).await?;
            state.relay.nudge(incident.event_id);
            Message::done("Resolved by hand. Everybody who was told hears of it.")
        }
        ResolveAnswer::AlreadyResolved | ResolveAnswer::NoIncident => {
            Message::refused("Nothing was changed: the incident is resolved already.")
        }
    };
    back(&state, &signed_in, &incident, &message).await
}

/// Back to the page, with a message on it.
pub(super) async fn back(
    state: &AppState,
    signed_in: &SignedIn,
    incident: &Incident,
    message: &Message,
) -> Result<Response, ApiError> {
    signed_in.leave(state, message).await?;
    Ok(go_to(&format!("/incidents/{}", incident.id)))
}
