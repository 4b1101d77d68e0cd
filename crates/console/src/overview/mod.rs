//! How it goes: what was opened and resolved each day, how long things take, what came on time.
//!
//! The figures are the store's, exact up to the moment of asking. Every number of the drawing is
//! also in a table below it, so that nothing is shown by a picture alone.

mod labels;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use domain::alert::one_line;
use domain::audit::Action;
use domain::ids::ProjectId;
use domain::notice::describe_unclaimed;
use serde::Deserialize;
use store::notices::find_unclaimed;
use store::projects::{Project, list_in_use};
use store::search::overview::{DayFigures, OnTime, Overview, overview};
use time::{Duration, OffsetDateTime};
use web::error::ApiError;

use self::labels::{Pace, heading, on_time};
use super::access::{Access, Pages};
use super::layout::{Layout, Section, mode_word};
use super::page::page;
use super::session::SignedIn;
use super::when::When;
use crate::charts::{self, Plot};
use crate::state::ConsoleState;
use crate::view::View;
use crate::warnings::Warnings;

/// How many days are shown unless something else is asked for.
const USUAL_DAYS: i32 = 30;
/// What can be chosen.
const CHOICES: [i32; 4] = [7, USUAL_DAYS, 90, 365];

#[must_use]
pub fn add(pages: Pages) -> Pages {
    pages.get("/overview", Access::Viewer, get)
}

/// What is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct OverviewQuery {
    days: String,
    project: String,
}

#[derive(Template)]
#[template(path = "pages/overview.html")]
struct OverviewPage {
    layout: Layout,
    days: i32,
    choices: Vec<i32>,
    /// Every project with its name, and whether it is the one that is shown.
    projects: Vec<(ProjectId, String, bool)>,
    heading: String,
    is_empty: bool,
    /// What happened each day, where anything did.
    days_plot: Option<Plot>,
    /// How long it took, where anything was resolved.
    repair_plot: Option<Plot>,
    opened: i64,
    resolved: i64,
    detect: Pace,
    repair: Pace,
    /// What the figures are grouped by, and the groups.
    groups: Vec<(&'static str, Vec<GroupItem>)>,
    incomplete_since: Option<When>,
    /// What is to be said of results that no receipt claimed, and where they are listed.
    unclaimed: Option<(String, String)>,
    warnings: Warnings,
}

/// A project or an event type, with how its effects came.
struct GroupItem {
    name: String,
    figures: OnTime,
    on_time: String,
}

async fn get(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Query(query): Query<OverviewQuery>,
) -> Result<Response, ApiError> {
    let days = query.days.trim().parse().unwrap_or(USUAL_DAYS).clamp(1, 366);
    let named = query.project.trim();
    let projects = list_in_use(&state.pool, named.parse().ok()).await?;
    let project = if named.is_empty() { None } else { Some(find(&projects, named)?) };
    let view = View::load(&state.pool, &signed_in).await?;
    let mode = view.mode_for(None, project, &projects);
    let found = overview(&state.pool, project, Some(mode), days).await?;
    let layout = Layout::load_in(&state, &signed_in, view, Section::Overview, "Overview").await?;
    let now = OffsetDateTime::now_utc();
    let since = now - Duration::days(days.into());
    let unclaimed = find_unclaimed(&state.pool, project, Some(mode), since, now).await?;
    let mut shown = fill(layout, days, project, &projects, found);
    shown.warnings = Warnings::load(&state, project, mode).await?;
    shown.unclaimed = (unclaimed.count > 0)
        .then(|| (describe_unclaimed(unclaimed.count, unclaimed.failures), audit_link(project)));
    page(&shown)
}

fn find(projects: &[Project], id: &str) -> Result<ProjectId, ApiError> {
    let id = id.parse::<ProjectId>().ok();
    let found = projects.iter().find(|project| Some(project.id) == id);
    found.map(|project| project.id).ok_or_else(|| ApiError::not_found("there is no such project"))
}

fn fill(
    layout: Layout,
    days: i32,
    project: Option<ProjectId>,
    projects: &[Project],
    found: Overview,
) -> OverviewPage {
    let sum = |of: fn(&DayFigures) -> i64| found.per_day.iter().map(of).sum::<i64>();
    let (opened, resolved) = (sum(|day| day.opened), sum(|day| day.resolved));
    let mut choices = CHOICES.to_vec();
    if !choices.contains(&days) {
        choices.push(days);
        choices.sort_unstable();
    }
    OverviewPage {
        layout,
        days,
        choices,
        projects: projects.iter().map(|one| choice(one, project)).collect(),
        heading: heading(&found.overall, days),
        is_empty: found.overall.events + opened + resolved == 0,
        days_plot: charts::days(&found.per_day),
        repair_plot: charts::repair_times(&found.repair_times),
        opened,
        resolved,
        detect: Pace::new(found.time_to_detect),
        repair: Pace::new(found.time_to_repair),
        groups: vec![
            ("Project", found.by_project.into_iter().map(row).collect()),
            ("Event type", found.by_event_type.into_iter().map(row).collect()),
        ],
        incomplete_since: found.incomplete_since.map(When::exact),
        unclaimed: None,
        warnings: Warnings::default(),
    }
}

/// Where the audit lists the results that no receipt claimed.
fn audit_link(project: Option<ProjectId>) -> String {
    let action = Action::ResultUnclaimed;
    match project {
        Some(project) => format!("/audit?action={action}&subject={project}"),
        None => format!("/audit?action={action}"),
    }
}

fn choice(one: &Project, chosen: Option<ProjectId>) -> (ProjectId, String, bool) {
    let name = format!("{} ({})", one_line(&one.name), mode_word(one.mode));
    (one.id, name, chosen == Some(one.id))
}

fn row(figures: OnTime) -> GroupItem {
    GroupItem { name: one_line(&figures.name), on_time: on_time(&figures), figures }
}
