//! `/api/v1/projects/{project_id}/destinations`.

use api_types::destinations::{
    AddedDestination, DestinationRequest, DestinationResponse, DestinationUpdateRequest,
    RotatedSecret, TestMessageResponse,
};
use api_types::list::Listed;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use domain::destination::DestinationKind;
use domain::ids::{DestinationId, ProjectId};
use domain::project::{Mode, check_name};
use domain::signature::SigningSecret;
use serde_json::{Map, Value};
use store::Insertion;
use store::administration::destination;
use store::destinations::{self, EnteredFields, EntryRules, NewDestination};
use store::pool::transaction;
use web::error::ApiError;
use web::extract::JsonBody;
use web::random;
use web::state::AppState;

use super::caller::{self, Caller, field_error};
use super::responses;

/// The destinations of a project.
#[utoipa::path(get, path = "/api/v1/projects/{project_id}/destinations", operation_id = "list_destinations", tag = "destinations",
    params(("project_id" = String, Path)),
    responses((status = 200, description = "All destinations of the project.", body = Listed<DestinationResponse>)))]
pub async fn list(
    State(state): State<AppState>,
    _: Caller,
    Path(id): Path<String>,
) -> Result<Json<Listed<DestinationResponse>>, ApiError> {
    let project = caller::project(&state, &id).await?;
    let all = destinations::list_destinations(&state.pool, Some(project.id)).await?;
    Ok(Json(Listed::whole(all.into_iter().map(responses::destination))))
}

/// Adds a destination. Needs the role admin.
#[utoipa::path(post, path = "/api/v1/projects/{project_id}/destinations", operation_id = "add_destination", tag = "destinations", request_body = DestinationRequest,
    params(("project_id" = String, Path)),
    responses((status = 201, description = "The destination was added.", body = AddedDestination)))]
pub async fn add(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    body: JsonBody,
) -> Result<(StatusCode, Json<AddedDestination>), ApiError> {
    caller.must_administer()?;
    let project = caller::project(&state, &id).await?;
    let new = read(&state, project.mode, &body.read().await?)?;
    let (actor, key) = (caller.actor(), &state.master_key);
    let added = transaction(&state.pool, async |tx| {
        destination::add_destination(tx, &actor, key, project.id, &new).await
    });
    let destination_id = match added.await? {
        Insertion::Inserted(id) => id,
        Insertion::Existing(id) => {
            return Err(field_error(
                new.target.kind(),
                &format!("already receives alerts, as destination {id}"),
            ));
        }
    };
    let signing_secret = new.target.current_secret().map(SigningSecret::reveal);
    let kind = new.target.kind().to_owned();
    Ok((StatusCode::CREATED, Json(AddedDestination { destination_id, kind, signing_secret })))
}

/// Changes a destination's label, or whether it gets each incident. Needs the role admin.
#[utoipa::path(patch, path = "/api/v1/projects/{project_id}/destinations/{destination_id}", operation_id = "update_destination", tag = "destinations", request_body = DestinationUpdateRequest,
    params(("project_id" = String, Path), ("destination_id" = String, Path)),
    responses((status = 200, description = "The destination as it is now.", body = DestinationResponse)))]
pub async fn update(
    State(state): State<AppState>,
    caller: Caller,
    Path((project, id)): Path<(String, String)>,
    body: JsonBody,
) -> Result<Json<DestinationResponse>, ApiError> {
    caller.must_administer()?;
    let project = caller::project(&state, &project).await?;
    let change = read_change(&body.read().await?)?;
    let id = find_in_project(&state, project.id, &id).await?;
    let (actor, key) = (caller.actor(), &state.master_key);
    let renamed = transaction(&state.pool, async |tx| {
        if let Some(label) = &change.label {
            destination::rename_destination(tx, &actor, key, id, label.as_deref()).await?;
        }
        if let Some(every_incident) = change.every_incident {
            destination::set_every_incident(tx, &actor, id, every_incident).await?;
        }
        destinations::find_destination(tx, id).await
    });
    let renamed = renamed.await?.filter(|one| one.project_id == project.id);
    Ok(Json(responses::destination(renamed.ok_or_else(missing)?)))
}

/// Removes a destination. Needs the role admin.
#[utoipa::path(delete, path = "/api/v1/projects/{project_id}/destinations/{destination_id}", operation_id = "remove_destination", tag = "destinations",
    params(("project_id" = String, Path), ("destination_id" = String, Path)),
    responses((status = 204, description = "The destination is removed.")))]
pub async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    Path((project, id)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    caller.must_administer()?;
    let project = caller::project(&state, &project).await?;
    let id: DestinationId = id.parse().map_err(|_| missing())?;
    // Removed and checked in one transaction: another project's destination stays as it was.
    transaction(&state.pool, async |tx| {
        let removed = destination::remove_destination(tx, &caller.actor(), id).await?;
        if removed == Some(project.id) { Ok(StatusCode::NO_CONTENT) } else { Err(missing()) }
    })
    .await
}

/// Gives a webhook a new signing secret; the older ones sign beside it for 24 hours. Needs the role
/// admin.
#[utoipa::path(post, path = "/api/v1/projects/{project_id}/destinations/{destination_id}/secrets", operation_id = "rotate_destination_secret", tag = "destinations",
    params(("project_id" = String, Path), ("destination_id" = String, Path)),
    responses((status = 201, description = "The new secret.", body = RotatedSecret)))]
pub async fn rotate_secret(
    State(state): State<AppState>,
    caller: Caller,
    Path((project, id)): Path<(String, String)>,
) -> Result<(StatusCode, Json<RotatedSecret>), ApiError> {
    caller.must_administer()?;
    let project = caller::project(&state, &project).await?;
    let id = find_in_project(&state, project.id, &id).await?;
    let secret = random::signing_secret().map_err(ApiError::internal)?;
    let (actor, key) = (caller.actor(), &state.master_key);
    let rotated = transaction(&state.pool, async |tx| {
        destination::rotate_secret(tx, &actor, key, id, &secret).await
    });
    let rotation = rotated.await?.ok_or_else(|| {
        ApiError::not_found("this destination is no webhook, so it has no signing secret")
    })?;
    let rotated = RotatedSecret {
        destination_id: id,
        signing_secret: secret.reveal(),
        older_sign_until: rotation.older_sign_until,
    };
    Ok((StatusCode::CREATED, Json(rotated)))
}

/// Sends a test message and gives the response. Needs the role operator.
#[utoipa::path(post, path = "/api/v1/projects/{project_id}/destinations/{destination_id}/tests", operation_id = "test_destination", tag = "destinations",
    params(("project_id" = String, Path), ("destination_id" = String, Path)),
    responses((status = 200, description = "What became of the test message.", body = TestMessageResponse)))]
pub async fn test(
    State(state): State<AppState>,
    caller: Caller,
    Path((project, id)): Path<(String, String)>,
) -> Result<Json<TestMessageResponse>, ApiError> {
    caller.must_act()?;
    let project = caller::project(&state, &project).await?;
    let id = find_in_project(&state, project.id, &id).await?;
    let trying = (state.test_destination)(id, caller.actor());
    // What the response changes is kept even if the caller has gone away in the meantime.
    let work = async move { trying.await.map_err(ApiError::internal) };
    let tested = state.detached.run(work).await?.ok_or_else(missing)?;
    Ok(Json(TestMessageResponse { delivered: tested.delivered, answer: tested.response }))
}

async fn find_in_project(
    state: &AppState,
    project_id: ProjectId,
    id: &str,
) -> Result<DestinationId, ApiError> {
    let id: DestinationId = id.parse().map_err(|_| missing())?;
    let found = destinations::find_destination(&state.pool, id).await?;
    found.filter(|one| one.project_id == project_id).map(|one| one.id).ok_or_else(missing)
}

/// Reads the fields of every kind as [`NewDestination::read`] does, and what all have.
fn read(
    state: &AppState,
    mode: Mode,
    body: &Map<String, Value>,
) -> Result<NewDestination, ApiError> {
    let names = DestinationKind::all_fields().map(|(_, field)| field.name).chain(["label"]);
    let names: Vec<_> = names.collect();
    let known = [&names[..], &["every_incident"]].concat();
    let mut fields = caller::fields(body, &known);
    let every_incident = fields.truth("every_incident");
    let given = names.iter().filter(|name| fields.value(name).is_some()).count();
    let entered: EnteredFields<'_> =
        names.iter().filter_map(|name| Some((*name, fields.text(name)?))).collect();
    if entered.len() < given {
        return fields.finish(None).map_err(ApiError::ValidationError);
    }
    let secret = random::signing_secret().map_err(ApiError::internal)?;
    let rules = EntryRules { mode, allow: &state.allow, secret };
    let new = NewDestination::read(&entered, rules);
    let new = new.map(|new| NewDestination { every_incident, ..new }).map_err(|errors| {
        for error in errors {
            fields.reject(&error.field, error.message);
        }
    });
    fields.finish(new.ok()).map_err(ApiError::ValidationError)
}

#[expect(clippy::option_option, reason = "left out, null and given are three things to say")]
struct DestinationChange {
    /// A label, or none for the default.
    label: Option<Option<String>>,
    every_incident: Option<bool>,
}

/// The default label is said as null, since text that is blank by accident would take the label away.
fn read_change(body: &Map<String, Value>) -> Result<DestinationChange, ApiError> {
    let known = ["label", "every_incident"];
    let mut fields = caller::fields(body, &known);
    if !known.iter().any(|field| body.contains_key(*field)) {
        let label =
            "is required: 1 to 255 characters, or null for the default; or give every_incident";
        fields.reject("label", label);
    }
    let label = fields.text("label").map(|label| label.trim().to_owned());
    if let Some(Err(why)) = label.as_deref().map(check_name) {
        fields.reject("label", why.to_string());
    }
    let every_incident = fields.truth("every_incident");
    let label = body.contains_key("label").then_some(label);
    caller::checked(fields, DestinationChange { label, every_incident })
}

fn missing() -> ApiError {
    ApiError::not_found("there is no such destination in this project")
}
