//! `/api/v1/projects/{project_id}/extensions`.

use api_types::extensions::{
    AddedExtension, ExtensionRequest, ExtensionResponse, TrialRequest, TrialResponse,
};
use api_types::list::Listed;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use domain::extension::{ExtensionKind, NewExtension};
use domain::ids::{EventId, ExtensionId, ProjectId};
use serde_json::{Map, Value};
use store::ChangeError;
use store::administration::extension::{self, ExtensionRejection};
use store::extensions::{self, Extension};
use store::pool::transaction;
use web::error::ApiError;
use web::extract::JsonBody;
use web::random::signing_secret;
use web::state::AppState;

use super::caller::{self, Caller, field_error};
use super::responses;

const FIELDS: [&str; 9] = [
    "point",
    "activity",
    "queue",
    "url",
    "trust",
    "budget_seconds",
    "heartbeat_seconds",
    "fallback",
    "calls_per_second",
];

/// The extensions of a project.
#[utoipa::path(get, path = "/api/v1/projects/{project_id}/extensions", operation_id = "list_extensions", tag = "extensions",
    params(("project_id" = String, Path)),
    responses((status = 200, description = "All extensions of the project.", body = Listed<ExtensionResponse>)))]
pub async fn list(
    State(state): State<AppState>,
    _: Caller,
    Path(id): Path<String>,
) -> Result<Json<Listed<ExtensionResponse>>, ApiError> {
    let project = caller::project(&state, &id).await?;
    let all = extensions::list_extensions(&state.pool, Some(project.id)).await?;
    Ok(Json(Listed::whole(all.into_iter().map(responses::extension))))
}

/// Registers an extension. Needs the role admin.
#[utoipa::path(post, path = "/api/v1/projects/{project_id}/extensions", operation_id = "add_extension", tag = "extensions", request_body = ExtensionRequest,
    params(("project_id" = String, Path)),
    responses((status = 201, description = "The extension was registered.", body = AddedExtension)))]
pub async fn add(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    body: JsonBody,
) -> Result<(StatusCode, Json<AddedExtension>), ApiError> {
    caller.must_administer()?;
    let project = caller::project(&state, &id).await?;
    let body = body.read().await?;
    caller::checked(caller::fields(&body, &FIELDS), ())?;
    let new =
        NewExtension::read(&body, project.mode, &state.allow).map_err(ApiError::ValidationError)?;
    let secret = match new.target.kind() {
        ExtensionKind::Activity => None,
        ExtensionKind::Https => Some(signing_secret().map_err(ApiError::internal)?),
    };
    let (actor, key) = (caller.actor(), &state.master_key);
    let added = transaction(&state.pool, async |tx| {
        extension::add_extension(tx, &actor, key, project.id, &new, secret.as_ref()).await
    });
    let added = added.await.map_err(|error| rejected(&new, error))?;
    let shown = secret.map(|secret| secret.reveal());
    Ok((StatusCode::CREATED, Json(responses::added_extension(&added, shown))))
}

/// One extension.
#[utoipa::path(get, path = "/api/v1/projects/{project_id}/extensions/{extension_id}", operation_id = "show_extension", tag = "extensions",
    params(("project_id" = String, Path), ("extension_id" = String, Path)),
    responses((status = 200, description = "The extension.", body = ExtensionResponse)))]
pub async fn show(
    State(state): State<AppState>,
    _: Caller,
    Path((project, id)): Path<(String, String)>,
) -> Result<Json<ExtensionResponse>, ApiError> {
    let project = caller::project(&state, &project).await?;
    let extension = find_in_project(&state, project.id, &id).await?;
    Ok(Json(responses::extension(extension)))
}

/// Pauses an extension: it is not asked until it is resumed. Needs the role admin.
#[utoipa::path(post, path = "/api/v1/projects/{project_id}/extensions/{extension_id}/pause", operation_id = "pause_extension", tag = "extensions",
    params(("project_id" = String, Path), ("extension_id" = String, Path)),
    responses((status = 200, description = "The extension as it is now.", body = ExtensionResponse)))]
pub async fn pause(
    state: State<AppState>,
    caller: Caller,
    path: Path<(String, String)>,
) -> Result<Json<ExtensionResponse>, ApiError> {
    set_paused(state, caller, path, true).await
}

/// Resumes an extension that was paused. Needs the role admin.
#[utoipa::path(post, path = "/api/v1/projects/{project_id}/extensions/{extension_id}/resume", operation_id = "resume_extension", tag = "extensions",
    params(("project_id" = String, Path), ("extension_id" = String, Path)),
    responses((status = 200, description = "The extension as it is now.", body = ExtensionResponse)))]
pub async fn resume(
    state: State<AppState>,
    caller: Caller,
    path: Path<(String, String)>,
) -> Result<Json<ExtensionResponse>, ApiError> {
    set_paused(state, caller, path, false).await
}

async fn set_paused(
    State(state): State<AppState>,
    caller: Caller,
    Path((project, id)): Path<(String, String)>,
    paused: bool,
) -> Result<Json<ExtensionResponse>, ApiError> {
    caller.must_administer()?;
    let project = caller::project(&state, &project).await?;
    let id: ExtensionId = id.parse().map_err(|_| missing())?;
    let changed = transaction(&state.pool, async |tx| {
        extension::set_paused(tx, &caller.actor(), project.id, id, paused).await
    });
    Ok(Json(responses::extension(changed.await?.ok_or_else(missing)?)))
}

/// Removes an extension: it is asked no more. Needs the role admin.
#[utoipa::path(delete, path = "/api/v1/projects/{project_id}/extensions/{extension_id}", operation_id = "remove_extension", tag = "extensions",
    params(("project_id" = String, Path), ("extension_id" = String, Path)),
    responses((status = 204, description = "The extension is removed.")))]
pub async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    Path((project, id)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    caller.must_administer()?;
    let project = caller::project(&state, &project).await?;
    let id: ExtensionId = id.parse().map_err(|_| missing())?;
    let removed = transaction(&state.pool, async |tx| {
        extension::remove_extension(tx, &caller.actor(), project.id, id).await
    });
    removed.await?.map(|_| StatusCode::NO_CONTENT).ok_or_else(missing)
}

/// Tries an extension: it is called once, and what it answers changes nothing. Needs the role
/// operator.
#[utoipa::path(post, path = "/api/v1/projects/{project_id}/extensions/{extension_id}/trials", operation_id = "try_extension", tag = "extensions", request_body = TrialRequest,
    params(("project_id" = String, Path), ("extension_id" = String, Path)),
    responses((status = 200, description = "What came of the trial.", body = TrialResponse)))]
pub async fn test(
    State(state): State<AppState>,
    caller: Caller,
    Path((project, id)): Path<(String, String)>,
    body: JsonBody,
) -> Result<Json<TrialResponse>, ApiError> {
    caller.must_act()?;
    let project = caller::project(&state, &project).await?;
    let event = read_event(&body.read().await?)?;
    let extension = find_in_project(&state, project.id, &id).await?;
    if event.is_some() && extension.point.does_work() {
        let why = "does not go with the point reprocess, where the extension would do its work for \
                   this event: leave it out for an example, or reprocess the incident";
        return Err(field_error("event_id", &why));
    }
    let event = match event {
        Some(id) => Some(caller::event_in_project(&state, project.id, id).await?.id),
        None => None,
    };
    let trying = (state.try_extension)(extension.id, event, caller.actor());
    // What came of it is noted even if the caller has gone away in the meantime.
    let work = async move { trying.await.map_err(ApiError::internal) };
    let trial = state.detached.run(work).await?.ok_or_else(missing)?;
    Ok(Json(responses::trial(trial)))
}

fn read_event(body: &Map<String, Value>) -> Result<Option<EventId>, ApiError> {
    let mut fields = caller::fields(body, &["event_id"]);
    let event = fields.named("event_id", str::parse::<EventId>);
    caller::checked(fields, event)
}

async fn find_in_project(
    state: &AppState,
    project_id: ProjectId,
    id: &str,
) -> Result<Extension, ApiError> {
    let id: ExtensionId = id.parse().map_err(|_| missing())?;
    let found = extensions::find_extension(&state.pool, id).await?;
    found.filter(|one| one.project_id == project_id).ok_or_else(missing)
}

fn rejected(new: &NewExtension, error: ChangeError<ExtensionRejection>) -> ApiError {
    let field = match new.target.kind() {
        ExtensionKind::Activity => "activity",
        ExtensionKind::Https => "url",
    };
    match error.rejection() {
        Ok(why @ ExtensionRejection::Registered(_)) => field_error(field, &why),
        Ok(ExtensionRejection::NoProject) => caller::no_project(),
        Ok(why @ ExtensionRejection::TooMany) => field_error("point", &why),
        Err(error) => error.into(),
    }
}

fn missing() -> ApiError {
    ApiError::not_found("there is no such extension in this project")
}
