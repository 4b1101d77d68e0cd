//! Every event that was taken, whatever became of it.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use domain::alert::one_line;
use domain::catalogue::Catalogue;
use domain::event::Effect;
use domain::ids::{EventId, IncidentId};
use store::search::Sort;
use store::search::events::{EventRow, EventSearch, search_events};
use store::{declared_names, projects};
use time::OffsetDateTime;
use web::error::ApiError;

use super::access::{Access, Pages};
use super::frame::{Frame, Section, mode_word};
use super::listing::{Asked, Filters, Pager, Select};
use super::page::page;
use super::session::SignedIn;
use super::when::When;
use super::words::{Pill, due};
use crate::state::ConsoleState;

const PATH: &str = "/events";

/// The list.
#[must_use]
pub fn add(pages: Pages) -> Pages {
    pages.get(PATH, Access::Viewer, list)
}

#[derive(Template)]
#[template(path = "pages/events.html")]
struct EventsPage {
    frame: Frame,
    filters: Filters,
    rows: Vec<Row>,
    pager: Pager,
    oldest_first: bool,
    no_project: bool,
    plain: bool,
}

/// One line of the list.
struct Row {
    id: EventId,
    due: String,
    reference: String,
    event_type: String,
    project: String,
    mode: &'static str,
    provider_event_id: String,
    effect: Pill,
    incident: Option<(IncidentId, Pill)>,
    taken: When,
}

async fn list(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Query(asked): Query<Asked>,
) -> Result<Response, ApiError> {
    let now = OffsetDateTime::now_utc();
    let catalogue = Catalogue::of_all(declared_names::list_all(&state.pool).await?);
    let found = search_events(&state.pool, &search(&asked, &catalogue, now)).await?;
    let projects = projects::list_projects(&state.pool).await?;
    page(&EventsPage {
        frame: Frame::of(&state, &signed_in, Section::Events, "Events").await?,
        filters: Filters::new(PATH, &asked, own_filters(&asked), (&projects, &catalogue)),
        pager: Pager::of(PATH, &asked, &found),
        rows: found.data.into_iter().map(|row| Row::new(row, now)).collect(),
        oldest_first: asked.sort() == Sort::Oldest,
        no_project: projects.is_empty(),
        plain: asked.is_plain(),
    })
}

impl Row {
    fn new(row: EventRow, now: OffsetDateTime) -> Self {
        let EventRow { event, project_name, mode, incident } = row;
        Self {
            id: event.id,
            due: due(&event.effect_type),
            reference: one_line(&event.internal_reference),
            event_type: one_line(&event.event_type),
            project: one_line(&project_name),
            mode: mode_word(mode),
            provider_event_id: one_line(&event.provider_event_id),
            effect: Pill::of_effect(event.effect),
            incident: incident.map(|(id, state)| (id, Pill::of_incident(state))),
            taken: When::ago(event.received_at, now),
        }
    }
}

fn search(asked: &Asked, catalogue: &Catalogue, now: OffsetDateTime) -> EventSearch {
    let (received_after, received_before) = asked.times(now);
    EventSearch {
        project_id: asked.project_id(),
        mode: asked.mode(),
        effect: asked.state.parse::<Effect>().ok(),
        event_type: asked.event_type(catalogue),
        effect_type: asked.effect_type(catalogue),
        received_after,
        received_before,
        text: asked.text(),
        sort: asked.sort(),
        cursor: asked.cursor(),
        limit: 0,
    }
}

fn own_filters(asked: &Asked) -> Vec<Select> {
    vec![Select::new(
        ("state", "State"),
        &asked.state,
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
