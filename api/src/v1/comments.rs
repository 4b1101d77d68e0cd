//! Comments: `/api/v1/projects/{project_id}/incidents/{incident_id}/comments`, and the same of a cause.

use api_types::comments::{CommentRequest, CommentResponse};
use api_types::list::Listed;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use domain::ids::CauseId;
use domain::incident::check_note;
use serde_json::{Map, Value};
use store::StoreError;
use store::comments::{self, About};
use store::pool::transaction;
use store::search::causes::find_cause;
use web::error::ApiError;
use web::extract::JsonBody;
use web::state::AppState;

use super::caller::{self, Caller};
use super::responses;

/// Comments on an incident, for its timeline. Operators whom it mentions are told by mail, once. Needs the role
/// operator.
#[utoipa::path(post, path = "/api/v1/projects/{project_id}/incidents/{incident_id}/comments", operation_id = "comment_incident", tag = "incidents",
    params(("project_id" = String, Path), ("incident_id" = String, Path)), request_body = CommentRequest,
    responses((status = 201, description = "The comment.", body = CommentResponse)))]
pub async fn add_to_incident(
    State(state): State<AppState>,
    caller: Caller,
    Path((project, id)): Path<(String, String)>,
    body: JsonBody,
) -> Result<(StatusCode, Json<CommentResponse>), ApiError> {
    caller.must_act()?;
    let incident = caller::incident(&state, &project, &id).await?;
    add(&state, &caller, About::incident(&incident), &body.read().await?).await
}

/// Comments on a cause, for all of its incidents. Operators whom it mentions are told by mail, once. Needs the role
/// operator.
#[utoipa::path(post, path = "/api/v1/projects/{project_id}/causes/{cause_id}/comments", operation_id = "comment_cause", tag = "incidents",
    params(("project_id" = String, Path), ("cause_id" = String, Path)), request_body = CommentRequest,
    responses((status = 201, description = "The comment.", body = CommentResponse)))]
pub async fn add_to_cause(
    State(state): State<AppState>,
    caller: Caller,
    Path((project, id)): Path<(String, String)>,
    body: JsonBody,
) -> Result<(StatusCode, Json<CommentResponse>), ApiError> {
    caller.must_act()?;
    let about = find(&state, &project, &id).await?;
    add(&state, &caller, about, &body.read().await?).await
}

/// The comments on a cause, oldest first; of more than 200 the newest.
#[utoipa::path(get, path = "/api/v1/projects/{project_id}/causes/{cause_id}/comments", operation_id = "list_cause_comments", tag = "incidents",
    params(("project_id" = String, Path), ("cause_id" = String, Path)),
    responses((status = 200, description = "The comments.", body = Listed<CommentResponse>)))]
pub async fn list_of_cause(
    State(state): State<AppState>,
    _: Caller,
    Path((project, id)): Path<(String, String)>,
) -> Result<Json<Listed<CommentResponse>>, ApiError> {
    let About::Cause { cause_id, .. } = find(&state, &project, &id).await? else {
        return Ok(Json(Listed::whole(Vec::new())));
    };
    let mut db = state.pool.acquire().await.map_err(StoreError::from)?;
    let found = comments::list_of_cause(&mut db, cause_id).await?;
    Ok(Json(Listed::whole(found.into_iter().map(responses::comment))))
}

async fn add(
    state: &AppState,
    caller: &Caller,
    about: About,
    body: &Map<String, Value>,
) -> Result<(StatusCode, Json<CommentResponse>), ApiError> {
    let (text, actor) = (read(body)?, caller.actor());
    let added = transaction(&state.pool, async |tx| {
        let id = comments::add_comment(tx, about, &actor, &text).await?;
        comments::find_comment(tx, id).await?.ok_or(StoreError::Missing("audit_entries"))
    });
    Ok((StatusCode::CREATED, Json(responses::comment(added.await?))))
}

fn read(body: &Map<String, Value>) -> Result<String, ApiError> {
    let mut fields = caller::fields(body, &["text"]);
    let text = fields.text("text").map(str::to_owned);
    if let Some(Err(why)) = text.as_deref().map(check_note) {
        fields.reject("text", why.to_string());
    }
    let text = fields.require("text", text).unwrap_or_default();
    caller::checked(fields, text)
}

/// The cause of a path, if it is of the path's project.
async fn find(state: &AppState, project: &str, id: &str) -> Result<About, ApiError> {
    let missing = || ApiError::not_found("there is no such cause in this project");
    let project = caller::project(state, project).await?;
    let cause_id: CauseId = id.parse().map_err(|_| missing())?;
    let found = find_cause(&state.pool, cause_id).await?;
    let found = found.filter(|cause| cause.project_id == project.id).ok_or_else(missing)?;
    Ok(About::Cause { project_id: found.project_id, cause_id })
}
