//! API keys of a project. A key is shown once, when it is made; after that only its label and its
//! last four characters are known. A revoked key is rejected within a second.

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::Response;
use domain::alert::one_line;
use domain::identifier::check_label;
use domain::ids::KeyId;
use serde::Deserialize;
use store::administration::key::{create_key, revoke_key};
use store::api_keys::{KeyRow, list_keys};
use store::pool::transaction;
use store::projects::Project;
use time::OffsetDateTime;
use web::error::ApiError;
use web::random;

use super::access::{Access, Pages};
use super::form::FormErrors;
use super::layout::{Layout, Section};
use super::page::page_with;
use super::projects::{Head, PathProject, Tab};
use super::session::{Message, SignedIn};
use super::when::When;
use crate::state::ConsoleState;

pub fn add(pages: Pages) -> Pages {
    pages
        .get("/projects/{project_id}/keys", Access::Viewer, show)
        .post("/projects/{project_id}/keys", Access::Admin, create)
        .post("/projects/{project_id}/keys/{key_id}/revoke", Access::Admin, revoke)
}

#[derive(Template)]
#[template(path = "pages/keys.html")]
struct KeysPage {
    layout: Layout,
    head: Head,
    valid: Vec<KeyItem>,
    revoked: Vec<KeyItem>,
    values: KeyValues,
    errors: FormErrors,
}

struct KeyItem {
    id: KeyId,
    label: String,
    /// As much of the key as anyone may see.
    shape: String,
    made: When,
    used: Option<When>,
    revoked: Option<When>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct KeyValues {
    #[serde(default)]
    label: String,
}

async fn show(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    PathProject(project): PathProject,
) -> Result<Response, ApiError> {
    render(&state, &signed_in, &project, KeyValues::default(), FormErrors::default()).await
}

async fn create(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    PathProject(project): PathProject,
    Form(values): Form<KeyValues>,
) -> Result<Response, ApiError> {
    let label = values.label.trim();
    if let Err(why) = check_label(label) {
        let mut errors = FormErrors::default();
        errors.note("label", why);
        return render(&state, &signed_in, &project, values, errors).await;
    }
    let key = random::api_key(project.mode).map_err(ApiError::internal)?;
    transaction(&state.pool, async |tx| {
        create_key(tx, &signed_in.actor(), project.id, label, &key).await
    })
    .await?;
    let text =
        format!("The key “{}” is created. Your app sends it with both calls.", one_line(label));
    let message = Message::done(text).with_secret("the API key", key.reveal());
    signed_in.lead_to(&state, &path(&project), &message).await
}

async fn revoke(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    PathProject(project): PathProject,
    Path((_, key_id)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let none = || ApiError::not_found("this project has no such key");
    let key_id: KeyId = key_id.parse().map_err(|_| none())?;
    // Another project's key is left as it is: without a commit nothing was changed.
    let revoked = transaction(&state.pool, async |tx| {
        match revoke_key(tx, &signed_in.actor(), key_id).await? {
            Some(owner) if owner != project.id => Err(none()),
            revoked => Ok(revoked.is_some()),
        }
    });
    let text = if revoked.await? {
        "The key is revoked. Requests with it are now rejected."
    } else {
        // Of a second press, or a page that stood open.
        let keys = list_keys(&state.pool, Some(project.id)).await?;
        keys.iter().find(|key| key.id == key_id).ok_or_else(none)?;
        "Nothing was changed: this key was revoked already."
    };
    signed_in.lead_to(&state, &path(&project), &Message::done(text)).await
}

async fn render(
    state: &ConsoleState,
    signed_in: &SignedIn,
    project: &Project,
    values: KeyValues,
    errors: FormErrors,
) -> Result<Response, ApiError> {
    let now = OffsetDateTime::now_utc();
    let keys = list_keys(&state.pool, Some(project.id)).await?;
    let rows = keys.iter().map(|key| row(key, project, now));
    let (revoked, valid): (Vec<_>, Vec<_>) = rows.partition(|row| row.revoked.is_some());
    let heading = heading(valid.len(), revoked.len(), &one_line(&project.name));
    let head = Head::new(project, Tab::Keys, heading);
    let layout = Layout::load(state, signed_in, Section::Projects, head.title()).await?;
    page_with(errors.status(), &KeysPage { layout, head, valid, revoked, values, errors })
}

fn row(key: &KeyRow, project: &Project, now: OffsetDateTime) -> KeyItem {
    KeyItem {
        id: key.id,
        label: one_line(&key.label),
        shape: format!("sk_{}_…{}", project.mode, key.last_four),
        made: When::ago(key.created_at, now),
        used: key.last_used_at.map(|at| When::ago(at, now)),
        revoked: key.revoked_at.map(|at| When::ago(at, now)),
    }
}

fn heading(valid: usize, revoked: usize, name: &str) -> String {
    match (valid, revoked) {
        (0, 0) => format!("{name} has no API key yet"),
        (0, _) => format!("{name} has no valid API key"),
        (1, _) => format!("{name} has one API key"),
        (many, _) => format!("{name} has {many} API keys"),
    }
}

fn path(project: &Project) -> String {
    format!("/projects/{}/keys", project.id)
}
