//! `/api/v1/projects/{project_id}/erasures`.

use api_types::erasures::{ErasureRequest, ErasureResponse};
use api_types::list::Listed;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use domain::field::Fields;
use domain::identifier::MAX_IDENTIFIER;
use domain::ids::{ErasureId, ProjectId};
use serde_json::Value;
use store::erasure::{self, Erasure};
use web::error::ApiError;
use web::extract::JsonBody;
use web::state::AppState;

use super::caller::{self, Caller};
use super::responses;

/// Counts what there is of a customer, and erases it for good if `confirm` is true. It goes on by itself; `state` is `done`
/// when it is over. Needs the role admin.
#[utoipa::path(post, path = "/api/v1/projects/{project_id}/erasures", operation_id = "erase_customer", tag = "erasures", request_body = ErasureRequest,
    params(("project_id" = String, Path)),
    responses((status = 200, description = "What would be erased. Nothing was.", body = ErasureResponse),
        (status = 202, description = "The customer is being erased.", body = ErasureResponse)))]
pub async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    body: JsonBody,
) -> Result<(StatusCode, Json<ErasureResponse>), ApiError> {
    caller.must_administer()?;
    let project = caller::project(&state, &id).await?;
    let body = body.read().await?;
    let mut fields = caller::fields(&body, &["internal_reference", "confirm"]);
    let reference = read_reference(&mut fields);
    if fields.value("internal_reference").is_none() {
        fields.reject("internal_reference", "is required");
    }
    let confirm = fields.truth("confirm");
    let (reference, confirm) = caller::checked(fields, (reference, confirm))?;
    let reference = reference.unwrap_or_default();
    let key = &state.master_key;
    let preview = erasure::preview(&state.pool, key, project.id, &reference).await?;
    if preview.is_empty() {
        return Err(ApiError::not_found(
            "nothing is known of this internal_reference, which is case-sensitive: nothing was erased",
        ));
    }
    if !confirm.unwrap_or_default() {
        return Ok((StatusCode::OK, Json(responses::erasure_preview(&preview))));
    }
    let begun = erasure::begin(&state.pool, key, &caller.actor(), project.id, &reference).await?;
    let response = responses::erasure(&begun, &preview.sent);
    Ok((StatusCode::ACCEPTED, Json(response)))
}

/// A reference as receipts of any release could have it. What an identifier must not hold became more with time, and what
/// was taken before is found here as it is.
fn read_reference(fields: &mut Fields<'_>) -> Option<String> {
    let text = fields.value("internal_reference").and_then(Value::as_str).map(str::trim);
    let fitting = text.filter(|text| (1..=MAX_IDENTIFIER).contains(&text.chars().count()));
    fitting.map(str::to_owned).or_else(|| fields.identifier("internal_reference"))
}

/// The erasures of a project, the newest first; at most 100, without the messages that were sent. Needs the role admin.
#[utoipa::path(get, path = "/api/v1/projects/{project_id}/erasures", operation_id = "list_erasures", tag = "erasures",
    params(("project_id" = String, Path)),
    responses((status = 200, description = "The erasures.", body = Listed<ErasureResponse>)))]
pub async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Listed<ErasureResponse>>, ApiError> {
    caller.must_administer()?;
    let project = caller::project(&state, &id).await?;
    let all = erasure::list_erasures(&state.pool, project.id).await?;
    Ok(Json(Listed::whole(all.iter().map(|one| responses::erasure(one, &[])))))
}

/// One erasure: how far it is, what it erased, and which messages were sent of the customer. Needs the role admin.
#[utoipa::path(get, path = "/api/v1/projects/{project_id}/erasures/{erasure_id}", operation_id = "get_erasure", tag = "erasures",
    params(("project_id" = String, Path), ("erasure_id" = String, Path)),
    responses((status = 200, description = "The erasure.", body = ErasureResponse)))]
pub async fn show(
    State(state): State<AppState>,
    caller: Caller,
    Path((project, id)): Path<(String, String)>,
) -> Result<Json<ErasureResponse>, ApiError> {
    caller.must_administer()?;
    let project = caller::project(&state, &project).await?;
    let erasure = find_in_project(&state, project.id, &id).await?;
    let tombstone = [erasure.customer.to_string()];
    let sent = erasure::list_sent(&state.pool, project.id, &tombstone).await?;
    Ok(Json(responses::erasure(&erasure, &sent)))
}

async fn find_in_project(
    state: &AppState,
    project_id: ProjectId,
    id: &str,
) -> Result<Erasure, ApiError> {
    let missing = || ApiError::not_found("there is no such erasure in this project");
    let id: ErasureId = id.parse().map_err(|_| missing())?;
    let found = erasure::find_erasure(&state.pool, id).await?;
    found.filter(|one| one.project_id == project_id).ok_or_else(missing)
}
