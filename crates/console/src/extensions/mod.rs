//! Extensions of a project: a team's own activities and endpoints, what they were asked and what
//! they answered.
//!
//! The secret of an endpoint is shown once, when it is registered. The Test button makes a real
//! call over the real path and changes nothing but the audit.

mod add;
mod change;
mod page;
mod polling;
mod trial;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use domain::alert::one_line;
use domain::extension::{Point, Trust};
use domain::ids::ExtensionId;
use domain::project::Mode;
use store::extensions::{Extension, find_extension, list_extensions};
use store::projects::Project;
use time::OffsetDateTime;
use web::error::ApiError;

use self::add::ExtensionValues;
use super::access::{Access, Pages};
use super::form::FormErrors;
use super::layout::{Layout, Section};
use super::page::page_with;
use super::projects::{Head, PathProject, Tab};
use super::session::SignedIn;
use super::when::When;
use crate::state::ConsoleState;

const ALL: &str = "/projects/{project_id}/extensions";
const ONE: &str = "/projects/{project_id}/extensions/{extension_id}";
const TEST: &str = "/projects/{project_id}/extensions/{extension_id}/test";
const PAUSE: &str = "/projects/{project_id}/extensions/{extension_id}/pause";
const RESUME: &str = "/projects/{project_id}/extensions/{extension_id}/resume";
const REMOVE: &str = "/projects/{project_id}/extensions/{extension_id}/remove";

pub fn add(pages: Pages) -> Pages {
    pages
        .get(ALL, Access::Viewer, show)
        .post(ALL, Access::Admin, add::submit)
        .get(ONE, Access::Viewer, page::show)
        .post(TEST, Access::Operator, trial::submit)
        .post(PAUSE, Access::Admin, change::pause)
        .post(RESUME, Access::Admin, change::resume)
        .post(REMOVE, Access::Admin, change::remove)
}

#[derive(Template)]
#[template(path = "pages/extensions.html")]
struct ExtensionsPage {
    layout: Layout,
    head: Head,
    rows: Vec<ExtensionItem>,
    /// The form of an activity and that of an endpoint.
    activity: ExtensionForm,
    endpoint: ExtensionForm,
}

/// A form, one of them maybe as it was sent.
struct ExtensionForm {
    values: ExtensionValues,
    errors: FormErrors,
}

impl ExtensionForm {
    fn for_new(mode: Mode) -> Self {
        Self { values: ExtensionValues::for_new(mode), errors: FormErrors::default() }
    }
}

struct ExtensionItem {
    id: ExtensionId,
    name: String,
    /// The task queue, or the URL.
    place: String,
    asked: &'static str,
    trust: &'static str,
    made: When,
    paused: Option<When>,
    unanswered: i32,
}

/// When an extension is asked, as it continues a sentence.
const fn asked(point: Point) -> &'static str {
    match point {
        Point::BeforeIncident => "before an incident opens",
        Point::AfterFailure => "after an incident opened",
        Point::Reprocess => "to reprocess",
    }
}

/// What an answer changes.
const fn trusted(trust: Trust) -> &'static str {
    match trust {
        Trust::Propose => "A person decides",
        Trust::Settle => "Its answer counts",
    }
}

async fn show(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    PathProject(project): PathProject,
) -> Result<Response, ApiError> {
    let form = ExtensionForm::for_new(project.mode);
    render(&state, &signed_in, &project, form).await
}

async fn render(
    state: &ConsoleState,
    signed_in: &SignedIn,
    project: &Project,
    sent: ExtensionForm,
) -> Result<Response, ApiError> {
    let now = OffsetDateTime::now_utc();
    let all = list_extensions(&state.pool, Some(project.id)).await?;
    let rows: Vec<_> = all.iter().map(|one| item(one, now)).collect();
    let name = one_line(&project.name);
    let heading = match rows.len() {
        0 => format!("{name} has no extension"),
        1 => format!("{name} has one extension"),
        many => format!("{name} has {many} extensions"),
    };
    let head = Head::new(project, Tab::Extensions, heading);
    let layout = Layout::load(state, signed_in, Section::Projects, head.title()).await?;
    let (status, other) = (sent.errors.status(), ExtensionForm::for_new(project.mode));
    let (activity, endpoint) =
        if sent.values.is_endpoint() { (other, sent) } else { (sent, other) };
    page_with(status, &ExtensionsPage { layout, head, rows, activity, endpoint })
}

fn item(extension: &Extension, now: OffsetDateTime) -> ExtensionItem {
    ExtensionItem {
        id: extension.id,
        name: one_line(&extension.name()),
        place: place(extension),
        asked: asked(extension.point),
        trust: trusted(extension.trust),
        made: When::ago(extension.created_at, now),
        paused: extension.paused_at.map(|at| When::ago(at, now)),
        unanswered: extension.unanswered_in_a_row,
    }
}

fn place(extension: &Extension) -> String {
    let target = &extension.target;
    one_line(target.queue().or_else(|| target.url()).unwrap_or_default())
}

/// The extension that a path names, among those of this project.
async fn find(state: &ConsoleState, project: &Project, id: &str) -> Result<Extension, ApiError> {
    let id: ExtensionId = id.parse().map_err(|_| none())?;
    let found = find_extension(&state.pool, id).await?;
    found.filter(|one| one.project_id == project.id).ok_or_else(none)
}

fn none() -> ApiError {
    ApiError::not_found("this project has no such extension")
}

fn path(project: &Project) -> String {
    format!("/projects/{}/extensions", project.id)
}

fn path_of(project: &Project, id: ExtensionId) -> String {
    format!("{}/{id}", path(project))
}
