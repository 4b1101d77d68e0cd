//! `/api/v1/projects`.

use api_types::list::Listed;
use api_types::projects::{CreatedProject, ProjectRequest, ProjectResponse};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use domain::alert::one_line;
use domain::callback_header::{self, CallbackHeader, HeaderChanges, HeaderError};
use domain::field::Fields;
use domain::ids::ProjectId;
use domain::project::{MAX_TIMEOUT_MINUTES, Mode, check_name};
use domain::repair_url::{self, AllowedNetworks, RepairUrl};
use domain::retention::MAX_MONTHS;
use domain::silence::ExpectedReceipts;
use domain::snapshot::{MAX_DAYS, SnapshotSettings};
use serde_json::{Map, Value};
use store::PgConnection;
use store::administration::callback_header::{self as callback_header_store, HeaderRejection};
use store::administration::project;
use store::pool::transaction;
use store::projects::{self, ProjectSettings};
use web::error::ApiError;
use web::extract::JsonBody;
use web::random;
use web::state::AppState;

use super::caller::{self, Caller};
use super::responses;

/// Everything that may be said of a project.
const FIELDS: [&str; 10] = [
    "name",
    "mode",
    "timeout_minutes",
    "retention_months",
    repair_url::FIELD,
    "snapshots",
    "snapshot_days",
    "snapshot_in_callback",
    "expected_receipts",
    callback_header::FIELD,
];

/// The projects that are not archived, oldest first.
#[utoipa::path(get, path = "/api/v1/projects", operation_id = "list_projects", tag = "projects",
    responses((status = 200, description = "The projects.", body = Listed<ProjectResponse>)))]
pub async fn list(
    State(state): State<AppState>,
    _: Caller,
) -> Result<Json<Listed<ProjectResponse>>, ApiError> {
    let all = projects::list_in_use(&state.pool, None).await?;
    Ok(Json(Listed::whole(all.into_iter().map(responses::project))))
}

/// One project.
#[utoipa::path(get, path = "/api/v1/projects/{project_id}", operation_id = "get_project", tag = "projects",
    params(("project_id" = String, Path)),
    responses((status = 200, description = "The project.", body = ProjectResponse)))]
pub async fn show(
    State(state): State<AppState>,
    _: Caller,
    Path(id): Path<String>,
) -> Result<Json<ProjectResponse>, ApiError> {
    Ok(Json(responses::project(caller::project(&state, &id).await?)))
}

/// A project as it is now.
pub(super) async fn shown(
    state: &AppState,
    id: ProjectId,
) -> Result<Json<ProjectResponse>, ApiError> {
    Ok(Json(responses::project(caller::project_by_id(state, id).await?)))
}

/// Creates a project and its first signing secret. Needs the role admin.
#[utoipa::path(post, path = "/api/v1/projects", operation_id = "create_project", tag = "projects", request_body = ProjectRequest,
    responses((status = 201, description = "The project was created.", body = CreatedProject)))]
pub async fn create(
    State(state): State<AppState>,
    caller: Caller,
    body: JsonBody,
) -> Result<(StatusCode, Json<CreatedProject>), ApiError> {
    caller.must_administer()?;
    let body = body.read().await?;
    let blank = ProjectSettings::new(String::new(), Mode::Test);
    let (settings, headers) = read(&state, &body, blank, ModeField::Chosen)?;
    let secret = random::signing_secret().map_err(ApiError::internal)?;
    let (actor, key) = (caller.actor(), &state.master_key);
    let created = transaction(&state.pool, async |tx| {
        let id = project::create_project(tx, &actor, &settings, &secret, key).await?;
        change_headers(&state, tx, &caller, id, &headers).await.map(|()| id)
    });
    let id = created.await?;
    let Json(project) = shown(&state, id).await?;
    let signing_secret = secret.reveal();
    Ok((StatusCode::CREATED, Json(CreatedProject { project, signing_secret })))
}

/// Changes a project. Needs the role admin.
#[utoipa::path(patch, path = "/api/v1/projects/{project_id}", operation_id = "update_project", tag = "projects", request_body = ProjectRequest,
    params(("project_id" = String, Path)),
    responses((status = 200, description = "The project as it is now.", body = ProjectResponse)))]
pub async fn update(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    body: JsonBody,
) -> Result<Json<ProjectResponse>, ApiError> {
    caller.must_administer()?;
    let id = caller::project(&state, &id).await?.id;
    let body = body.read().await?;
    transaction(&state.pool, async |tx| {
        let now = projects::lock_project(tx, id).await?.ok_or_else(caller::no_project)?;
        let settings = ProjectSettings::from_project(&now);
        let (settings, headers) = read(&state, &body, settings, ModeField::Fixed)?;
        project::update_project(tx, &caller.actor(), id, &settings).await?;
        change_headers(&state, tx, &caller, id, &headers).await
    })
    .await?;
    shown(&state, id).await
}

/// Whether a body may say the mode.
#[derive(Debug, Clone, Copy)]
enum ModeField {
    /// That of a new project may; one that does not makes a test project.
    Chosen,
    /// A project keeps the mode that it was made with.
    Fixed,
}

impl ModeField {
    fn read(self, fields: &mut Fields<'_>, is_given: bool, settings: &mut ProjectSettings) {
        match self {
            Self::Chosen => {
                settings.mode = fields.choice("mode").unwrap_or(settings.mode);
                settings.expected_receipts = ExpectedReceipts::usual(settings.mode);
            }
            Self::Fixed if is_given => {
                fields.reject("mode", "is fixed once the project is made, because its keys say it");
            }
            Self::Fixed => {}
        }
    }
}

/// Reads the settings over those that hold now.
fn read(
    state: &AppState,
    body: &Map<String, Value>,
    mut settings: ProjectSettings,
    mode: ModeField,
) -> Result<(ProjectSettings, HeaderChanges), ApiError> {
    let mut fields = caller::fields(body, &FIELDS);
    mode.read(&mut fields, body.contains_key("mode"), &mut settings);
    if let Some(name) = fields.text("name") {
        name.clone_into(&mut settings.name);
    }
    if let Err(why) = check_name(&settings.name) {
        fields.reject("name", why.to_string());
    }
    let minutes = fields.whole_number("timeout_minutes", 1, i64::from(MAX_TIMEOUT_MINUTES));
    if let Some(minutes) = minutes.and_then(|minutes| i32::try_from(minutes).ok()) {
        settings.timeout_minutes = minutes;
    }
    let months = fields.whole_number("retention_months", 1, i64::from(MAX_MONTHS));
    if let Some(months) = months.and_then(|months| i32::try_from(months).ok()) {
        settings.retention_months = months;
    }
    read_snapshots(&mut fields, &mut settings.snapshots);
    if let Some(expected) = fields.named("expected_receipts", str::parse::<ExpectedReceipts>) {
        settings.expected_receipts = expected;
    }
    if body.contains_key(repair_url::FIELD) {
        settings.repair_url = read_repair_url(&mut fields, settings.mode, &state.allow);
    }
    let headers = read_headers(&mut fields);
    caller::checked(fields, (settings, headers))
}

/// One that is saved stays, also where it would not be allowed any more: then nothing is sent to it.
fn read_repair_url(fields: &mut Fields<'_>, mode: Mode, allow: &AllowedNetworks) -> Option<String> {
    let url = RepairUrl::parse(fields.text(repair_url::FIELD)?, mode, allow);
    url.map_err(|why| fields.reject(repair_url::FIELD, why.0.to_string()))
        .ok()
        .map(|url| url.to_string())
}

fn read_snapshots(fields: &mut Fields<'_>, settings: &mut SnapshotSettings) {
    if let Some(kept) = fields.truth("snapshots") {
        settings.kept = kept;
    }
    let days = fields.whole_number("snapshot_days", 1, i64::from(MAX_DAYS));
    if let Some(days) = days.and_then(|days| i32::try_from(days).ok()) {
        settings.days = days;
    }
    if let Some(in_callback) = fields.truth("snapshot_in_callback") {
        settings.in_callback = in_callback;
    }
}

/// `{"Name": "value"}` sets a header, `{"Name": null}` removes one. Each error names its header.
fn read_headers(fields: &mut Fields<'_>) -> HeaderChanges {
    let field = callback_header::FIELD;
    let mut changes = HeaderChanges::default();
    let Some(given) = fields.value(field) else { return changes };
    let Some(given) = given.as_object() else {
        fields.reject(field, "must be an object of names and values, where null removes a header");
        return changes;
    };
    for (name, value) in given {
        let read = match value {
            Value::Null => name.parse().map(|name| changes.removed.push(name)),
            Value::String(value) => {
                CallbackHeader::new(name, value).map(|header| changes.set.push(header))
            }
            _ => {
                let name: String = one_line(name).chars().take(callback_header::MAX_NAME).collect();
                fields.reject(field, format!("must have a string or null for {name}"));
                continue;
            }
        };
        if let Err(why) = read {
            fields.reject(field, why.to_string());
        }
    }
    if let Err(why) = changes.check() {
        fields.reject(field, why.to_string());
    }
    changes
}

async fn change_headers(
    state: &AppState,
    tx: &mut PgConnection,
    caller: &Caller,
    id: ProjectId,
    changes: &HeaderChanges,
) -> Result<(), ApiError> {
    if changes.is_empty() {
        return Ok(());
    }
    let actor = caller.actor();
    let key = &state.master_key;
    match callback_header_store::change_headers(tx, &actor, key, id, changes).await {
        Ok(_) => Ok(()),
        Err(error) => Err(match error.rejection()? {
            HeaderRejection::TooMany => {
                caller::field_error(callback_header::FIELD, &HeaderError::TooMany)
            }
            HeaderRejection::NoProject => caller::no_project(),
        }),
    }
}
