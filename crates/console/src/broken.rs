//! Warnings of broken destinations, for the pages that are about more than them.

use std::collections::BTreeMap;

use domain::alert::one_line;
use domain::ids::ProjectId;
use store::destinations::{Destination, list_destinations};
use web::error::ApiError;

use crate::state::ConsoleState;

/// Broken destinations, as other pages warn of them.
pub(super) struct Broken {
    /// The page that lists them.
    pub(super) path: String,
    /// What is wrong, in one sentence.
    pub(super) sentence: String,
}

/// What is to be said about the destinations of a project, or of all: one sentence for each project with
/// a broken one.
pub(super) async fn list_broken(
    state: &ConsoleState,
    project_id: Option<ProjectId>,
) -> Result<Vec<Broken>, ApiError> {
    let mut by_project: BTreeMap<ProjectId, Vec<Destination>> = BTreeMap::new();
    for one in list_destinations(&state.pool, project_id).await? {
        by_project.entry(one.project_id).or_default().push(one);
    }
    Ok(by_project.into_iter().filter_map(|(id, all)| warn(id, &all)).collect())
}

fn warn(project_id: ProjectId, all: &[Destination]) -> Option<Broken> {
    let broken: Vec<_> = all.iter().filter(|one| one.broken_at.is_some()).collect();
    let names: Vec<_> = broken.iter().map(|one| one_line(&one.label)).collect();
    let sentence = match broken.len() {
        0 => return None,
        count if count == all.len() => "No alert of this project reaches anyone".to_owned(),
        1 => format!("Alerts no longer reach {}", names.join(", ")),
        count => format!("Alerts no longer reach {count} destinations: {}", names.join(", ")),
    };
    Some(Broken { path: format!("/projects/{project_id}/destinations"), sentence })
}
