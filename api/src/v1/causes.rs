//! `/api/v1/projects/{project_id}/causes`.

use api_types::causes::CauseResponse;
use api_types::list::Listed;
use axum::Json;
use axum::extract::{Path, State};
use store::search::causes::list_causes;
use web::error::ApiError;
use web::state::AppState;

use super::caller::{self, Caller};
use super::responses;

/// What the incidents of a project that are not resolved have in common, those with the most
/// customers first; at most 100.
#[utoipa::path(get, path = "/api/v1/projects/{project_id}/causes", operation_id = "list_causes", tag = "incidents",
    params(("project_id" = String, Path)),
    responses((status = 200, description = "The causes.", body = Listed<CauseResponse>)))]
pub async fn list(
    State(state): State<AppState>,
    _: Caller,
    Path(id): Path<String>,
) -> Result<Json<Listed<CauseResponse>>, ApiError> {
    let project = caller::project(&state, &id).await?;
    let causes = list_causes(&state.pool, Some(project.id), None).await?;
    Ok(Json(Listed::whole(causes.into_iter().map(responses::cause))))
}
