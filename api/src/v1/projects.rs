//! `/api/v1/projects`.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use domain::alert::one_line;
use domain::callback_header::{self, CallbackHeader, HeaderChanges, HeaderError};
use domain::field::Fields;
use domain::ids::ProjectId;
use domain::project::{DEFAULT_TIMEOUT_MINUTES, MAX_TIMEOUT_MINUTES, Mode, check_name};
use domain::repair_url::{self, RepairUrl};
use serde::Serialize;
use serde_json::{Map, Value};
use store::PgConnection;
use store::administration::callback_header::{self as callback_header_store, HeaderRejection};
use store::administration::project;
use store::pool::transaction;
use store::projects::{self, Project, ProjectSettings};
use time::OffsetDateTime;
use utoipa::ToSchema;
use web::error::ApiError;
use web::extract::JsonBody;
use web::random;
use web::state::AppState;

use super::caller::{self, Caller};
use super::paging::Listed;

/// Everything that may be said of a project.
const FIELDS: [&str; 6] =
    ["name", "mode", "timeout_minutes", repair_url::FIELD, "snapshots", callback_header::FIELD];

/// A monitored payment flow.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Project)]
pub struct ProjectResponse {
    #[schema(value_type = String, example = "prj_01K9QE0A1B2C3D4E5F6G7H8J9K")]
    project_id: ProjectId,
    name: String,
    /// `test` or `live`; fixed once made.
    #[schema(value_type = String)]
    mode: Mode,
    /// Minutes until silence is an incident, 1 to 10080.
    timeout_minutes: i32,
    /// Where callbacks go; https in live projects.
    repair_url: Option<String>,
    /// Whether payloads of receipts are kept, sealed.
    snapshots: bool,
    /// The headers that callbacks carry beside the product's own. Values are never shown. Absent
    /// where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    callback_header_names: Vec<String>,
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    created_at: OffsetDateTime,
}

impl From<Project> for ProjectResponse {
    fn from(project: Project) -> Self {
        Self {
            project_id: project.id,
            name: project.name,
            mode: project.mode,
            timeout_minutes: project.timeout_minutes,
            repair_url: project.repair_url,
            snapshots: project.snapshots,
            callback_header_names: project.callback_header_names,
            created_at: project.created_at,
        }
    }
}

/// A new project and its signing secret, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreatedProject {
    #[serde(flatten)]
    project: ProjectResponse,
    signing_secret: String,
}

/// What a project is to be. Fields that are left out keep their value, or have their default.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "the document's shape; bodies are read field by field, to name every mistake"
)]
pub struct ProjectBody {
    /// 1 to 255 characters. Required for a new project.
    name: Option<String>,
    /// `test` (the default) or `live`. Only for a new project.
    mode: Option<String>,
    /// 1 to 10080. Default: 30.
    timeout_minutes: Option<i32>,
    /// A URL, or null for none.
    repair_url: Option<String>,
    /// Default: false.
    snapshots: Option<bool>,
    /// Headers that callbacks carry to pass a gateway, by name; null removes one. Headers that are
    /// not named stay. At most 10, names without capitals apart, values of 1 to 2000 visible ASCII
    /// characters.
    callback_headers: Option<BTreeMap<String, Option<String>>>,
}

/// All projects, oldest first.
#[utoipa::path(get, path = "/api/v1/projects", operation_id = "list_projects", tag = "projects",
    responses((status = 200, description = "All projects.", body = Listed<ProjectResponse>)))]
pub async fn list(
    State(state): State<AppState>,
    _: Caller,
) -> Result<Json<Listed<ProjectResponse>>, ApiError> {
    let all = projects::list_projects(&state.pool).await?;
    Ok(Json(Listed::whole(all.into_iter().map(ProjectResponse::from))))
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
    Ok(Json(caller::project(&state, &id).await?.into()))
}

/// Creates a project and its first signing secret. Needs the role admin.
#[utoipa::path(post, path = "/api/v1/projects", operation_id = "create_project", tag = "projects", request_body = ProjectBody,
    responses((status = 201, description = "The project was created.", body = CreatedProject)))]
pub async fn create(
    State(state): State<AppState>,
    caller: Caller,
    body: JsonBody,
) -> Result<(StatusCode, Json<CreatedProject>), ApiError> {
    caller.must_administer()?;
    let body = body.read().await?;
    let blank = ProjectSettings {
        name: String::new(),
        mode: Mode::Test,
        timeout_minutes: DEFAULT_TIMEOUT_MINUTES,
        repair_url: None,
        snapshots: false,
    };
    let (settings, headers) = read(&state, &body, blank, true)?;
    let secret = random::signing_secret().map_err(ApiError::internal)?;
    let (actor, key) = (caller.actor(), &state.master_key);
    let created = transaction(&state.pool, async |tx| {
        let id = project::create_project(tx, &actor, &settings, &secret, key).await?;
        change_headers(&state, tx, &caller, id, &headers).await.map(|()| id)
    });
    let id = created.await?;
    let project = caller::project(&state, &id.to_string()).await?.into();
    let signing_secret = secret.reveal();
    Ok((StatusCode::CREATED, Json(CreatedProject { project, signing_secret })))
}

/// Changes a project. Needs the role admin.
#[utoipa::path(patch, path = "/api/v1/projects/{project_id}", operation_id = "update_project", tag = "projects", request_body = ProjectBody,
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
        let settings = ProjectSettings {
            name: now.name,
            mode: now.mode,
            timeout_minutes: now.timeout_minutes,
            repair_url: now.repair_url,
            snapshots: now.snapshots,
        };
        let (settings, headers) = read(&state, &body, settings, false)?;
        project::update_project(tx, &caller.actor(), id, &settings).await?;
        change_headers(&state, tx, &caller, id, &headers).await
    })
    .await?;
    Ok(Json(caller::project(&state, &id.to_string()).await?.into()))
}

/// Reads the settings over those that hold now.
fn read(
    state: &AppState,
    body: &Map<String, Value>,
    mut settings: ProjectSettings,
    new: bool,
) -> Result<(ProjectSettings, HeaderChanges), ApiError> {
    let mut fields = caller::fields(body, &FIELDS);
    if new {
        settings.mode = fields.choice("mode").unwrap_or(settings.mode);
    } else if body.contains_key("mode") {
        fields.reject("mode", "is fixed once the project is made, because its keys say it");
    }
    if let Some(name) = fields.text("name") {
        name.clone_into(&mut settings.name);
    }
    if let Err(why) = check_name(&settings.name) {
        fields.reject("name", why);
    }
    let minutes = fields.whole_number("timeout_minutes", 1, i64::from(MAX_TIMEOUT_MINUTES));
    if let Some(minutes) = minutes.and_then(|minutes| i32::try_from(minutes).ok()) {
        settings.timeout_minutes = minutes;
    }
    if let Some(snapshots) = fields.truth("snapshots") {
        settings.snapshots = snapshots;
    }
    if body.contains_key(repair_url::FIELD) {
        settings.repair_url = fields.text(repair_url::FIELD).map(str::to_owned);
    }
    if let Some(url) = &settings.repair_url {
        match RepairUrl::parse(url, settings.mode, &state.allow) {
            Ok(url) => settings.repair_url = Some(url.to_string()),
            Err(why) => fields.reject(repair_url::FIELD, why.to_string()),
        }
    }
    let headers = read_headers(&mut fields);
    caller::checked(fields, (settings, headers))
}

/// `{"Name": "value"}` sets a header, `{"Name": null}` removes one. Each mistake names its header.
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
                caller::mistake(callback_header::FIELD, &HeaderError::TooMany)
            }
            HeaderRejection::NoProject => caller::no_project(),
        }),
    }
}
