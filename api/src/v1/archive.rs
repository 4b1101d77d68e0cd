//! `/api/v1/projects/{project_id}/archive` and `…/restore`.

use api_types::projects::{ArchiveRequest, ProjectResponse};
use axum::Json;
use axum::extract::{Path, State};
use store::administration::archive::{ArchiveRejection, archive_project, restore_project};
use store::pool::transaction;
use web::error::ApiError;
use web::extract::JsonBody;
use web::state::AppState;

use super::caller::{self, Caller};
use super::projects::shown;

const FIELD: &str = "unresolved";

/// Archives a project: its keys are rejected, and it leaves all lists. What waits or is not resolved
/// goes on to its end. Needs the role admin.
#[utoipa::path(post, path = "/api/v1/projects/{project_id}/archive", operation_id = "archive_project", tag = "projects", request_body = ArchiveRequest,
    params(("project_id" = String, Path)),
    responses((status = 200, description = "The project as it is now.", body = ProjectResponse)))]
pub async fn archive(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    body: JsonBody,
) -> Result<Json<ProjectResponse>, ApiError> {
    caller.must_administer()?;
    let id = caller::project(&state, &id).await?.id;
    let body = body.read().await?;
    let mut fields = caller::fields(&body, &[FIELD]);
    let given = fields.whole_number(FIELD, 0, i64::from(i32::MAX)).unwrap_or_default();
    let confirmed = caller::checked(fields, given)?;
    let actor = caller.actor();
    let archived =
        transaction(&state.pool, async |tx| archive_project(tx, &actor, id, confirmed).await);
    if let Err(error) = archived.await {
        return Err(match error.rejection()? {
            ArchiveRejection::NoProject => caller::no_project(),
            why @ ArchiveRejection::Unresolved(_) => caller::field_error(FIELD, &why),
        });
    }
    shown(&state, id).await
}

/// Takes an archived project back into use. Of another one nothing changes. Needs the role admin.
#[utoipa::path(post, path = "/api/v1/projects/{project_id}/restore", operation_id = "restore_project", tag = "projects",
    params(("project_id" = String, Path)),
    responses((status = 200, description = "The project as it is now.", body = ProjectResponse)))]
pub async fn restore(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<ProjectResponse>, ApiError> {
    caller.must_administer()?;
    let id = caller::project(&state, &id).await?.id;
    let actor = caller.actor();
    let restored = transaction(&state.pool, async |tx| restore_project(tx, &actor, id).await);
    restored.await?.ok_or_else(caller::no_project)?;
    shown(&state, id).await
}
