//! That people are not told now, maintenance or quiet hours: why and until when, on every page on which one would
//! wonder about the silence.

use domain::alert::one_line;
use domain::ids::ProjectId;
use domain::maintenance::Hold;
use domain::project::Mode;
use store::projects::Project;
use store::{PgPool, StoreError, alert_rules};

use crate::when::When;

/// That telling waits now.
pub(crate) struct Held {
    pub(crate) why: &'static str,
    pub(crate) until: When,
}

/// That it does in a project.
pub(crate) struct HeldProject {
    pub(crate) name: String,
    /// Where that is set.
    pub(crate) path: String,
    pub(crate) held: Held,
}

impl Held {
    pub(crate) fn new(hold: &Hold) -> Self {
        Self { why: hold.reason.words(), until: When::exact(hold.until) }
    }
}

/// Where the people of a project are told.
pub(crate) fn path(project_id: ProjectId) -> String {
    format!("/projects/{project_id}/alerting")
}

/// The projects of a mode, or the one of them that is asked for, in which telling waits.
pub(crate) async fn list_held(
    pool: &PgPool,
    projects: &[Project],
    only: Option<ProjectId>,
    mode: Mode,
) -> Result<Vec<HeldProject>, StoreError> {
    let holds = alert_rules::list_holds(pool, mode).await?;
    let shown = holds.iter().filter(|(id, _)| only.is_none_or(|only| only == *id));
    let named = shown.filter_map(|(id, hold)| {
        let project = projects.iter().find(|project| project.id == *id)?;
        let held = Held::new(hold);
        Some(HeldProject { name: one_line(&project.name), path: path(*id), held })
    });
    Ok(named.collect())
}
