//! All projects, with what is not resolved in each.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use domain::alert::{format_duration, one_line};
use domain::project::Mode;
use store::projects::{Project, list_projects};
use store::search::incidents::count_unresolved;
use time::{Duration, OffsetDateTime};
use web::error::ApiError;

use super::archive::ArchivedItem;
use super::checklist::Checklist;
use super::head;
use crate::layout::{Layout, Section, mode_word};
use crate::page::page;
use crate::session::SignedIn;
use crate::state::ConsoleState;

#[derive(Template)]
#[template(path = "pages/projects.html")]
struct ProjectsPage {
    layout: Layout,
    heading: String,
    rows: Vec<ProjectItem>,
    archived: Vec<ArchivedItem>,
}

struct ProjectItem {
    path: String,
    incidents: String,
    name: String,
    mode: &'static str,
    live: bool,
    timeout: String,
    /// Where callbacks go, without what a path or a query may say.
    host: Option<String>,
    /// How many incidents are not resolved.
    unresolved: i64,
    /// How many set-up steps there are, where not one is done.
    untouched: Option<usize>,
}

/// `GET /projects`.
pub(super) async fn show(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
) -> Result<Response, ApiError> {
    let unresolved = count_unresolved(&state.pool).await?;
    let projects = list_projects(&state.pool).await?;
    let mut rows = Vec::with_capacity(projects.len());
    for project in projects.iter().filter(|project| project.archived_at.is_none()) {
        let unresolved = unresolved.get(&project.id).copied().unwrap_or_default();
        let steps = Checklist::load(&state.pool, project, OffsetDateTime::now_utc()).await?;
        let untouched = (steps.seen() == 0).then_some(steps.steps.len());
        rows.push(ProjectItem { untouched, ..row(project, unresolved) });
    }
    let layout = Layout::load(&state, &signed_in, Section::Projects, "Projects").await?;
    let archived = projects.iter().filter_map(ArchivedItem::new).collect();
    page(&ProjectsPage { layout, heading: heading(&rows), rows, archived })
}

fn row(project: &Project, unresolved: i64) -> ProjectItem {
    ProjectItem {
        path: head::path(project.id),
        incidents: format!("/incidents?project={}", project.id),
        name: one_line(&project.name),
        mode: mode_word(project.mode),
        live: project.mode == Mode::Live,
        timeout: format_duration(Duration::minutes(i64::from(project.timeout_minutes))),
        host: project.repair_url.as_deref().and_then(host),
        unresolved,
        untouched: None,
    }
}

/// The host and port of a URL.
fn host(url: &str) -> Option<String> {
    let rest = url.split_once("://")?.1;
    rest.split(['/', '?']).next().map(str::to_owned)
}

fn heading(rows: &[ProjectItem]) -> String {
    let with_unresolved = rows.iter().filter(|row| row.unresolved > 0).count();
    match (rows.len(), with_unresolved) {
        (0, _) => "Nothing is watched".to_owned(),
        (1, 0) => "1 project, no unresolved incident".to_owned(),
        (all, 0) => format!("{all} projects, no unresolved incident"),
        (1, _) => "1 project, with unresolved incidents".to_owned(),
        (all, 1) => format!("{all} projects, 1 with unresolved incidents"),
        (all, some) => format!("{all} projects, {some} with unresolved incidents"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_shows_the_host_and_nothing_that_may_be_secret() {
        for (url, shown) in [
            ("https://shop.example.com:8443/repair?token=secret", "shop.example.com:8443"),
            ("http://127.0.0.1:9000", "127.0.0.1:9000"),
            ("https://shop.example.com?secret", "shop.example.com"),
        ] {
            assert_eq!(host(url).as_deref(), Some(shown));
        }
    }
}
