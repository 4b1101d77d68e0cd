//! Which incidents a command means, where it means many.

use std::collections::BTreeMap;

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
#[command(group(clap::ArgGroup::new("many").multiple(true).args(["cause", "project", "search"])))]
pub struct SelectionArgs {
    /// All incidents of a cause, as `cause list` names it.
    #[arg(long, value_name = "CAUSE", conflicts_with_all = ["id", "project"])]
    pub cause: Option<String>,
    /// All incidents of a project that are not resolved.
    #[arg(long, value_name = "PROJECT", conflicts_with = "id")]
    pub project: Option<String>,
    /// What `incident list --search` finds and is not resolved, of this project or of all.
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["id", "cause"])]
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
        self.cause.is_some() || self.project.is_some() || self.search.is_some() || ids.len() > 1
    }

    /// The incidents, by the projects that they are of.
    pub(super) async fn select(
        &self,
        admin: &AdminContext,
        ids: &[String],
    ) -> anyhow::Result<BTreeMap<ProjectId, Selection>> {
        if let Some(id) = &self.cause {
            let id: CauseId = parse_id("cause", id)?;
            let cause = find_cause(&admin.pool, id).await?.ok_or_else(|| no_such("cause", id))?;
            return Ok(BTreeMap::from([(cause.project_id, Selection::Cause(id))]));
        }
        self.search.as_deref().map_or(Ok(()), check_search)?;
        let project_id = admin.project_id(self.project.as_deref()).await?;
        match (project_id, &self.search) {
            (None, None) => select_named(admin, ids).await,
            (Some(project_id), None) => Ok(BTreeMap::from([(project_id, Selection::All)])),
            (project_id, Some(text)) => {
                let text = Some(text.clone());
                let search = IncidentSearch { project_id, text, ..IncidentSearch::default() };
                Ok(named(list_matching(&admin.pool, &search, MOST).await?))
            }
        }
    }
}

/// A blank text, as of a script's variable that is not set, would find all incidents of all projects.
fn check_search(text: &str) -> Result<(), Failure> {
    match text.trim() {
        "" => Err(Failure::option(
            "search",
            "must say what to look for: all incidents of a project are --project alone",
        )),
        _ => Ok(()),
    }
}

/// Incidents by their ids.
async fn select_named(
    admin: &AdminContext,
    ids: &[String],
) -> anyhow::Result<BTreeMap<ProjectId, Selection>> {
    let ids: Vec<IncidentId> =
        ids.iter().map(|id| parse_id("incident", id)).collect::<Result<_, _>>()?;
    let grouped = group_by_project(&admin.pool, &ids).await?;
    let known: Vec<_> = grouped.values().flatten().collect();
    match ids.iter().find(|id| !known.contains(id)) {
        Some(unknown) => Err(no_such("incident", unknown).into()),
        None => Ok(named(grouped)),
    }
}

fn named(grouped: BTreeMap<ProjectId, Vec<IncidentId>>) -> BTreeMap<ProjectId, Selection> {
    grouped.into_iter().map(|(id, incidents)| (id, Selection::Incidents(incidents))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_for_nothing_does_not_find_everything() {
        for blank in ["", "  ", "\n"] {
            let error = check_search(blank).expect_err("a blank search");
            assert_eq!(error.code(), "validation_error", "{blank:?}");
        }
        assert!(check_search("northwind").is_ok());
    }
}
