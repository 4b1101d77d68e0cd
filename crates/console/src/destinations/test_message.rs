//! The Test button.

use axum::extract::{Path, State};
use axum::response::Response;
use domain::alert::one_line;
use web::error::ApiError;

use crate::projects::PathProject;
use crate::session::{Message, SignedIn};
use crate::state::ConsoleState;

/// `POST /projects/{project_id}/destinations/{destination_id}/test`.
///
/// # Errors
/// `not_found`. A message that is not taken is no error here.
pub(super) async fn submit(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    PathProject(project): PathProject,
    Path((_, destination_id)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let found = super::find(&state, &project, &destination_id).await?;
    let trying = (state.test_destination)(found.id, signed_in.actor());
    // What the response changes is kept even if the browser has gone away in the meantime.
    let work = async move { trying.await.map_err(ApiError::internal) };
    let tested = state.detached.run(work).await?.ok_or_else(super::none)?;
    let (name, response) = (one_line(&found.label), one_line(&tested.response));
    let message = if tested.delivered {
        Message::done(format!("{name} accepted the test message. The answer: {response}"))
    } else {
        Message::rejected(format!("{name} did not accept the test message. The answer: {response}"))
    };
    signed_in.lead_to(&state, &super::path(&project), &message).await
}
