//! Receipts that are expected and do not come.

use domain::alert::one_line;
use domain::ids::ProjectId;
use domain::project::Mode;
use domain::silence::describe_flow;
use store::silences::{self, Silence};
use web::error::ApiError;

use crate::state::ConsoleState;
use crate::view::list_projects_of;
use crate::when::When;

/// A page shows so many. One of a whole project stands for its event types.
const MOST: usize = 10;

/// The silences that last.
#[derive(Default)]
pub(crate) struct Silences {
    pub(crate) shown: Vec<Silent>,
    /// How many more there are.
    pub(crate) more: usize,
}

/// A silence that lasts.
pub(crate) struct Silent {
    /// As in `receipts of invoice.paid`.
    pub(crate) flow: String,
    /// Its project's page and name, where several projects are shown.
    pub(crate) project: Option<(String, String)>,
    pub(crate) since: When,
    /// As in `usually 12 an hour`.
    pub(crate) usual: String,
}

/// The silences of a project, or of all of a mode, that last.
pub(super) async fn list_silent(
    state: &ConsoleState,
    project_id: Option<ProjectId>,
    mode: Mode,
) -> Result<Silences, ApiError> {
    let mut open = silences::list_open(&state.pool, project_id).await?;
    if open.is_empty() {
        return Ok(Silences::default());
    }
    let projects = list_projects_of(&state.pool, mode).await?;
    open.retain(|one| projects.iter().any(|project| project.id == one.project_id));
    let name = |id| {
        let project = projects.iter().find(|project| project.id == id);
        project.map_or_else(|| id.to_string(), |project| one_line(&project.name))
    };
    let link = |id: ProjectId| (format!("/projects/{id}"), name(id));
    let unique = unique(&open);
    let shown = unique.iter().take(MOST).map(|one| Silent {
        flow: one_line(&describe_flow(one.event_type.as_deref())),
        project: project_id.is_none().then(|| link(one.project_id)),
        since: When::exact(one.since),
        usual: one.usual.to_string(),
    });
    Ok(Silences { shown: shown.collect(), more: unique.len().saturating_sub(MOST) })
}

/// Those that another one does not stand for; of whole projects come first.
fn unique(open: &[Silence]) -> Vec<&Silence> {
    let is_whole = |one: &Silence| one.event_type.is_none();
    let stands_alone = |one: &&Silence| {
        is_whole(one)
            || !open.iter().any(|other| is_whole(other) && other.project_id == one.project_id)
    };
    open.iter().filter(stands_alone).collect()
}
