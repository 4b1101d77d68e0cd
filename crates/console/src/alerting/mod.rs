//! How a project's people are told: its rules, and maintenance windows, in which telling waits.
//!
//! Each form is shown again with what was typed if it breaks a rule; nothing is changed then.

mod maintenance;
mod rules;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use domain::alert::one_line;
use domain::ids::DestinationId;
use domain::maintenance::{Hold, HoldReason};
use domain::timeline::actor_name;
use store::maintenance::{MaintenanceWindow, list_newest};
use store::projects::Project;
use store::{PgPool, StoreError, alert_rules, destinations};
use time::OffsetDateTime;
use web::error::ApiError;

use self::maintenance::MaintenanceValues;
use self::rules::RuleValues;
use crate::access::{Access, Pages};
use crate::badge::Badge;
use crate::form::FormErrors;
use crate::layout::{Layout, Section};
use crate::page::page_with;
use crate::projects::{Head, PathProject, Tab};
use crate::session::SignedIn;
use crate::state::ConsoleState;
use crate::warnings::held::{self, Held};
use crate::when::When;

/// How many windows are listed.
const MOST: i64 = 20;

#[must_use]
pub fn add(pages: Pages) -> Pages {
    pages
        .get("/projects/{project_id}/alerting", Access::Viewer, show)
        .post("/projects/{project_id}/alerting", Access::Admin, rules::save)
        .post("/projects/{project_id}/maintenance", Access::Operator, maintenance::start)
        .post("/projects/{project_id}/maintenance/end", Access::Operator, maintenance::end)
}

#[derive(Template)]
#[template(path = "pages/alerting.html")]
struct AlertingPage {
    layout: Layout,
    head: Head,
    held: Option<Held>,
    rules: RuleValues,
    /// Each rule as a phrase.
    phrases: Vec<String>,
    /// The ids and names of the destinations.
    destinations: Vec<(String, String)>,
    window: MaintenanceValues,
    errors: FormErrors,
    windows: Vec<WindowItem>,
}

struct WindowItem {
    id: String,
    state: Badge,
    lasts: bool,
    from: When,
    to: When,
    by: String,
    reason: Option<String>,
}

/// What was typed into the forms of the page; what was not is as it is saved.
#[derive(Debug, Default)]
struct AlertingForms {
    rules: Option<RuleValues>,
    window: MaintenanceValues,
    errors: FormErrors,
}

async fn show(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    PathProject(project): PathProject,
) -> Result<Response, ApiError> {
    render(&state, &signed_in, &project, AlertingForms::default()).await
}

async fn render(
    state: &ConsoleState,
    signed_in: &SignedIn,
    project: &Project,
    forms: AlertingForms,
) -> Result<Response, ApiError> {
    let now = OffsetDateTime::now_utc();
    let rules = alert_rules::find_rules(&state.pool, project.id).await?;
    let hold = alert_rules::find_hold(&state.pool, project.id).await?;
    let windows = list_newest(&state.pool, project.id, MOST).await?;
    let head = Head::new(project, Tab::Alerting, heading(hold.as_ref(), &one_line(&project.name)));
    let layout = Layout::load(state, signed_in, Section::Projects, head.title()).await?;
    let destinations = list_destinations(&state.pool, project).await?;
    let page = AlertingPage {
        layout,
        head,
        held: hold.as_ref().map(Held::new),
        phrases: rules.phrases_with(|id| name_among(&destinations, *id)),
        destinations,
        rules: forms.rules.unwrap_or_else(|| RuleValues::from_rules(&rules)),
        window: forms.window,
        windows: windows.iter().map(|window| WindowItem::new(window, now)).collect(),
        errors: forms.errors,
    };
    page_with(page.errors.status(), &page)
}

fn heading(hold: Option<&Hold>, name: &str) -> String {
    match hold.map(|hold| hold.reason) {
        None => format!("The people of {name} are told at once"),
        Some(HoldReason::Maintenance) => format!("{name} is under maintenance: telling waits"),
        Some(HoldReason::QuietHours) => format!("Quiet hours of {name}: telling waits"),
    }
}

async fn list_destinations(
    pool: &PgPool,
    project: &Project,
) -> Result<Vec<(String, String)>, StoreError> {
    let all = destinations::list_destinations(pool, Some(project.id)).await?;
    Ok(all.iter().map(|one| (one.id.to_string(), one_line(&one.label))).collect())
}

/// What a destination is called; its id, if it was removed.
fn name_among(destinations: &[(String, String)], id: DestinationId) -> String {
    let id = id.to_string();
    let known = destinations.iter().find(|(of, _)| *of == id);
    known.map_or(id, |(_, label)| label.clone())
}

fn path(project: &Project) -> String {
    held::path(project.id)
}

impl WindowItem {
    fn new(window: &MaintenanceWindow, now: OffsetDateTime) -> Self {
        let lasts = window.is_running(now);
        Self {
            id: window.id.to_string(),
            state: if lasts { Badge::new("work", "Lasts") } else { Badge::new("done", "Over") },
            lasts,
            from: When::brief(window.started_at),
            to: When::brief(window.ended_at.unwrap_or(window.ends_at)),
            by: actor_name(&window.started_by),
            reason: window.reason.as_deref().map(one_line),
        }
    }
}
