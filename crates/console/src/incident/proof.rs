//! Proof links: made with an expiry, shown once, revoked when they are no longer wanted.

use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use domain::ids::ProofLinkId;
use domain::proof::{InvalidDays, check_days};
use serde::Deserialize;
use store::administration::proof_link::{create_link, revoke_link};
use store::pool::transaction;
use web::error::ApiError;
use web::random::proof_token;

use super::actions::back;
use super::details::find;
use super::{IncidentForms, show};
use crate::form::Field;
use crate::session::{Message, SignedIn};
use crate::state::ConsoleState;

/// How long the link opens, as typed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ProofLinkForm {
    days: String,
}

impl ProofLinkForm {
    fn days(&self) -> Result<i32, InvalidDays> {
        let days = self.days.trim().parse().map_err(|_| InvalidDays)?;
        check_days(days).map(|()| days)
    }
}

/// `POST /incidents/{incident_id}/proof-links`.
pub(super) async fn create(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Form(form): Form<ProofLinkForm>,
) -> Result<Response, ApiError> {
    let incident = find(&state, &id).await?;
    let days = match form.days() {
        Ok(days) => days,
        Err(problem) => {
            let why = format!("The number of days {problem}.");
            let days = Field::rejected(form.days, why);
            let forms = IncidentForms { days, ..IncidentForms::default() };
            return show(&state, &signed_in, &id, StatusCode::UNPROCESSABLE_ENTITY, forms).await;
        }
    };
    let token = proof_token().map_err(ApiError::internal)?;
    transaction(&state.pool, async |tx| {
        create_link(tx, &signed_in.actor(), &incident, &token, days).await
    })
    .await?;
    let url = format!("{}/proof/{}", state.public_url, token.reveal());
    let life = if days == 1 { "1 day".to_owned() } else { format!("{days} days") };
    let message = Message::done(format!(
        "The proof link is ready. Anyone who has it can read what happened for {life}, without signing in."
    ));
    back(&state, &signed_in, &incident, &message.with_link("proof link", url)).await
}

/// `POST /incidents/{incident_id}/proof-links/{link_id}/revoke`.
pub(super) async fn revoke(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Path((id, link_id)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let incident = find(&state, &id).await?;
    let nothing = |_| ApiError::not_found("There is no such proof link.");
    let link_id: ProofLinkId = link_id.parse().map_err(nothing)?;
    let revoked = transaction(&state.pool, async |tx| {
        revoke_link(tx, &signed_in.actor(), &incident, link_id).await
    });
    let message = if revoked.await? {
        Message::done("The proof link is revoked. It no longer works.")
    } else {
        Message::rejected("Nothing was changed: this incident has no such link that still opens.")
    };
    back(&state, &signed_in, &incident, &message).await
}
