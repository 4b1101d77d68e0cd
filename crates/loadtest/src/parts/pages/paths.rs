//! Which pages are opened, and what there is to open.

use std::collections::BTreeMap;

use anyhow::Context as _;
use domain::audit::Actor;
use domain::bulk::BulkAction;
use domain::ids::{BulkId, BulkSetId, CauseId, EventId, IncidentId, OperatorId, ProjectId};
use domain::saved_filter::FilteredList;
use store::PgPool;
use store::bulk::{NewBulk, NewSet, Selection, create_preview, create_set};
use store::pool::transaction;
use store::saved_filters::{NewFilter, save};

/// The pages, as they are opened; what stands in braces is found or made before. `{key}` is the
/// provider's id of an event, `{cause}` the cause with the most incidents.
pub const PAGES: &[&str] = &[
    "/incidents",
    "/incidents?mode=test",
    "/incidents?project={project}",
    "/incidents?cause={cause}",
    "/incidents?state=acknowledged",
    "/incidents?reason=missing_result",
    "/incidents?owner=none&age=over-24h",
    "/incidents?owner=me",
    "/incidents?event_type=invoice.paid&effect_type=credit_grant&sort=oldest",
    "/incidents?after={incident}",
    "/incidents?state=all",
    "/incidents?state=resolved&sort=oldest",
    "/incidents?q={key}&state=all",
    "/incidents?q=user_4",
    "/incidents?q=obtain",
    "/incidents?q=write_failed&state=all",
    "/causes",
    "/causes?project={project}",
    "/incidents/{incident}",
    "/incidents/{resolved}",
    "/bulk/{bulk}",
    "/bulk-sets/{set}",
    "/events",
    "/events?state=failed",
    "/events?state=missing&project={project}",
    "/events?q={key}",
    "/events?q=workspace_1",
    "/events/{event}",
    "/projects",
    "/projects/{project}",
    "/projects/{project}/destinations",
    "/projects/{project}/policies",
    "/filters",
    "/go?q=user_4",
    "/audit",
    "/audit?action=incident.opened",
    "/audit?subject={event}",
    "/overview",
    "/overview?days=365&project={project}",
    "/retention",
];

/// A project with what waits in it, an incident of each kind, and the cause with the most incidents.
const FIND: &str = "
    SELECT i.project_id, i.id, i.event_id, i.provider_event_id,
        (SELECT id FROM incidents WHERE state = 'resolved' AND project_id = i.project_id ORDER BY id DESC LIMIT 1),
        (SELECT cause FROM incidents WHERE state <> 'resolved' AND cause IS NOT NULL AND project_id = i.project_id
            GROUP BY cause ORDER BY count(*) DESC, cause LIMIT 1)
    FROM incidents i WHERE i.state = 'open' AND i.project_id = (
        SELECT project_id FROM incidents WHERE state <> 'resolved' GROUP BY project_id ORDER BY count(*) DESC LIMIT 1)
    ORDER BY i.id DESC OFFSET 20 LIMIT 1";
const LIVE: &str = "SELECT DISTINCT project_id FROM incidents JOIN projects p ON p.id = project_id WHERE p.mode = 'live'";

/// What stands for the names in braces.
pub struct PathValues(Vec<(&'static str, String)>);

type SampleIds = (ProjectId, IncidentId, EventId, String, IncidentId, CauseId);

impl PathValues {
    /// Looks around, freezes a bulk and a set, and saves a filter.
    pub async fn prepare(pool: &PgPool, operator: OperatorId, email: &str) -> anyhow::Result<Self> {
        let found: Option<SampleIds> = sqlx::query_as(FIND).fetch_optional(pool).await?;
        let found = found.context("too few incidents: a larger --size has more")?;
        let (project_id, incident_id, event_id, key, resolved_id, cause_id) = found;
        let actor = Actor::Operator(email.to_owned());
        let bulk_id = freeze_bulk(pool, project_id, &actor).await?;
        let set_id = freeze_set(pool, &actor).await?;
        save_filter(pool, operator, &actor).await?;
        Ok(Self(vec![
            ("{project}", project_id.to_string()),
            ("{incident}", incident_id.to_string()),
            ("{resolved}", resolved_id.to_string()),
            ("{event}", event_id.to_string()),
            ("{cause}", cause_id.to_string()),
            ("{bulk}", bulk_id.to_string()),
            ("{set}", set_id.to_string()),
            ("{key}", key),
        ]))
    }

    /// The address of a page.
    pub fn fill_in(&self, page: &str) -> String {
        self.0.iter().fold(page.to_owned(), |page, (name, value)| page.replace(name, value))
    }
}

/// The preview of everything that waits in a project.
async fn freeze_bulk(
    pool: &PgPool,
    project_id: ProjectId,
    actor: &Actor,
) -> anyhow::Result<BulkId> {
    let new = NewBulk {
        project_id,
        action: BulkAction::Acknowledge,
        selection: Selection::All,
        include_taking: true,
        actor,
    };
    Ok(transaction(pool, async |tx| create_preview(tx, &new).await).await?.id)
}

/// The same of all live projects together.
async fn freeze_set(pool: &PgPool, actor: &Actor) -> anyhow::Result<BulkSetId> {
    let live: Vec<ProjectId> = sqlx::query_scalar(LIVE).fetch_all(pool).await?;
    let selections: BTreeMap<_, _> = live.into_iter().map(|id| (id, Selection::All)).collect();
    let action = BulkAction::Resolve;
    let new = NewSet { action, selections, include_taking: true, actor };
    Ok(transaction(pool, async |tx| create_set(tx, &new).await).await?.0)
}

/// One that a list shows above it.
async fn save_filter(pool: &PgPool, owner: OperatorId, actor: &Actor) -> anyhow::Result<()> {
    let filter = BTreeMap::from([("state".to_owned(), "acknowledged".to_owned())]);
    let new = NewFilter {
        owner,
        actor,
        list: FilteredList::Incidents,
        name: "Seen",
        filter: &filter,
        is_shared: true,
    };
    transaction(pool, async |tx| save(tx, new).await).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_in_an_address_is_filled_in() {
        let names = ["project", "incident", "resolved", "event", "cause", "bulk", "set", "key"];
        let names: Vec<_> = names.iter().map(|name| format!("{{{name}}}")).collect();
        for page in PAGES {
            let left = names.iter().fold((*page).to_owned(), |page, name| page.replace(name, "x"));
            assert!(!left.contains('{'), "{page}");
        }
        let values = PathValues(vec![("{project}", "proj_1".to_owned())]);
        assert_eq!(values.fill_in("/projects/{project}/keys"), "/projects/proj_1/keys");
    }
}
