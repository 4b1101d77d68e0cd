//! `/api/v1/projects/{project_id}/keys`.

use api_types::keys::{CreatedKey, KeyRequest, KeyResponse};
use api_types::list::Listed;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use domain::identifier::check_label;
use domain::ids::KeyId;
use store::administration::key;
use store::api_keys;
use store::pool::transaction;
use web::error::ApiError;
use web::extract::JsonBody;
use web::random;
use web::state::AppState;

use super::caller::{self, Caller};
use super::responses;

/// The keys of a project, oldest first, revoked ones too.
#[utoipa::path(get, path = "/api/v1/projects/{project_id}/keys", operation_id = "list_api_keys", tag = "keys",
    params(("project_id" = String, Path)),
    responses((status = 200, description = "All API keys of the project.", body = Listed<KeyResponse>)))]
pub async fn list(
    State(state): State<AppState>,
    _: Caller,
    Path(id): Path<String>,
) -> Result<Json<Listed<KeyResponse>>, ApiError> {
    let project = caller::project(&state, &id).await?;
    let keys = api_keys::list_keys(&state.pool, Some(project.id)).await?;
    Ok(Json(Listed::whole(keys.into_iter().map(responses::key))))
}

/// Creates a key. Needs the role admin.
#[utoipa::path(post, path = "/api/v1/projects/{project_id}/keys", operation_id = "create_api_key", tag = "keys", request_body = KeyRequest,
    params(("project_id" = String, Path)),
    responses((status = 201, description = "The API key was created.", body = CreatedKey)))]
pub async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    body: JsonBody,
) -> Result<(StatusCode, Json<CreatedKey>), ApiError> {
    caller.must_administer()?;
    let project = caller::project(&state, &id).await?;
    let body = body.read().await?;
    let mut fields = caller::fields(&body, &["label"]);
    let label = fields.text("label").map(|label| label.trim().to_owned());
    if let Some(Err(why)) = label.as_deref().map(check_label) {
        fields.reject("label", why.to_string());
    }
    let label = fields.require("label", label).unwrap_or_default();
    let label = caller::checked(fields, label)?;
    let secret = random::api_key(project.mode).map_err(ApiError::internal)?;
    let created = transaction(&state.pool, async |tx| {
        key::create_key(tx, &caller.actor(), project.id, &label, &secret).await
    });
    let key_id = created.await?;
    let created = CreatedKey { key_id, label, key: secret.reveal().to_owned() };
    Ok((StatusCode::CREATED, Json(created)))
}

/// Revokes a key for good, everywhere within a second. Needs the role admin.
#[utoipa::path(delete, path = "/api/v1/projects/{project_id}/keys/{key_id}", operation_id = "revoke_api_key", tag = "keys",
    params(("project_id" = String, Path), ("key_id" = String, Path)),
    responses((status = 204, description = "The API key is revoked.")))]
pub async fn revoke(
    State(state): State<AppState>,
    caller: Caller,
    Path((project, id)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    caller.must_administer()?;
    let missing = || ApiError::not_found("there is no such valid key in this project");
    let project = caller::project(&state, &project).await?;
    let id: KeyId = id.parse().map_err(|_| missing())?;
    // Revoked and checked in one transaction: another project's key stays as it was.
    transaction(&state.pool, async |tx| {
        let revoked = key::revoke_key(tx, &caller.actor(), id).await?;
        if revoked == Some(project.id) { Ok(StatusCode::NO_CONTENT) } else { Err(missing()) }
    })
    .await
}
