//! `/api/v1/projects/{project_id}/destinations`.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use domain::ids::{DestinationId, ProjectId};
use domain::project::Mode;
use serde::Serialize;
use serde_json::{Map, Value};
use store::Insertion;
use store::administration::destination;
use store::destinations::{self, Destination, NewDestination};
use store::pool::transaction;
use time::OffsetDateTime;
use utoipa::ToSchema;
use web::error::ApiError;
use web::extract::JsonBody;
use web::state::AppState;

use super::caller::{self, Caller, mistake};
use super::paging::Listed;

/// Where alerts go.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Destination)]
pub struct DestinationResponse {
    #[schema(value_type = String, example = "dst_01K9QE0A1B2C3D4E5F6G7H8J9K")]
    destination_id: DestinationId,
    /// `email` or `slack`.
    kind: String,
    /// The address, or the host of the Slack URL.
    address: String,
    /// What people call it: its label, or its address.
    label: String,
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    created_at: OffsetDateTime,
    /// Since when it rejects every message for good.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>, format = DateTime)]
    broken_at: Option<OffsetDateTime>,
}

impl From<Destination> for DestinationResponse {
    fn from(row: Destination) -> Self {
        let Destination { id, kind, address, label, created_at, broken_at, .. } = row;
        Self { destination_id: id, kind, address, label, created_at, broken_at }
    }
}

/// A new destination: either `email` or `slack`.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "the document's shape; bodies are read field by field, to name every mistake"
)]
pub struct DestinationBody {
    /// An e-mail address.
    email: Option<String>,
    /// The URL of a Slack incoming webhook.
    slack: Option<String>,
    /// What people call it in lists and timelines, 1 to 255 characters. Otherwise a mail goes by
    /// its address, and Slack by the last four characters of its URL.
    label: Option<String>,
}

/// A destination that was added.
#[derive(Debug, Serialize, ToSchema)]
pub struct AddedDestination {
    #[schema(value_type = String, example = "dst_01K9QE0A1B2C3D4E5F6G7H8J9K")]
    destination_id: DestinationId,
    kind: &'static str,
}

/// What became of a test message.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TestOutcome)]
pub struct TestMessageResponse {
    delivered: bool,
    /// The other side's response, verbatim.
    answer: String,
}

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
    Ok(Json(Listed::whole(all.into_iter().map(DestinationResponse::from))))
}

/// Adds a destination. Needs the role admin.
#[utoipa::path(post, path = "/api/v1/projects/{project_id}/destinations", operation_id = "add_destination", tag = "destinations", request_body = DestinationBody,
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
            return Err(mistake("email", &format!("already receives alerts, as destination {id}")));
        }
    };
    let added = AddedDestination { destination_id, kind: new.target.kind() };
    Ok((StatusCode::CREATED, Json(added)))
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
    let id = of_project(&state, project.id, &id).await?;
    let trying = (state.test_destination)(id, caller.actor());
    // What the response changes is kept even if the caller has gone away in the meantime.
    let work = async move { trying.await.map_err(ApiError::internal) };
    let tested = state.detached.run(work).await?.ok_or_else(missing)?;
    Ok(Json(TestMessageResponse { delivered: tested.delivered, answer: tested.answer }))
}

async fn of_project(
    state: &AppState,
    project_id: ProjectId,
    id: &str,
) -> Result<DestinationId, ApiError> {
    let id: DestinationId = id.parse().map_err(|_| missing())?;
    let all = destinations::list_destinations(&state.pool, Some(project_id)).await?;
    all.into_iter().map(|one| one.id).find(|one| *one == id).ok_or_else(missing)
}

fn read(
    state: &AppState,
    mode: Mode,
    body: &Map<String, Value>,
) -> Result<NewDestination, ApiError> {
    let mut fields = caller::fields(body, &["email", "slack", "label"]);
    let (email, slack) = (fields.text("email"), fields.text("slack"));
    let label = fields.text("label").map(ToString::to_string);
    let new = match (email, slack) {
        (Some(address), None) => NewDestination::email(address)
            .map_err(|why| fields.reject("email", why.to_string()))
            .ok(),
        (None, Some(url)) => NewDestination::slack(url, mode, &state.allow)
            .map_err(|why| fields.reject("slack", why.to_string()))
            .ok(),
        _ => {
            fields.reject("email", "give either email or slack");
            None
        }
    };
    let new = new.and_then(|new| {
        new.with_label(label.as_deref()).map_err(|why| fields.reject("label", why)).ok()
    });
    fields.finish(new).map_err(ApiError::ValidationError)
}

fn missing() -> ApiError {
    ApiError::not_found("there is no such destination in this project")
}
