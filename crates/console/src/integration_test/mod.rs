//! The Integration Test: the whole path once, from receipt to repair, done manually.
//!
//! A run is a name in the URL, so that reloading keeps it and starting again is another name.
//! Nothing of it is stored: its steps are read from the events that carry its ids, so they become
//! green however the calls were made.

mod calls;
mod run;
mod samples;
mod steps;
mod test_shop;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;
use store::alert_rules::find_hold;
use store::destinations::list_destinations;
use store::progress::event_progress;
use store::projects::Project;
use time::OffsetDateTime;
use web::error::ApiError;

use self::calls::Calls;
use self::run::Run;
use self::samples::Sample;
use self::steps::{ReportsSeen, Telling, TestStep, steps};
use super::access::{Access, Pages};
use super::layout::{Layout, Section};
use super::page::{go_to, page};
use super::projects::{Head, PathProject, Tab};
use super::session::SignedIn;
use super::when::When;
use crate::state::ConsoleState;

pub fn add(pages: Pages) -> Pages {
    let pages = pages.get("/projects/{project_id}/integration-test", Access::Viewer, show);
    test_shop::add(pages)
}

#[derive(Template)]
#[template(path = "pages/integration_test.html")]
struct IntegrationTestPage {
    layout: Layout,
    head: Head,
    run: Run,
    began: When,
    /// Puts a key where the calls find it.
    export: String,
    steps: Vec<TestStep>,
    repair_url: Option<String>,
    telling: Telling,
    samples: Vec<Sample>,
    /// Whether the built-in test shop can do the calls.
    has_test_shop: bool,
}

/// Which run.
#[derive(Debug, Deserialize)]
struct TestQuery {
    run: Option<String>,
}

async fn show(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    PathProject(project): PathProject,
    Query(query): Query<TestQuery>,
) -> Result<Response, ApiError> {
    if let Some(run) = query.run.as_deref().and_then(Run::parse) {
        render(&state, &signed_in, &project, run).await
    } else {
        let (id, run) = (project.id, Run::fresh());
        Ok(go_to(&format!("/projects/{id}/integration-test?run={}", run.name())))
    }
}

async fn render(
    state: &ConsoleState,
    signed_in: &SignedIn,
    project: &Project,
    run: Run,
) -> Result<Response, ApiError> {
    let now = OffsetDateTime::now_utc();
    let applied = event_progress(&state.pool, project.id, &run.applied()).await?;
    let failed = event_progress(&state.pool, project.id, &run.failed()).await?;
    let destinations = list_destinations(&state.pool, Some(project.id)).await?;
    let working = destinations.iter().filter(|one| one.broken_at.is_none()).count();
    let is_held = find_hold(&state.pool, project.id).await?.is_some();
    let telling = Telling { working, broken: destinations.len() - working, is_held };
    let heading = "Walk the whole way once, from receipt to repair";
    let head = Head::new(project, Tab::IntegrationTest, heading);
    let url = &state.public_url;
    let (seen, calls) = (ReportsSeen { applied, failed }, Calls::new(&run, url));
    // A refresh puts in place what may have changed; the samples never do.
    let samples = if signed_in.unseen { Vec::new() } else { samples::all(url) };
    page(&IntegrationTestPage {
        layout: Layout::load(state, signed_in, Section::Projects, head.title()).await?,
        head,
        began: When::ago(run.began(), now),
        run,
        export: calls::export(project.mode),
        steps: steps(&seen, calls, project, telling, now),
        repair_url: project.repair_url.clone(),
        telling,
        samples,
        has_test_shop: test_shop::find(state, project).is_ok(),
    })
}
