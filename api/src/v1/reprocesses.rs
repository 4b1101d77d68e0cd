//! `/api/v1/projects/{project_id}/incidents/{incident_id}/reprocesses`.

use api_types::error::ErrorResponse;
use api_types::incidents::NoteRequest;
use api_types::list::Listed;
use api_types::reprocesses::{ReprocessResponse, RequestedReprocess};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use domain::reprocess::ReprocessState;
use store::attempts;
use store::operator_actions::OperatorAction;
use store::reprocesses;
use telemetry::trace;
use web::error::ApiError;
use web::extract::JsonBody;
use web::state::AppState;

use super::caller::{self, Caller};
use super::incidents::{read_note, rejected};
use super::responses;

/// The reprocesses of an incident, oldest first.
#[utoipa::path(get, path = "/api/v1/projects/{project_id}/incidents/{incident_id}/reprocesses", operation_id = "list_reprocesses", tag = "incidents",
    params(("project_id" = String, Path), ("incident_id" = String, Path)),
    responses((status = 200, description = "All reprocesses of the incident.", body = Listed<ReprocessResponse>)))]
pub async fn list(
    State(state): State<AppState>,
    _: Caller,
    Path((project, id)): Path<(String, String)>,
) -> Result<Json<Listed<ReprocessResponse>>, ApiError> {
    let incident = caller::incident(&state, &project, &id).await?;
    let all = reprocesses::list_for_incident(&state.pool, incident.id).await?;
    let ids: Vec<_> = all.iter().map(|one| one.id).collect();
    let mut attempts = attempts::list_for_reprocesses(&state.pool, &ids).await?;
    let all = all.into_iter().map(|one| {
        let attempts = attempts.remove(&one.id).unwrap_or_default();
        responses::reprocess(one, attempts)
    });
    Ok(Json(Listed::whole(all)))
}

/// Asks the app, by a signed callback, to do the work again. One at a time: while one runs the
/// response is 409 and names it. Needs the role operator.
#[utoipa::path(post, path = "/api/v1/projects/{project_id}/incidents/{incident_id}/reprocesses", operation_id = "request_reprocess", tag = "incidents",
    params(("project_id" = String, Path), ("incident_id" = String, Path)), request_body = NoteRequest,
    responses((status = 202, description = "The reprocess was requested.", body = RequestedReprocess), (status = 409, description = "The incident is not in a state that allows this.", body = ErrorResponse)))]
pub async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Path((project, id)): Path<(String, String)>,
    body: JsonBody,
) -> Result<(StatusCode, Json<RequestedReprocess>), ApiError> {
    caller.must_act()?;
    let incident = caller::incident(&state, &project, &id).await?;
    let note = read_note(&body.read().await?)?;
    let action =
        OperatorAction { incident: &incident, actor: &caller.actor(), note: note.as_deref() };
    let requested = action.request_reprocess(&state.pool).await;
    let replay_id = requested.map_err(|error| rejected(error, &incident))?;
    trace::note("replay_id", &replay_id);
    state.relay.wake();
    let requested = RequestedReprocess { replay_id, state: ReprocessState::Requested };
    Ok((StatusCode::ACCEPTED, Json(requested)))
}
