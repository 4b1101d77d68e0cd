//! Go to anything by its name: pages, projects, saved filters, and whatever the search of incidents and of events finds.
//! Projects, causes and bulks are found by their ids, too.
//!
//! It is a page with a search field. Where scripts run, the same page is asked by a palette that opens over every other
//! one (`palette.js`), so both always find the same. What is typed is looked for in every state and mode.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use domain::alert::one_line;
use domain::ids::{BulkId, BulkSetId, CauseId, ProjectId};
use domain::operator::Role;
use serde::Deserialize;
use store::PgPool;
use store::projects::{Project, find_project, list_in_use};
use store::saved_filters::list_for;
use store::search::causes::find_cause;
use store::search::events::{EventSearch, search_events};
use store::search::incidents::{IncidentSearch, StateFilter, search_incidents};
use web::error::ApiError;

use crate::access::{Access, Pages};
use crate::badge::{Badge, due};
use crate::layout::{Layout, Section, mode_word};
use crate::listing::address;
use crate::page::page;
use crate::saved_filters::href;
use crate::session::SignedIn;
use crate::state::ConsoleState;
use crate::{bulk, events, incidents};

/// So many things of one kind are shown by their names.
const MOST: usize = 12;
/// So many incidents and so many events are shown; the link behind them leads to the list with all.
const MOST_FOUND: i64 = 5;
/// The longest text that is looked for, as in the lists.
const MAX_TEXT: usize = 300;

#[must_use]
pub fn add(pages: Pages) -> Pages {
    pages.get("/go", Access::Viewer, go)
}

/// Pages outside of the main navigation, and whether only admins open them.
const FURTHER: [(&str, &str, bool); 6] = [
    ("/causes", "Causes", false),
    ("/filters", "Saved filters", false),
    ("/account", "Account", false),
    ("/api/reference", "API reference", false),
    ("/people", "People", true),
    ("/retention", "Retention", true),
];

#[derive(Template)]
#[template(path = "pages/go.html")]
struct GoPage {
    layout: Layout,
    q: String,
    max_text: usize,
    groups: Vec<Group>,
}

/// Things of one kind: where each is, and what it is called.
struct Group {
    name: &'static str,
    links: Vec<(String, String)>,
}

/// What is typed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct GoQuery {
    q: String,
}

async fn go(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Query(query): Query<GoQuery>,
) -> Result<Response, ApiError> {
    let q: String = query.q.trim().chars().take(MAX_TEXT).collect();
    let mut groups = vec![
        Group { name: "Pages", links: matching(&q, list_pages(signed_in.session.role)) },
        Group { name: "Projects", links: matching(&q, name_projects(&state.pool).await?) },
        Group {
            name: "Saved filters",
            links: matching(&q, name_filters(&state, &signed_in).await?),
        },
    ];
    if !q.is_empty() {
        groups.push(Group { name: "With this id", links: find_by_id(&state.pool, &q).await? });
        groups.push(Group { name: "Incidents", links: find_incidents(&state.pool, &q).await? });
        groups.push(Group { name: "Events", links: find_events(&state.pool, &q).await? });
    }
    groups.retain(|group| !group.links.is_empty());
    let layout = Layout::load(&state, &signed_in, Section::Unmarked, "Go to").await?;
    page(&GoPage { layout, q, max_text: MAX_TEXT, groups })
}

/// Those whose name has the text in it, whatever its case.
fn matching(q: &str, named: Vec<(String, String)>) -> Vec<(String, String)> {
    let wanted = q.to_lowercase();
    let found = named.into_iter().filter(|(_, name)| name.to_lowercase().contains(&wanted));
    found.take(MOST).collect()
}

fn list_pages(role: Role) -> Vec<(String, String)> {
    let main = Section::MAIN.into_iter().map(|(_, path, name)| (path, name));
    let opens = |admins: bool| !admins || role.may_administer();
    let further = FURTHER.into_iter().filter(|(.., admins)| opens(*admins));
    let further = further.map(|(path, name, _)| (path, name));
    main.chain(further).map(|(path, name)| (path.to_owned(), name.to_owned())).collect()
}

async fn name_projects(pool: &PgPool) -> Result<Vec<(String, String)>, ApiError> {
    let projects = list_in_use(pool, None).await?;
    Ok(projects.iter().map(name_project).collect())
}

fn name_project(project: &Project) -> (String, String) {
    let name = format!("{} ({})", one_line(&project.name), mode_word(project.mode));
    (format!("/projects/{}", project.id), name)
}

/// What has this id, of what the searches do not look for by ids.
async fn find_by_id(pool: &PgPool, q: &str) -> Result<Vec<(String, String)>, ApiError> {
    let found = if let Ok(id) = q.parse::<BulkId>() {
        bulk::find_link(pool, id).await?
    } else if let Ok(id) = q.parse::<BulkSetId>() {
        bulk::find_set_link(pool, id).await?
    } else if let Ok(id) = q.parse::<CauseId>() {
        find_cause(pool, id).await?.map(|cause| (incidents::cause_href(id), cause.title()))
    } else if let Ok(id) = q.parse::<ProjectId>() {
        find_project(pool, id).await?.as_ref().map(name_project)
    } else {
        None
    };
    Ok(found.into_iter().collect())
}

async fn name_filters(
    state: &ConsoleState,
    signed_in: &SignedIn,
) -> Result<Vec<(String, String)>, ApiError> {
    let saved = list_for(&state.pool, signed_in.session.operator_id).await?;
    let named = saved.iter().map(|one| {
        (href(one.list, &one.filter), format!("{} ({})", one_line(&one.name), one.list))
    });
    Ok(named.collect())
}

async fn find_incidents(pool: &PgPool, q: &str) -> Result<Vec<(String, String)>, ApiError> {
    let search = IncidentSearch {
        state: StateFilter::All,
        text: Some(q.to_owned()),
        limit: MOST_FOUND,
        ..IncidentSearch::default()
    };
    let found = search_incidents(pool, &search).await?.data.into_iter().map(|row| {
        let state = Badge::from_incident(row.incident.state).text;
        let reference = one_line(&row.internal_reference);
        let name = format!("{} for {reference}: {state}", due(&row.effect_type));
        (format!("{}/{}", incidents::PATH, row.incident.id), name)
    });
    let all = address(incidents::PATH, [("q", q), ("state", "all")]);
    Ok(found.chain([(all, format!("Search incidents for “{}”", one_line(q)))]).collect())
}

async fn find_events(pool: &PgPool, q: &str) -> Result<Vec<(String, String)>, ApiError> {
    let search =
        EventSearch { text: Some(q.to_owned()), limit: MOST_FOUND, ..EventSearch::default() };
    let found = search_events(pool, &search).await?.data.into_iter().map(|row| {
        let (event_type, reference) =
            (one_line(&row.event.event_type), one_line(&row.event.internal_reference));
        let id = one_line(&row.event.provider_event_id);
        (
            format!("{}/{}", events::PATH, row.event.id),
            format!("{event_type} for {reference}, {id}"),
        )
    });
    let all = address(events::PATH, [("q", q)]);
    Ok(found.chain([(all, format!("Search events for “{}”", one_line(q)))]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_found_by_a_part_of_their_name_by_those_who_may_open_them() {
        let names = |q: &str, role: Role| {
            let found = matching(q, list_pages(role)).into_iter();
            found.map(|(_, name)| name).collect::<Vec<_>>()
        };
        assert_eq!(names("EVE", Role::Viewer), ["Events"]);
        assert_eq!(names("people", Role::Operator), [""; 0]);
        assert_eq!(names("people", Role::Admin), ["People"]);
        assert_eq!(names("", Role::Admin).len(), Section::MAIN.len() + FURTHER.len());
        assert_eq!(names("nothing of the kind", Role::Admin), [""; 0]);
    }
}
