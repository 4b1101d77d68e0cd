//! `/api/v1/projects/{project_id}/silences`.

use api_types::list::Listed;
use api_types::silences::SilenceResponse;
use axum::Json;
use axum::extract::{Path, State};
use store::silences;
use web::error::ApiError;
use web::state::AppState;

use super::caller::{self, Caller};
use super::responses;

const MOST: i64 = 100;

/// The newest silences of a project, at most 100, those that last among them.
#[utoipa::path(get, path = "/api/v1/projects/{project_id}/silences", operation_id = "list_silences", tag = "projects",
    params(("project_id" = String, Path)),
    responses((status = 200, description = "The silences, newest first.", body = Listed<SilenceResponse>)))]
pub async fn list(
    State(state): State<AppState>,
    _: Caller,
    Path(id): Path<String>,
) -> Result<Json<Listed<SilenceResponse>>, ApiError> {
    let project = caller::project(&state, &id).await?;
    let newest = silences::list_newest(&state.pool, project.id, MOST).await?;
    Ok(Json(Listed::whole(newest.into_iter().map(responses::silence))))
}
