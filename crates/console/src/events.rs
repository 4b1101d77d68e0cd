//! Every event that was taken, whatever became of it.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use domain::alert::one_line;
use domain::catalogue::Catalogue;
use domain::event::Effect;
use domain::ids::{EventId, IncidentId};
use store::saved_filters::list_for;
use store::search::Sort;
use store::search::events::{EventRow, EventSearch, search_events};
use store::{declared_names, projects};
use time::OffsetDateTime;
use web::error::ApiError;

use super::access::{Access, Pages};
use super::badge::{Badge, due};
use super::incidents;
use super::layout::{Layout, Section, mode_word};
use super::listing::{Filters, ListQuery, Pager, Select, address};
use super::page::page;
use super::session::SignedIn;
use super::when::When;
use crate::saved_filters::SavedLinks;
use crate::state::ConsoleState;
use crate::view::View;

pub(crate) const PATH: &str = "/events";

#[must_use]
pub fn add(pages: Pages) -> Pages {
    pages.get(PATH, Access::Viewer, list)
}

#[derive(Template)]
#[template(path = "pages/events.html")]
struct EventsPage {
    layout: Layout,
    filters: Filters,
    saved: SavedLinks,
    rows: Vec<EventItem>,
    pager: Pager,
    oldest_first: bool,
    no_project: bool,
    plain: bool,
    /// The same text searched for among incidents, which are found by words inside, too.
    in_incidents: Option<String>,
}

/// One line of the list.
struct EventItem {
    id: EventId,
    due: String,
    reference: String,
    amount: Option<String>,
    event_type: String,
    project: String,
    mode: &'static str,
    provider_event_id: String,
    effect: Badge,
    incident: Option<(IncidentId, Badge)>,
    taken: When,
}

async fn list(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Query(query): Query<ListQuery>,
) -> Result<Response, ApiError> {
    let now = OffsetDateTime::now_utc();
    let catalogue = Catalogue::from_all(declared_names::list_all(&state.pool).await?);
    let projects = projects::list_in_use(&state.pool, query.project_id()).await?;
    let view = View::load(&state.pool, &signed_in).await?;
    // Who looks for something by name finds it wherever it is.
    let usual =
        || query.text().is_none().then(|| view.mode_for(None, query.project_id(), &projects));
    let wanted =
        EventSearch { mode: query.mode().or_else(usual), ..search(&query, &catalogue, now) };
    let found = search_events(&state.pool, &wanted).await?;
    let filters = Filters::new(PATH, &query, own_filters(&query), &projects, &catalogue);
    let own = list_for(&state.pool, signed_in.session.operator_id).await?;
    let saved = SavedLinks::new(own, &query, &filters);
    page(&EventsPage {
        layout: Layout::load_in(&state, &signed_in, view, Section::Events, "Events").await?,
        filters,
        saved,
        pager: Pager::new(PATH, &query, &found),
        rows: found.data.into_iter().map(|row| EventItem::new(row, now)).collect(),
        oldest_first: query.sort() == Sort::Oldest,
        no_project: projects.is_empty(),
        in_incidents: query.text().map(|text| in_incidents(&text)),
        plain: query.is_plain(),
    })
}

impl EventItem {
    fn new(row: EventRow, now: OffsetDateTime) -> Self {
        let EventRow { event, project_name, mode, incident } = row;
        Self {
            id: event.id,
            due: due(&event.effect_type),
            reference: one_line(&event.internal_reference),
            amount: event.amount.map(|amount| amount.to_string()),
            event_type: one_line(&event.event_type),
            project: one_line(&project_name),
            mode: mode_word(mode),
            provider_event_id: one_line(&event.provider_event_id),
            effect: Badge::from_effect(event.effect),
            incident: incident.map(|it| (it.id, Badge::from_incident(it.state))),
            taken: When::ago(event.received_at, now),
        }
    }
}

fn in_incidents(text: &str) -> String {
    address(incidents::PATH, [("q", text), ("state", "all")])
}

fn search(query: &ListQuery, catalogue: &Catalogue, now: OffsetDateTime) -> EventSearch {
    let (received_after, received_before) = query.times(now);
    EventSearch {
        project_id: query.project_id(),
        mode: query.mode(),
        effect: query.state.parse::<Effect>().ok(),
        event_type: query.event_type(catalogue),
        effect_type: query.effect_type(catalogue),
        received_after,
        received_before,
        text: query.text(),
        sort: query.sort(),
        cursor: query.cursor(),
        limit: 0,
    }
}

fn own_filters(query: &ListQuery) -> Vec<Select> {
    vec![Select::new(
        "state",
        "State",
        &query.state,
        [
            ("", "All"),
            ("pending", "Waiting"),
            ("succeeded", "Applied"),
            ("failed", "Failed"),
            ("missing", "Missing"),
            ("superseded", "Superseded"),
        ],
    )]
}
