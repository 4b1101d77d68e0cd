//! `/api/v1/projects/{project_id}/bulk-reprocesses`.

pub(super) mod body;

use api_types::bulk::{
    BulkItemResponse, BulkPreviewRequest, BulkPreviewResponse, BulkResponse, BulkStartRequest,
};
use api_types::error::ErrorResponse;
use api_types::list::Listed;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use domain::bulk::{ItemState, Steering};
use serde::Deserialize;
use store::bulk::{self, Bulk, NewBulk, PreviewRejection, SteerRejection};
use store::pool::transaction;
use store::{ChangeError, PgPool, StoreError};
use utoipa::IntoParams;
use web::error::ApiError;
use web::extract::JsonBody;
use web::state::AppState;

use self::body::{Asked, read_asked, read_start};
use super::caller::{self, Caller, field_error};
use super::paging::choice;
use super::responses;

/// How many items a page has.
const ITEMS: i64 = 200;

/// Freezes which incidents would be reprocessed, acknowledged or resolved, and says which would not and why. Nothing starts.
/// What is not started within a day is forgotten. Needs the role operator.
#[utoipa::path(post, path = "/api/v1/projects/{project_id}/bulk-reprocesses", operation_id = "preview_bulk_reprocess", tag = "bulk", request_body = BulkPreviewRequest,
    params(("project_id" = String, Path)),
    responses((status = 201, description = "What was frozen.", body = BulkPreviewResponse), (status = 409, description = "The project has no way to reprocess.", body = ErrorResponse)))]
pub async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    body: JsonBody,
) -> Result<(StatusCode, Json<BulkPreviewResponse>), ApiError> {
    caller.must_act()?;
    let project = caller::project(&state, &id).await?;
    let asked = read_asked(&state, project.id, &body.read_long().await?).await?;
    let Asked { action, selection, include_taking } = asked;
    let actor = caller.actor();
    let new = NewBulk { project_id: project.id, action, selection, include_taking, actor: &actor };
    let preview = transaction(&state.pool, async |tx| bulk::create_preview(tx, &new).await).await;
    let rejected = |why| match why {
        PreviewRejection::NoBulk => {
            field_error("failures_of", &"names no bulk reprocess of this project")
        }
        PreviewRejection::NoRepairUrl => {
            let cure = format!("set repair_url with PATCH /api/v1/projects/{}", project.id);
            ApiError::IncidentConflict { message: format!("{why}; {cure} first") }
        }
    };
    let preview = preview.map_err(|error| error.into_error(rejected))?;
    Ok((StatusCode::CREATED, Json(responses::bulk_preview(preview))))
}

/// The bulk reprocesses of a project that were started, the newest first; at most 100.
#[utoipa::path(get, path = "/api/v1/projects/{project_id}/bulk-reprocesses", operation_id = "list_bulk_reprocesses", tag = "bulk",
    params(("project_id" = String, Path)),
    responses((status = 200, description = "The bulk reprocesses.", body = Listed<BulkResponse>)))]
pub async fn list(
    State(state): State<AppState>,
    _: Caller,
    Path(id): Path<String>,
) -> Result<Json<Listed<BulkResponse>>, ApiError> {
    let project = caller::project(&state, &id).await?;
    let bulks = bulk::list_bulks(&state.pool, project.id).await?;
    let ids: Vec<_> = bulks.iter().map(|bulk| bulk.id).collect();
    let counts = bulk::count_items_of(&state.pool, &ids).await?;
    Ok(Json(responses::bulks(bulks, &counts)))
}

/// One bulk reprocess and how far it is.
#[utoipa::path(get, path = "/api/v1/projects/{project_id}/bulk-reprocesses/{bulk_id}", operation_id = "get_bulk_reprocess", tag = "bulk",
    params(("project_id" = String, Path), ("bulk_id" = String, Path)),
    responses((status = 200, description = "The bulk reprocess.", body = BulkResponse)))]
pub async fn show(
    State(state): State<AppState>,
    _: Caller,
    Path((project, id)): Path<(String, String)>,
) -> Result<Json<BulkResponse>, ApiError> {
    let bulk = find_in_project(&state, &project, &id).await?;
    Ok(Json(with_counts(&state.pool, bulk).await?))
}

/// Which items are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ItemQuery {
    /// `waiting`, `started`, `succeeded`, `failed` or `skipped`. Default: all.
    state: Option<String>,
    /// The `next_cursor` of the page before; without it, the first page.
    cursor: Option<String>,
}

/// The incidents of a bulk reprocess, in their order, 200 a page.
#[utoipa::path(get, path = "/api/v1/projects/{project_id}/bulk-reprocesses/{bulk_id}/items", operation_id = "list_bulk_items", tag = "bulk",
    params(("project_id" = String, Path), ("bulk_id" = String, Path), ItemQuery),
    responses((status = 200, description = "One page of its incidents.", body = Listed<BulkItemResponse>)))]
pub async fn items(
    State(state): State<AppState>,
    _: Caller,
    Path((project, id)): Path<(String, String)>,
    Query(wanted): Query<ItemQuery>,
) -> Result<Json<Listed<BulkItemResponse>>, ApiError> {
    let bulk = find_in_project(&state, &project, &id).await?;
    let wanted_state: Option<ItemState> = choice("state", wanted.state.as_deref())?;
    let behind = wanted.cursor.as_deref().map_or(Ok(0), str::parse);
    let behind =
        behind.map_err(|_| field_error("cursor", &"must be a next_cursor of this list"))?;
    let mut items = bulk::list_items(&state.pool, bulk.id, wanted_state, behind, ITEMS + 1).await?;
    let more = items.len() > usize::try_from(ITEMS).unwrap_or(usize::MAX);
    items.truncate(usize::try_from(ITEMS).unwrap_or(usize::MAX));
    let next_cursor = items.last().filter(|_| more).map(|last| last.place.to_string());
    let data = items.into_iter().map(responses::bulk_item).collect();
    Ok(Json(Listed { data, next_cursor }))
}

/// Starts what was frozen: of a reprocess the first few immediately, the rest at a pace once all of those
/// succeeded; what is acknowledged or resolved, one after the other. Needs the role operator.
#[utoipa::path(post, path = "/api/v1/projects/{project_id}/bulk-reprocesses/{bulk_id}/start", operation_id = "start_bulk_reprocess", tag = "bulk", request_body = BulkStartRequest,
    params(("project_id" = String, Path), ("bulk_id" = String, Path)),
    responses((status = 202, description = "It runs.", body = BulkResponse), (status = 409, description = "It is in a state that does not allow this.", body = ErrorResponse)))]
pub async fn start(
    State(state): State<AppState>,
    caller: Caller,
    Path((project, id)): Path<(String, String)>,
    body: JsonBody,
) -> Result<(StatusCode, Json<BulkResponse>), ApiError> {
    caller.must_act()?;
    let frozen = find_in_project(&state, &project, &id).await?;
    let (settings, note) = read_start(frozen.action, &body.read().await?)?;
    let actor = caller.actor();
    let started = transaction(&state.pool, async |tx| {
        bulk::start(tx, frozen.id, &actor, settings, &note).await
    });
    started.await.map_err(rejected)?;
    state.relay.wake();
    let bulk = find_in_project(&state, &project, &id).await?;
    Ok((StatusCode::ACCEPTED, Json(with_counts(&state.pool, bulk).await?)))
}

/// Pauses a bulk reprocess: nothing more starts. Needs the role operator.
#[utoipa::path(post, path = "/api/v1/projects/{project_id}/bulk-reprocesses/{bulk_id}/pause", operation_id = "pause_bulk_reprocess", tag = "bulk",
    params(("project_id" = String, Path), ("bulk_id" = String, Path)),
    responses((status = 200, description = "The bulk reprocess as it is now.", body = BulkResponse), (status = 409, description = "It is in a state that does not allow this.", body = ErrorResponse)))]
pub async fn pause(
    state: State<AppState>,
    caller: Caller,
    path: Path<(String, String)>,
) -> Result<Json<BulkResponse>, ApiError> {
    steer(state, caller, path, Steering::Pause).await
}

/// Lets a bulk reprocess go on that is paused. What failed so far is not counted against it any more.
/// Needs the role operator.
#[utoipa::path(post, path = "/api/v1/projects/{project_id}/bulk-reprocesses/{bulk_id}/resume", operation_id = "resume_bulk_reprocess", tag = "bulk",
    params(("project_id" = String, Path), ("bulk_id" = String, Path)),
    responses((status = 200, description = "The bulk reprocess as it is now.", body = BulkResponse), (status = 409, description = "It is in a state that does not allow this.", body = ErrorResponse)))]
pub async fn resume(
    state: State<AppState>,
    caller: Caller,
    path: Path<(String, String)>,
) -> Result<Json<BulkResponse>, ApiError> {
    steer(state, caller, path, Steering::Resume).await
}

/// Cancels a bulk reprocess: nothing more starts, what had started goes on. Needs the role operator.
#[utoipa::path(post, path = "/api/v1/projects/{project_id}/bulk-reprocesses/{bulk_id}/cancel", operation_id = "cancel_bulk_reprocess", tag = "bulk",
    params(("project_id" = String, Path), ("bulk_id" = String, Path)),
    responses((status = 200, description = "The bulk reprocess as it is now.", body = BulkResponse), (status = 409, description = "It is in a state that does not allow this.", body = ErrorResponse)))]
pub async fn cancel(
    state: State<AppState>,
    caller: Caller,
    path: Path<(String, String)>,
) -> Result<Json<BulkResponse>, ApiError> {
    steer(state, caller, path, Steering::Cancel).await
}

async fn steer(
    State(state): State<AppState>,
    caller: Caller,
    Path((project, id)): Path<(String, String)>,
    steering: Steering,
) -> Result<Json<BulkResponse>, ApiError> {
    caller.must_act()?;
    let bulk = find_in_project(&state, &project, &id).await?;
    let actor = caller.actor();
    let steered =
        transaction(&state.pool, async |tx| bulk::steer(tx, bulk.id, &actor, steering).await);
    steered.await.map_err(rejected)?;
    state.relay.wake();
    let bulk = find_in_project(&state, &project, &id).await?;
    Ok(Json(with_counts(&state.pool, bulk).await?))
}

async fn with_counts(pool: &PgPool, bulk: Bulk) -> Result<BulkResponse, StoreError> {
    let counts = bulk::count_items(pool, bulk.id).await?;
    Ok(responses::bulk(bulk, counts))
}

/// The bulk reprocess of a path, if it is of the path's project.
async fn find_in_project(state: &AppState, project: &str, id: &str) -> Result<Bulk, ApiError> {
    let missing = || ApiError::not_found("there is no such bulk reprocess in this project");
    let project = caller::project(state, project).await?;
    let id = id.parse().map_err(|_| missing())?;
    let found = bulk::find_bulk(&state.pool, id).await?;
    found.filter(|bulk| bulk.project_id == project.id).ok_or_else(missing)
}

pub(super) fn rejected(error: ChangeError<SteerRejection>) -> ApiError {
    error.into_error(|why| match why {
        SteerRejection::NoBulk => ApiError::not_found(why.to_string()),
        SteerRejection::Empty | SteerRejection::OfSet(_) | SteerRejection::State(_) => {
            let message = format!("the bulk reprocess cannot do that: {why}");
            ApiError::IncidentConflict { message }
        }
    })
}
