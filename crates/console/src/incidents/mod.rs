//! The home: which customers wait, and for what.
//!
//! What is broken now comes first; everything else is a filter away. Every page of the list costs the
//! same, wherever it lies. The sums and the list refresh themselves; the form above them is never
//! replaced while somebody uses it.

mod rows;
mod sums;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use domain::catalogue::Catalogue;
use domain::incident::{IncidentState, Reason};
use store::search::incidents::{IncidentSearch, StateFilter, search_incidents};
use store::{declared_names, projects};
use time::OffsetDateTime;
use web::error::ApiError;

use self::rows::Row;
use self::sums::Sums;
use super::access::{Access, Pages};
use super::frame::{Frame, Section};
use super::listing::{Asked, Filters, Pager, Select};
use super::page::page;
use super::session::SignedIn;
use crate::state::ConsoleState;

const PATH: &str = "/incidents";

/// The list.
#[must_use]
pub fn add(pages: Pages) -> Pages {
    pages.get(PATH, Access::Viewer, list)
}

#[derive(Template)]
#[template(path = "pages/incidents.html")]
struct IncidentsPage {
    frame: Frame,
    sums: Sums,
    filters: Filters,
    rows: Vec<Row>,
    pager: Pager,
    oldest_first: bool,
    empty: Empty,
}

/// Why a list is empty, which is what its reader needs to know.
struct Empty {
    /// There is no project yet.
    no_project: bool,
    /// Nothing was asked for: all is well.
    plain: bool,
    /// The same search in all states, if it looked at fewer.
    everywhere: Option<String>,
}

async fn list(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Query(asked): Query<Asked>,
) -> Result<Response, ApiError> {
    let now = OffsetDateTime::now_utc();
    let catalogue = Catalogue::of_all(declared_names::list_all(&state.pool).await?);
    let found = search_incidents(&state.pool, &search(&asked, &catalogue, now)).await?;
    let projects = projects::list_projects(&state.pool).await?;
    let sums = Sums::of(&state, asked.project_id(), now).await?;
    page(&IncidentsPage {
        frame: Frame::of(&state, &signed_in, Section::Incidents, "Incidents").await?,
        sums,
        filters: Filters::new(PATH, &asked, own_filters(&asked), (&projects, &catalogue)),
        pager: Pager::of(PATH, &asked, &found),
        rows: found.data.into_iter().map(|row| Row::new(row, now)).collect(),
        oldest_first: asked.sort() == store::search::Sort::Oldest,
        empty: Empty {
            no_project: projects.is_empty(),
            plain: asked.is_plain(),
            everywhere: (asked.state != "all").then(|| asked.in_state(PATH, "all")),
        },
    })
}

fn search(asked: &Asked, catalogue: &Catalogue, now: OffsetDateTime) -> IncidentSearch {
    let (opened_after, opened_before) = asked.times(now);
    IncidentSearch {
        project_id: asked.project_id(),
        mode: asked.mode(),
        state: match asked.state.as_str() {
            "all" => StateFilter::All,
            state => state.parse::<IncidentState>().map_or(StateFilter::NeedsYou, StateFilter::One),
        },
        reason: asked.reason.parse::<Reason>().ok(),
        event_type: asked.event_type(catalogue),
        effect_type: asked.effect_type(catalogue),
        opened_after,
        opened_before,
        text: asked.text(),
        sort: asked.sort(),
        cursor: asked.cursor(),
        limit: 0,
    }
}

fn own_filters(asked: &Asked) -> Vec<Select> {
    vec![
        Select::new(
            ("state", "State"),
            &asked.state,
            [
                ("", "Needs you"),
                ("open", "Open"),
                ("acknowledged", "Acknowledged"),
                ("reprocessing", "Reprocessing"),
                ("resolved", "Resolved"),
                ("all", "All"),
            ],
        ),
        Select::new(
            ("reason", "Reason"),
            &asked.reason,
            [("", "Any reason"), ("missing_result", "No result"), ("failed_result", "Failure")],
        ),
    ]
}
