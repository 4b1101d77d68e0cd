//! Reprocess, acknowledge, resolve: each one transaction with its entry in the audit.
//!
//! The transition judges under the event's lock. A refusal changes nothing: the page says why, with
//! what was typed, and so it does for a note that breaks a rule. After the commit the relay is nudged;
//! if that is lost, its sweep takes the wish within seconds.

use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use domain::audit::Actor;
use domain::ids::ReplayId;
use domain::incident::check_note;
use domain::timeline::{actor_name, short_actor_name};
use domain::verdict::{AcknowledgeRefusal, ReprocessRefusal};
use serde::Deserialize;
use store::incidents::Incident;
use store::pool;
use store::transitions::acknowledge::acknowledge_incident;
use store::transitions::reprocess::{Wanted, request_reprocess};
use store::transitions::resolve::{ResolveAnswer, Resolving, resolve_incident};
use store::{StoreError, audit, reprocesses};
use web::error::ApiError;

use super::dossier::find;
use super::show;
use super::view::{Field, Typed};
use crate::session::{Message, SignedIn};
use crate::state::ConsoleState;

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
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Form(form): Form<Note>,
) -> Result<Response, ApiError> {
    let incident = find(&state, &id).await?;
    if let Some(note) = form.mistake(false) {
        return show(&state, &signed_in, &id, (AGAIN, Typed { note, ..Typed::default() })).await;
    }
    match start(&state, &signed_in, &incident, form.text().as_deref()).await? {
        Ok(message) => back(&state, &signed_in, &incident, &message).await,
        Err(why) => refuse(&state, &signed_in, &id, (why, Typed::noted(form.note))).await,
    }
}

async fn start(
    state: &ConsoleState,
    signed_in: &SignedIn,
    incident: &Incident,
    note: Option<&str>,
) -> Result<Result<Message, String>, ApiError> {
    let (actor, replay_id) = (signed_in.actor(), reprocesses::new_id());
    let wanted = Wanted { replay_id, actor: &actor, note, signal: true };
    let mut tx = pool::begin(&state.pool).await?;
    match request_reprocess(&mut tx, incident.event_id, wanted).await? {
        Ok(()) => {
            pool::commit(tx).await?;
            state.relay.nudge(incident.event_id);
            Ok(Ok(Message::done(ASKED)))
        }
        Err(ReprocessRefusal::Running(running)) => {
            let first = reprocesses::find_reprocess(&state.pool, running).await?;
            let by = first.map_or_else(String::new, |one| one.requested_by);
            Ok(who_was_first(&by, &actor, running))
        }
        Err(ReprocessRefusal::NoRepairUrl) => {
            Ok(Err("Set a repair URL in the project first.".to_owned()))
        }
        Err(refusal @ (ReprocessRefusal::NoIncident | ReprocessRefusal::Resolved)) => {
            Ok(Err(format!("Nothing was started: {refusal}.")))
        }
    }
}

const ASKED: &str = "Your app is asked to do it again. What comes of it appears below.";

/// Who pressed twice has what they wanted.
fn who_was_first(by: &str, actor: &Actor, running: ReplayId) -> Result<Message, String> {
    if by == actor.to_string() {
        return Ok(Message::done(ASKED));
    }
    let by = if by.is_empty() { "somebody".to_owned() } else { actor_name(by) };
    Err(format!("Nothing was started: {by} was first, and reprocess {running} is running."))
}

/// `POST /incidents/{incident_id}/acknowledge`.
pub(super) async fn acknowledge(
    State(state): State<ConsoleState>,
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
    let why = match acknowledge_incident(&mut tx, incident.event_id, &actor, note.as_deref())
        .await?
    {
        Ok(()) => {
            pool::commit(tx).await?;
            state.relay.nudge(incident.event_id);
            let done = "Acknowledged. Your colleagues see that you look after it.";
            return back(&state, &signed_in, &incident, &Message::done(done)).await;
        }
        Err(AcknowledgeRefusal::AlreadyAcknowledged) => who_looks_after(&state, &incident).await?,
        Err(refusal) => format!("Nothing was changed: {refusal}."),
    };
    refuse(&state, &signed_in, &id, (why, Typed::noted(form.note))).await
}

async fn who_looks_after(state: &ConsoleState, incident: &Incident) -> Result<String, StoreError> {
    let mut people = audit::list_acknowledgers(&state.pool, &[incident.event_id]).await?;
    let by = people.remove(&incident.event_id);
    let by = by.map_or_else(|| "somebody".to_owned(), |actor| short_actor_name(&actor));
    Ok(format!("Nothing was changed: {by} was first and looks after it."))
}

/// `POST /incidents/{incident_id}/resolve`.
pub(super) async fn resolve(
    State(state): State<ConsoleState>,
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
    match resolve_incident(&mut tx, incident.event_id, resolving).await? {
        ResolveAnswer::Resolved => {
            pool::commit(tx).await?;
            state.relay.nudge(incident.event_id);
            let done = "Resolved manually. Everyone who got the alert is notified.";
            back(&state, &signed_in, &incident, &Message::done(done)).await
        }
        ResolveAnswer::AlreadyResolved | ResolveAnswer::NoIncident => {
            let why = "Nothing was changed: the incident is resolved already.".to_owned();
            refuse(&state, &signed_in, &id, (why, Typed::default())).await
        }
    }
}

/// The page again, saying why nothing was changed.
async fn refuse(
    state: &ConsoleState,
    signed_in: &SignedIn,
    id: &str,
    (why, typed): (String, Typed),
) -> Result<Response, ApiError> {
    let typed = Typed { refusal: Some(why), ..typed };
    show(state, signed_in, id, (StatusCode::CONFLICT, typed)).await
}

/// Back to the page, with a message on it.
pub(super) async fn back(
    state: &ConsoleState,
    signed_in: &SignedIn,
    incident: &Incident,
    message: &Message,
) -> Result<Response, ApiError> {
    signed_in.lead_to(state, &format!("/incidents/{}", incident.id), message).await
}
