//! Reprocess, acknowledge, resolve, as [`store::operator_actions`] does them.
//!
//! A rejection changes nothing: the page says why, with the note as it was sent, and so it does for
//! a note that breaks a rule. After a change the relay is woken.

use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use domain::ids::CallId;
use domain::incident::check_note;
use domain::rejection::Rejection;
use serde::Deserialize;
use store::incidents::Incident;
use store::operator_actions::{ActionError, OperatorAction};
use web::error::ApiError;

use super::details::find;
use super::{IncidentForms, show};
use crate::form::Field;
use crate::session::{Message, SignedIn};
use crate::state::ConsoleState;

/// What was typed beside a button.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Note {
    note: String,
}

/// A note as it was sent, and in which form the page shows it again.
struct SentNote {
    text: String,
    is_required: bool,
    form: fn(Field) -> IncidentForms,
}

impl SentNote {
    fn optional(note: Note) -> Self {
        Self { text: note.note, is_required: false, form: IncidentForms::with_note }
    }

    fn required(note: Note) -> Self {
        Self { text: note.note, is_required: true, form: IncidentForms::with_resolution }
    }

    /// The note with plain line ends; `None` if nothing was typed.
    fn plain(&self) -> Option<String> {
        Some(self.text.trim().replace("\r\n", "\n")).filter(|note| !note.is_empty())
    }

    /// Which rule it breaks.
    fn problem(&self) -> Option<String> {
        match self.plain() {
            None if self.is_required => {
                Some("Say how it was put right, for the timeline.".to_owned())
            }
            None => None,
            Some(note) => check_note(&note).err().map(|why| format!("The note {why}.")),
        }
    }
}

const REQUESTED: &str = "Your app is asked to do it again. What comes of it appears below.";
const ACKNOWLEDGED: &str = "Acknowledged. Your colleagues see that you look after it.";
const RESOLVED: &str = "Resolved manually. Everyone who got the alert is notified.";
const BY_EVIDENCE: &str = "Resolved by this evidence. Everyone who got the alert is notified.";

/// `POST /incidents/{incident_id}/reprocess`.
pub(super) async fn reprocess(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Form(form): Form<Note>,
) -> Result<Response, ApiError> {
    let note = SentNote::optional(form);
    act(&state, &signed_in, &id, note, REQUESTED, async |action: OperatorAction<'_>| {
        let actor = action.actor.to_string();
        match action.request_reprocess(&state.pool).await {
            // Who pressed twice has what they asked for.
            Err(ActionError::Rejected(Rejection::Reprocessing(_, Some(by))))
                if by.actor == actor =>
            {
                Ok(())
            }
            requested => requested.map(drop),
        }
    })
    .await
}

/// `POST /incidents/{incident_id}/acknowledge`.
pub(super) async fn acknowledge(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Form(form): Form<Note>,
) -> Result<Response, ApiError> {
    let note = SentNote::optional(form);
    act(&state, &signed_in, &id, note, ACKNOWLEDGED, async |action: OperatorAction<'_>| {
        action.acknowledge(&state.pool).await
    })
    .await
}

/// `POST /incidents/{incident_id}/resolve`.
pub(super) async fn resolve(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Form(form): Form<Note>,
) -> Result<Response, ApiError> {
    let note = SentNote::required(form);
    act(&state, &signed_in, &id, note, RESOLVED, async |action: OperatorAction<'_>| {
        action.resolve(&state.pool, None).await
    })
    .await
}

/// Whose evidence is gone by.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct EvidenceForm {
    call_id: String,
}

/// `POST /incidents/{incident_id}/resolve-by-evidence`.
pub(super) async fn resolve_by_evidence(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Form(form): Form<EvidenceForm>,
) -> Result<Response, ApiError> {
    let no_call = |_| ApiError::not_found("There is no such evidence.");
    let call_id: CallId = form.call_id.parse().map_err(no_call)?;
    let note = SentNote::optional(Note::default());
    act(&state, &signed_in, &id, note, BY_EVIDENCE, async |action: OperatorAction<'_>| {
        action.resolve(&state.pool, Some(call_id)).await
    })
    .await
}

/// Acts on an incident and leads back to its page with a message, or shows the page again: with
/// what is wrong with the note, or why nothing was changed.
async fn act(
    state: &ConsoleState,
    signed_in: &SignedIn,
    id: &str,
    sent: SentNote,
    done: &str,
    action: impl AsyncFnOnce(OperatorAction<'_>) -> Result<(), ActionError>,
) -> Result<Response, ApiError> {
    let incident = find(state, id).await?;
    if let Some(why) = sent.problem() {
        let forms = (sent.form)(Field::rejected(sent.text, why));
        return show(state, signed_in, id, StatusCode::UNPROCESSABLE_ENTITY, forms).await;
    }
    let (note, actor) = (sent.plain(), signed_in.actor());
    let order = OperatorAction { incident: &incident, actor: &actor, note: note.as_deref() };
    let rejection = match action(order).await {
        Ok(()) => {
            state.relay.wake();
            return back(state, signed_in, &incident, &Message::done(done)).await;
        }
        Err(ActionError::Store(error)) => return Err(error.into()),
        Err(ActionError::Rejected(rejection)) => rejection,
    };
    let cure = match rejection {
        Rejection::NoRepairUrl => " Set a repair URL in the project first.",
        _ => "",
    };
    let rejection = Some(format!("Nothing was changed: {rejection}.{cure}"));
    let forms = IncidentForms { rejection, ..(sent.form)(Field::kept(sent.text)) };
    show(state, signed_in, id, StatusCode::CONFLICT, forms).await
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
