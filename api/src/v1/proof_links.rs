//! `/api/v1/projects/{project_id}/incidents/{incident_id}/proof-links`.

use api_types::list::Listed;
use api_types::proof_links::{CreatedProofLink, ProofLinkRequest, ProofLinkResponse};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use domain::ids::ProofLinkId;
use domain::proof::{DEFAULT_DAYS, MAX_DAYS};
use store::administration::proof_link;
use store::pool::transaction;
use store::proof_links;
use web::error::ApiError;
use web::extract::JsonBody;
use web::random;
use web::state::AppState;

use super::caller::{self, Caller};
use super::responses;

/// The proof links of an incident.
#[utoipa::path(get, path = "/api/v1/projects/{project_id}/incidents/{incident_id}/proof-links", operation_id = "list_proof_links", tag = "proof links",
    params(("project_id" = String, Path), ("incident_id" = String, Path)),
    responses((status = 200, description = "All proof links of the incident.", body = Listed<ProofLinkResponse>)))]
pub async fn list(
    State(state): State<AppState>,
    _: Caller,
    Path((project, id)): Path<(String, String)>,
) -> Result<Json<Listed<ProofLinkResponse>>, ApiError> {
    let incident = caller::incident(&state, &project, &id).await?;
    let links = proof_links::list_links(&state.pool, incident.id).await?;
    Ok(Json(Listed::whole(links.into_iter().map(responses::proof_link))))
}

/// Creates a proof link. Needs the role operator.
#[utoipa::path(post, path = "/api/v1/projects/{project_id}/incidents/{incident_id}/proof-links", operation_id = "create_proof_link", tag = "proof links",
    params(("project_id" = String, Path), ("incident_id" = String, Path)), request_body = ProofLinkRequest,
    responses((status = 201, description = "The proof link was created.", body = CreatedProofLink)))]
pub async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Path((project, id)): Path<(String, String)>,
    body: JsonBody,
) -> Result<(StatusCode, Json<CreatedProofLink>), ApiError> {
    caller.must_act()?;
    let incident = caller::incident(&state, &project, &id).await?;
    let body = body.read().await?;
    let mut fields = caller::fields(&body, &["days"]);
    let days = fields.whole_number("days", 1, i64::from(MAX_DAYS));
    let days = caller::checked(fields, days)?.and_then(|days| i32::try_from(days).ok());
    let token = random::proof_token().map_err(ApiError::internal)?;
    let (actor, days) = (caller.actor(), days.unwrap_or(DEFAULT_DAYS));
    let created = transaction(&state.pool, async |tx| {
        proof_link::create_link(tx, &actor, &incident, &token, days).await
    });
    let id = created.await?;
    let url = format!("{}/proof/{}", state.public_url, token.reveal());
    Ok((StatusCode::CREATED, Json(CreatedProofLink { proof_link_id: id, url })))
}

/// Revokes a proof link for good. Needs the role operator.
#[utoipa::path(delete, path = "/api/v1/projects/{project_id}/incidents/{incident_id}/proof-links/{proof_link_id}", operation_id = "revoke_proof_link", tag = "proof links",
    params(("project_id" = String, Path), ("incident_id" = String, Path), ("proof_link_id" = String, Path)),
    responses((status = 204, description = "The proof link is revoked.")))]
pub async fn revoke(
    State(state): State<AppState>,
    caller: Caller,
    Path((project, incident, link)): Path<(String, String, String)>,
) -> Result<StatusCode, ApiError> {
    caller.must_act()?;
    let missing = || ApiError::not_found("there is no such open proof link");
    let incident = caller::incident(&state, &project, &incident).await?;
    let id: ProofLinkId = link.parse().map_err(|_| missing())?;
    let revoked = transaction(&state.pool, async |tx| {
        proof_link::revoke_link(tx, &caller.actor(), &incident, id).await
    });
    if revoked.await? { Ok(StatusCode::NO_CONTENT) } else { Err(missing()) }
}
