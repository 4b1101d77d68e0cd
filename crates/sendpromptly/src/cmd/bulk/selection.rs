//! Which incidents a command means, where it means many.

use domain::ids::{CauseId, IncidentId, ProjectId};
use store::bulk::Selection;
use store::search::causes::find_cause;
use store::search::incidents::{IncidentSearch, group_by_project, list_matching};

use crate::admin_context::AdminContext;
use crate::failure::{Failure, no_such, parse_id};

/// How many a search finds at most: one more than one bulk takes, to know whether there are more.
const MOST: usize = 10_001;

/// Which incidents, where it is not one.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("many").multiple(true).args(["cause", "project"])))]
pub struct SelectionArgs {
    /// All incidents of a cause, as `cause list` names it.
    #[arg(long, value_name = "CAUSE", conflicts_with_all = ["id", "project"])]
    pub cause: Option<String>,
    /// All incidents of a project that are not resolved.
    #[arg(long, value_name = "PROJECT", conflicts_with = "id")]
    pub project: Option<String>,
    /// Of these only what `incident list --search` finds.
    #[arg(long, value_name = "TEXT", requires = "project")]
    pub search: Option<String>,
    /// Do it. Otherwise only what would be done to many is shown.
    #[arg(long)]
    pub yes: bool,
    /// Do not follow it.
    #[arg(long)]
    pub no_wait: bool,
}

impl SelectionArgs {
    /// Whether many are meant, and not one.
    #[must_use]
    pub const fn is_many(&self, ids: &[String]) -> bool {
        self.cause.is_some() || self.project.is_some() || ids.len() > 1
    }

    /// The incidents, and the project that they are of.
    pub(super) async fn select(
        &self,
        admin: &AdminContext,
        ids: &[String],
    ) -> anyhow::Result<(ProjectId, Selection)> {
        if let Some(id) = &self.cause {
            let id: CauseId = parse_id("cause", id)?;
            let cause = find_cause(&admin.pool, id).await?.ok_or_else(|| no_such("cause", id))?;
            return Ok((cause.project_id, Selection::Cause(id)));
        }
        let Some(project) = &self.project else { return select_named(admin, ids).await };
        let project_id = admin.project(project).await?.id;
        if self.search.is_none() {
            return Ok((project_id, Selection::All));
        }
        let (project_id, text) = (Some(project_id), self.search.clone());
        let search = IncidentSearch { project_id, text, ..IncidentSearch::default() };
        let found = list_matching(&admin.pool, &search, MOST).await?;
        let found = found.into_iter().next().map(|(id, found)| (id, Selection::Incidents(found)));
        Ok(found.ok_or_else(|| Failure::NotFound("no incident matches".to_owned()))?)
    }
}

/// Incidents by their ids, which must be of one project.
async fn select_named(
    admin: &AdminContext,
    ids: &[String],
) -> anyhow::Result<(ProjectId, Selection)> {
    let ids: Vec<IncidentId> =
        ids.iter().map(|id| parse_id("incident", id)).collect::<Result<_, _>>()?;
    let mut grouped = group_by_project(&admin.pool, &ids).await?;
    let known: Vec<_> = grouped.values().flatten().collect();
    if let Some(unknown) = ids.iter().find(|id| !known.contains(id)) {
        return Err(no_such("incident", unknown).into());
    }
    let of = grouped.len();
    match grouped.pop_first() {
        Some((project_id, ids)) if of == 1 => Ok((project_id, Selection::Incidents(ids))),
        Some(_) | None => {
            let why = format!("these incidents are of {of} projects: name those of one at a time");
            Err(Failure::Validation(why).into())
        }
    }
}
