//! `/api/v1/projects/{project_id}/incidents/{incident_id}/reprocesses`.

use api_types::error::ErrorResponse;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use domain::ids::ReplayId;
use domain::reprocess::ReprocessState;
use serde::Serialize;
use store::attempts::{self, CallbackAttempt};
use store::operator_actions::OperatorAction;
use store::reprocesses;
use time::OffsetDateTime;
use utoipa::ToSchema;
use web::error::ApiError;
use web::extract::JsonBody;
use web::state::AppState;

use super::caller::{self, Caller};
use super::incidents::{NoteBody, read_note, rejected};
use super::paging::Listed;

/// One reprocess with its callback attempts.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Reprocess)]
pub struct ReprocessResponse {
    #[schema(value_type = String, example = "rpl_01K9QG8C2V4X6Z8B0D2F4H6K8M")]
    replay_id: ReplayId,
    /// `requested`, `delivering`, `awaiting_result`, `succeeded`, `failed`, `no_result` or
    /// `undelivered`.
    #[schema(value_type = String)]
    state: ReprocessState,
    requested_by: String,
    attempts: Vec<AttemptResponse>,
}

/// One callback attempt.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Attempt)]
pub struct AttemptResponse {
    attempt: i32,
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    at: OffsetDateTime,
    /// The HTTP status of the response.
    status: Option<i32>,
    /// The kind of failure, where there was no response.
    error: Option<String>,
    latency_ms: Option<i64>,
    /// The first 2 KiB of the response.
    answer: Option<String>,
    /// Where a redirect leads, without credentials and query; redirects are never followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    redirect_to: Option<String>,
}

impl From<CallbackAttempt> for AttemptResponse {
    fn from(attempt: CallbackAttempt) -> Self {
        let CallbackAttempt { attempt, started_at, status, error, latency_ms, answer, redirect_to } =
            attempt;
        Self { attempt, at: started_at, status, error, latency_ms, answer, redirect_to }
    }
}

/// A reprocess that was asked for.
#[derive(Debug, Serialize, ToSchema)]
pub struct RequestedReprocess {
    #[schema(value_type = String, example = "rpl_01K9QG8C2V4X6Z8B0D2F4H6K8M")]
    replay_id: ReplayId,
    #[schema(value_type = String)]
    state: ReprocessState,
}

/// The reprocesses of an incident, oldest first.
#[utoipa::path(get, path = "/api/v1/projects/{project_id}/incidents/{incident_id}/reprocesses", operation_id = "list_reprocesses", tag = "incidents",
    params(("project_id" = String, Path), ("incident_id" = String, Path)),
    responses((status = 200, description = "All reprocesses of the incident.", body = Listed<ReprocessResponse>)))]
pub async fn list(
    State(state): State<AppState>,
    _: Caller,
    Path(ids): Path<(String, String)>,
) -> Result<Json<Listed<ReprocessResponse>>, ApiError> {
    let incident = caller::incident(&state, &ids).await?;
    let all = reprocesses::list_for_incident(&state.pool, incident.id).await?;
    let ids: Vec<_> = all.iter().map(|one| one.id).collect();
    let mut attempts = attempts::list_for_reprocesses(&state.pool, &ids).await?;
    let shapes = all.into_iter().map(|one| {
        let made = attempts.remove(&one.id).unwrap_or_default();
        ReprocessResponse {
            replay_id: one.id,
            state: one.state,
            requested_by: one.requested_by,
            attempts: made.into_iter().map(AttemptResponse::from).collect(),
        }
    });
    Ok(Json(Listed::whole(shapes)))
}

/// Asks the app, by a signed callback, to do the work again. One at a time: while one runs the
/// response is 409 and names it. Needs the role operator.
#[utoipa::path(post, path = "/api/v1/projects/{project_id}/incidents/{incident_id}/reprocesses", operation_id = "request_reprocess", tag = "incidents",
    params(("project_id" = String, Path), ("incident_id" = String, Path)), request_body = NoteBody,
    responses((status = 202, description = "The reprocess was requested.", body = RequestedReprocess), (status = 409, description = "The incident is not in a state that allows this.", body = ErrorResponse)))]
pub async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Path(ids): Path<(String, String)>,
    body: JsonBody,
) -> Result<(StatusCode, Json<RequestedReprocess>), ApiError> {
    caller.must_act()?;
    let incident = caller::incident(&state, &ids).await?;
    let note = read_note(&body.read().await?, false)?;
    let action =
        OperatorAction { incident: &incident, actor: &caller.actor(), note: note.as_deref() };
    let requested = action.request_reprocess(&state.pool).await;
    let replay_id = requested.map_err(|error| rejected(error, &incident))?;
    state.relay.wake(incident.event_id);
    let requested = RequestedReprocess { replay_id, state: ReprocessState::Requested };
    Ok((StatusCode::ACCEPTED, Json(requested)))
}
