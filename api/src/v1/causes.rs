//! `/api/v1/projects/{project_id}/causes`.

use api_types::causes::CauseResponse;
use api_types::list::Listed;
use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use store::search::causes::{CauseSearch, search_causes};
use utoipa::IntoParams;
use web::error::ApiError;
use web::state::AppState;

use super::caller::{self, Caller};
use super::{paging, responses};

/// How many causes a page has where the caller does not say.
const USUAL: i64 = 100;

/// How much of the list is wanted, and from where.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CauseQuery {
    /// The `next_cursor` of the page before; without it, the first page.
    cursor: Option<String>,
    /// Things per page, 1 to 200. Default: 100.
    #[param(value_type = Option<i64>, minimum = 1, maximum = 200)]
    limit: Option<String>,
}

/// What the incidents of a project that are not resolved have in common, those with the most
/// customers first.
#[utoipa::path(get, path = "/api/v1/projects/{project_id}/causes", operation_id = "list_causes", tag = "incidents",
    params(("project_id" = String, Path), CauseQuery),
    responses((status = 200, description = "One page of causes.", body = Listed<CauseResponse>)))]
pub async fn list(
    State(state): State<AppState>,
    _: Caller,
    Path(id): Path<String>,
    Query(wanted): Query<CauseQuery>,
) -> Result<Json<Listed<CauseResponse>>, ApiError> {
    let project = caller::project(&state, &id).await?;
    let search = CauseSearch {
        project_id: Some(project.id),
        mode: None,
        cursor: paging::cursor(wanted.cursor.as_deref())?,
        limit: paging::limit(wanted.limit.as_deref(), USUAL)?,
    };
    let page = search_causes(&state.pool, &search).await?;
    Ok(Json(responses::page(page, responses::cause)))
}
