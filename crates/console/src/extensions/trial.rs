//! The Test button of an extension.

use axum::extract::{Path, State};
use axum::response::Response;
use domain::alert::one_line;
use web::error::ApiError;
use web::trial::Trial;

use super::page::describe_latency;
use crate::projects::PathProject;
use crate::session::{Message, SignedIn};
use crate::state::ConsoleState;

/// How much is shown of an answer, in characters.
const SHOWN: usize = 300;

/// `POST /projects/{project_id}/extensions/{extension_id}/test`.
///
/// # Errors
/// `not_found`; when the database or Temporal cannot be used. An extension that does not answer is
/// no error here.
pub(super) async fn submit(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    PathProject(project): PathProject,
    Path((_, extension_id)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let found = super::find(&state, &project, &extension_id).await?;
    let trying = (state.try_extension)(found.id, None, signed_in.actor());
    // What came of it is noted even if the browser has gone away in the meantime.
    let work = async move { trying.await.map_err(ApiError::internal) };
    let trial = state.detached.run(work).await?.ok_or_else(super::none)?;
    let message = message(&one_line(&found.name()), &trial);
    signed_in.lead_to(&state, &super::path_of(&project, found.id), &message).await
}

fn message(name: &str, trial: &Trial) -> Message {
    let answer: String = one_line(&trial.answer.to_string()).chars().take(SHOWN).collect();
    let took = describe_latency(time::Duration::milliseconds(trial.latency_ms));
    if let Some(problem) = &trial.problem {
        let text = format!("{name} gave no valid answer within {took}. {}", one_line(problem));
        return Message::rejected(text);
    }
    let counts = trial.would_count_as;
    Message::done(format!("{name} answered {answer} in {took}. It would count as {counts}."))
}
