//! `/api/v1/bulk-sets`: bulk reprocesses of several projects that are frozen and started together.

mod body;
pub mod responses;

use api_types::bulk::BulkStartRequest;
use api_types::bulk_sets::{BulkSetPreviewRequest, BulkSetPreviewResponse, BulkSetResponse};
use api_types::error::ErrorResponse;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use domain::bulk::Steering;
use domain::ids::BulkSetId;
use store::bulk::{self, NewSet, PreviewRejection, list_set};
use store::pool::transaction;
use web::error::ApiError;
use web::extract::JsonBody;
use web::state::AppState;

use self::body::{Asked, read_asked};
use super::bulk::{body::read_start, rejected};
use super::caller::{Caller, field_error};

/// Freezes which incidents of several projects would be reprocessed, acknowledged or resolved, and says for each project which
/// would not and why. Nothing starts. What is not started within a day is forgotten. Needs the role operator.
#[utoipa::path(post, path = "/api/v1/bulk-sets", operation_id = "preview_bulk_set", tag = "bulk", request_body = BulkSetPreviewRequest,
    responses((status = 201, description = "What was frozen.", body = BulkSetPreviewResponse), (status = 409, description = "None of the projects can reprocess.", body = ErrorResponse)))]
pub async fn create(
    State(state): State<AppState>,
    caller: Caller,
    body: JsonBody,
) -> Result<(StatusCode, Json<BulkSetPreviewResponse>), ApiError> {
    caller.must_act()?;
    let Asked { action, selections, include_taking } =
        read_asked(&state, &body.read_long().await?).await?;
    let actor = caller.actor();
    let new = NewSet { action, selections, include_taking, actor: &actor };
    let created = transaction(&state.pool, async |tx| bulk::create_set(tx, &new).await).await;
    let rejected = |why| match why {
        PreviewRejection::NoBulk => field_error("failures_of", &"names a set that was forgotten"),
        PreviewRejection::NoRepairUrl => ApiError::IncidentConflict {
            message: format!("{why}; set repair_url with PATCH /api/v1/projects/prj_… first"),
        },
    };
    let (id, previews) = created.map_err(|error| error.into_error(rejected))?;
    Ok((StatusCode::CREATED, Json(responses::preview(id, action, previews))))
}

/// One set and how far it is, in all and in each project.
#[utoipa::path(get, path = "/api/v1/bulk-sets/{set_id}", operation_id = "get_bulk_set", tag = "bulk",
    params(("set_id" = String, Path)),
    responses((status = 200, description = "The set.", body = BulkSetResponse)))]
pub async fn show(
    State(state): State<AppState>,
    _: Caller,
    Path(id): Path<String>,
) -> Result<Json<BulkSetResponse>, ApiError> {
    Ok(Json(find(&state, &id).await?))
}

/// Starts all that was frozen, or nothing: each project as one bulk reprocess starts, with the same settings. Needs the
/// role operator.
#[utoipa::path(post, path = "/api/v1/bulk-sets/{set_id}/start", operation_id = "start_bulk_set", tag = "bulk", request_body = BulkStartRequest,
    params(("set_id" = String, Path)),
    responses((status = 202, description = "All of them run.", body = BulkSetResponse), (status = 409, description = "It is in a state that does not allow this.", body = ErrorResponse)))]
pub async fn start(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    body: JsonBody,
) -> Result<(StatusCode, Json<BulkSetResponse>), ApiError> {
    caller.must_act()?;
    let frozen = find(&state, &id).await?;
    let (settings, note) = read_start(frozen.action, &body.read().await?)?;
    let actor = caller.actor();
    let started = transaction(&state.pool, async |tx| {
        bulk::start_set(tx, frozen.set_id, &actor, settings, &note).await
    });
    started.await.map_err(rejected)?;
    state.relay.wake();
    Ok((StatusCode::ACCEPTED, Json(find(&state, &id).await?)))
}

/// Pauses all bulk reprocesses of a set that run: nothing more starts. Needs the role operator.
#[utoipa::path(post, path = "/api/v1/bulk-sets/{set_id}/pause", operation_id = "pause_bulk_set", tag = "bulk",
    params(("set_id" = String, Path)),
    responses((status = 200, description = "The set as it is now.", body = BulkSetResponse), (status = 409, description = "It is in a state that does not allow this.", body = ErrorResponse)))]
pub async fn pause(
    state: State<AppState>,
    caller: Caller,
    path: Path<String>,
) -> Result<Json<BulkSetResponse>, ApiError> {
    steer(state, caller, path, Steering::Pause).await
}

/// Lets all bulk reprocesses of a set go on that are paused. What failed so far is not counted against them any more. Needs
/// the role operator.
#[utoipa::path(post, path = "/api/v1/bulk-sets/{set_id}/resume", operation_id = "resume_bulk_set", tag = "bulk",
    params(("set_id" = String, Path)),
    responses((status = 200, description = "The set as it is now.", body = BulkSetResponse), (status = 409, description = "It is in a state that does not allow this.", body = ErrorResponse)))]
pub async fn resume(
    state: State<AppState>,
    caller: Caller,
    path: Path<String>,
) -> Result<Json<BulkSetResponse>, ApiError> {
    steer(state, caller, path, Steering::Resume).await
}

/// Cancels all bulk reprocesses of a set that are not over: nothing more starts, what had started goes on. Needs the role
/// operator.
#[utoipa::path(post, path = "/api/v1/bulk-sets/{set_id}/cancel", operation_id = "cancel_bulk_set", tag = "bulk",
    params(("set_id" = String, Path)),
    responses((status = 200, description = "The set as it is now.", body = BulkSetResponse), (status = 409, description = "It is in a state that does not allow this.", body = ErrorResponse)))]
pub async fn cancel(
    state: State<AppState>,
    caller: Caller,
    path: Path<String>,
) -> Result<Json<BulkSetResponse>, ApiError> {
    steer(state, caller, path, Steering::Cancel).await
}

async fn steer(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    steering: Steering,
) -> Result<Json<BulkSetResponse>, ApiError> {
    caller.must_act()?;
    let set = find(&state, &id).await?;
    let actor = caller.actor();
    let steered = transaction(&state.pool, async |tx| {
        bulk::steer_set(tx, set.set_id, &actor, steering).await
    });
    steered.await.map_err(rejected)?;
    state.relay.wake();
    Ok(Json(find(&state, &id).await?))
}

/// The set of a path, with how far it is.
async fn find(state: &AppState, id: &str) -> Result<BulkSetResponse, ApiError> {
    let missing = || ApiError::not_found("there is no such set of bulk reprocesses");
    let id: BulkSetId = id.parse().map_err(|_| missing())?;
    let bulks = list_set(&state.pool, id).await?;
    let ids: Vec<_> = bulks.iter().map(|bulk| bulk.id).collect();
    let counts = bulk::count_items_of(&state.pool, &ids).await?;
    responses::set(id, bulks, &counts).ok_or_else(missing)
}
