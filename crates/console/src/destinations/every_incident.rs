//! Changing whether a destination gets each incident by itself.

use axum::Form;
use axum::extract::{Path, State};
use axum::response::Response;
use domain::alert::one_line;
use serde::Deserialize;
use store::administration::destination::set_every_incident;
use store::pool::transaction;
use web::error::ApiError;

use crate::projects::PathProject;
use crate::session::{Message, SignedIn};
use crate::state::ConsoleState;

/// Which button was pressed; a form without one changes nothing.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(super) struct EveryIncidentValues {
    every_incident: Option<bool>,
}

/// `POST /projects/{project_id}/destinations/{destination_id}/every-incident`.
///
/// # Errors
/// `not_found`.
pub(super) async fn submit(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    PathProject(project): PathProject,
    Path((_, destination_id)): Path<(String, String)>,
    Form(values): Form<EveryIncidentValues>,
) -> Result<Response, ApiError> {
    let found = super::find(&state, &project, &destination_id).await?;
    let actor = signed_in.actor();
    let every_incident = values.every_incident.unwrap_or(found.every_incident);
    transaction(&state.pool, async |tx| {
        set_every_incident(tx, &actor, found.id, every_incident).await
    })
    .await?;
    let gets = if every_incident {
        "each incident by itself"
    } else {
        "the first incident of a cause, and then messages about the cause"
    };
    let text = format!("{} now gets {gets}.", one_line(&found.label));
    signed_in.lead_to(&state, &super::path(&project), &Message::done(text)).await
}
