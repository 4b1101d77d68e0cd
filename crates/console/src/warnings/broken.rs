//! Destinations that nothing arrives at any more.
//!
//! There is one sentence for each kind of trouble, with the names of all that have it, so that a
//! mail server that lost every mailbox does not fill the page with the same sentence.

use std::collections::BTreeMap;

use domain::alert::one_line;
use domain::ids::ProjectId;
use domain::project::Mode;
use store::destinations::{Destination, list_destinations};
use store::projects::Project;
use web::error::ApiError;

use crate::state::ConsoleState;
use crate::view::list_projects_of;

/// One sentence, with a link for each name in it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Broken {
    /// The text before the names.
    pub(crate) before: &'static str,
    /// Who it is about, and the page that lists it.
    pub(crate) names: Vec<(String, String)>,
    /// The text behind the names.
    pub(crate) after: &'static str,
}

/// What is to be said about the destinations of a project, or of all of a mode.
pub(super) async fn list_broken(
    state: &ConsoleState,
    project_id: Option<ProjectId>,
    mode: Mode,
) -> Result<Vec<Broken>, ApiError> {
    let mut destinations = list_destinations(&state.pool, project_id).await?;
    if destinations.iter().all(|one| one.broken_at.is_none()) {
        return Ok(Vec::new());
    }
    let projects = list_projects_of(&state.pool, mode).await?;
    destinations.retain(|one| projects.iter().any(|project| project.id == one.project_id));
    Ok(warn(&projects, &destinations, project_id.is_none()))
}

/// The sentences; `of_all` where destinations are distinguished by their projects.
fn warn(projects: &[Project], destinations: &[Destination], of_all: bool) -> Vec<Broken> {
    let mut by_project: BTreeMap<ProjectId, Vec<&Destination>> = BTreeMap::new();
    for one in destinations {
        by_project.entry(one.project_id).or_default().push(one);
    }
    let (mut silent, mut missed) = (Vec::new(), Vec::new());
    for (id, all) in by_project {
        let path = format!("/projects/{id}/destinations");
        let name = projects.iter().find(|project| project.id == id).map(|it| one_line(&it.name));
        let name = name.unwrap_or_else(|| id.to_string());
        let broken: Vec<_> = all.iter().filter(|one| one.broken_at.is_some()).collect();
        if broken.len() == all.len() {
            silent.push((path, name));
            continue;
        }
        missed.extend(broken.into_iter().map(|one| {
            let label = one_line(&one.label);
            let shown = if of_all { format!("{label} ({name})") } else { label };
            (path.clone(), shown)
        }));
    }
    let silent = Broken { before: "No alert of", names: silent, after: " reaches anyone" };
    let missed = Broken { before: "Alerts no longer reach", names: missed, after: "" };
    [silent, missed].into_iter().filter(|one| !one.names.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use domain::ids::DestinationId;
    use time::OffsetDateTime;
    use uuid::Uuid;

    use super::*;

    fn project(number: u128, name: &str) -> Project {
        Project {
            id: ProjectId::from_uuid(Uuid::from_u128(number)),
            name: name.to_owned(),
            ..samples::project()
        }
    }

    fn destination(project: &Project, address: &str, broken: bool) -> Destination {
        Destination {
            queue: None,
            id: DestinationId::from_uuid(Uuid::nil()),
            project_id: project.id,
            kind: "email".to_owned(),
            address: address.to_owned(),
            label: address.to_owned(),
            created_at: OffsetDateTime::UNIX_EPOCH,
            broken_at: broken.then_some(OffsetDateTime::UNIX_EPOCH),
            retry_at: None,
            failing_since: None,
            failures: 0,
            every_incident: false,
            last_failure: None,
        }
    }

    fn sentences(broken: &[Broken]) -> Vec<String> {
        let sentence = |one: &Broken| {
            let names: Vec<_> = one.names.iter().map(|(_, name)| name.as_str()).collect();
            format!("{} {}{}", one.before, names.join(", "), one.after)
        };
        broken.iter().map(sentence).collect()
    }

    #[test]
    fn each_kind_of_trouble_is_said_once_with_all_its_names() {
        let shops = ["Comet", "Cart", "Shop", "Store"];
        let shops: Vec<_> = (1..).zip(shops).map(|(id, name)| project(id, name)).collect();
        let destinations = [
            destination(&shops[0], "alice@x.test", true),
            destination(&shops[1], "bob@x.test", true),
            destination(&shops[2], "hooks.slack.com", true),
            destination(&shops[2], "dave@x.test", false),
            destination(&shops[3], "hooks.slack.com", true),
            destination(&shops[3], "erin@x.test", true),
            destination(&shops[3], "frank@x.test", false),
        ];
        assert_eq!(
            sentences(&warn(&shops, &destinations, true)),
            [
                "No alert of Comet, Cart reaches anyone",
                "Alerts no longer reach hooks.slack.com (Shop), hooks.slack.com (Store), erin@x.test (Store)",
            ]
        );
        let one = warn(&shops, &destinations[4..], false);
        assert_eq!(sentences(&one), ["Alerts no longer reach hooks.slack.com, erin@x.test"]);
        assert_eq!(one[0].names[0].0, format!("/projects/{}/destinations", shops[3].id));
        assert_eq!(warn(&shops, &destinations[3..4], true), []);
    }
}
