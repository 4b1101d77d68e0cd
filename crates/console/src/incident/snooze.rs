//! Snoozing an incident: people are not told of it again until a time, or until the next one of its cause opens.

use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use domain::alert_rules::RuleTime;
use domain::incident::IncidentState;
use domain::timeline::short_actor_name;
use serde::Deserialize;
use store::pool::transaction;
use store::snoozes::{SnoozeRejection, SnoozeUntil, snooze, unsnooze};
use web::error::ApiError;

use super::actions::back;
use super::details::{IncidentDetails, find};
use super::{IncidentForms, show};
use crate::form::Field;
use crate::session::{Message, SignedIn};
use crate::state::ConsoleState;
use crate::when::When;

/// Whether the incident is snoozed, and until when.
pub(super) struct SnoozeView {
    pub(super) lasts: bool,
    pub(super) until: Option<When>,
    pub(super) by: String,
    /// Whether it may last until the next incident of its cause.
    pub(super) has_cause: bool,
}

/// The times that can be chosen, and what each is called.
const LENGTHS: [(&str, &str); 4] =
    [("1h", "for an hour"), ("4h", "for 4 hours"), ("1d", "for a day"), ("7d", "for a week")];

/// What a typed time has to be.
const TYPED_RULE: &str = "the time must be one from 5m to 7d, such as 90m or 36h";

impl SnoozeView {
    /// What can be chosen.
    pub(super) fn lengths(&self) -> Vec<(&'static str, &'static str)> {
        let next = self.has_cause.then_some(("next", "until the next one of its cause"));
        LENGTHS.into_iter().chain(next).collect()
    }

    /// None of what is resolved.
    pub(super) fn new(details: &IncidentDetails) -> Option<Self> {
        if details.incident.state == IncidentState::Resolved {
            return None;
        }
        let snooze = details.snooze.as_ref();
        Some(Self {
            lasts: snooze.is_some(),
            until: snooze.and_then(|snooze| snooze.until).map(When::exact),
            by: snooze.map(|snooze| short_actor_name(&snooze.snoozed_by)).unwrap_or_default(),
            has_cause: details.incident.cause_id.is_some(),
        })
    }
}

/// For how long: a time, or `next`; what was typed goes before what was chosen.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SnoozeForm {
    #[serde(rename = "for")]
    length: String,
    typed: String,
}

/// `POST /incidents/{incident_id}/snooze`.
pub(super) async fn begin(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Form(form): Form<SnoozeForm>,
) -> Result<Response, ApiError> {
    let incident = find(&state, &id).await?;
    let typed = Some(form.typed.trim()).filter(|typed| !typed.is_empty());
    let until = match typed.unwrap_or(&form.length) {
        "next" => Ok(SnoozeUntil::NextOfCause),
        text => text.parse().map(|time: RuleTime| SnoozeUntil::After(time.duration())),
    };
    let Ok(until) = until else {
        return reject(&state, &signed_in, &id, form, TYPED_RULE.to_owned()).await;
    };
    let actor = signed_in.actor();
    let snoozed =
        transaction(&state.pool, async |tx| snooze(tx, &incident, &actor, until, None).await);
    let said = match snoozed.await {
        Ok(()) => Message::done("Snoozed. You are told when it is over and the incident stands."),
        Err(error) => match error.rejection()? {
            why @ SnoozeRejection::Resolved => {
                Message::rejected(format!("Nothing was changed: {why}."))
            }
            why @ (SnoozeRejection::NoCause | SnoozeRejection::Time) => {
                return reject(&state, &signed_in, &id, form, why.to_string()).await;
            }
        },
    };
    back(&state, &signed_in, &incident, &said).await
}

/// The page again, with what was chosen and typed and why that cannot be.
async fn reject(
    state: &ConsoleState,
    signed_in: &SignedIn,
    id: &str,
    form: SnoozeForm,
    why: String,
) -> Result<Response, ApiError> {
    let forms = IncidentForms {
        snooze_for: form.length,
        snooze: Field::rejected(form.typed, why),
        ..IncidentForms::default()
    };
    show(state, signed_in, id, StatusCode::UNPROCESSABLE_ENTITY, forms).await
}

/// `POST /incidents/{incident_id}/unsnooze`.
pub(super) async fn end(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let incident = find(&state, &id).await?;
    let actor = signed_in.actor();
    let ended = transaction(&state.pool, async |tx| unsnooze(tx, &incident, &actor).await);
    let text = if ended.await? { "The snooze is over." } else { "It was not snoozed any more." };
    back(&state, &signed_in, &incident, &Message::done(text)).await
}
