//! The home: which customers wait, and for what.
//!
//! What is broken now comes first; everything else is a filter away. Every page of the list costs
//! the same, wherever it lies. The summary and the list refresh themselves; the form above them is
//! never replaced while it is in use.

mod all_causes;
mod causes;
mod empty;
mod hours;
mod rows;
mod summary;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use domain::catalogue::Catalogue;
use domain::ids::{CauseId, OperatorId};
use domain::incident::MAX_NOTE;
use futures::{TryFutureExt as _, try_join};
use store::search::filter::narrow;
use store::search::incidents::{IncidentSearch, search_incidents};
use store::{declared_names, projects};
use time::OffsetDateTime;
use web::error::ApiError;

pub(crate) use self::causes::href as cause_href;
use self::causes::{CauseItem, Causes};
use self::empty::Empty;
use self::hours::HourPlots;
use self::rows::IncidentItem;
use self::summary::IncidentSummary;
use super::access::{Access, Pages};
use super::held::{HeldProject, list_held};
use super::layout::{Layout, Section};
use super::listing::{Filters, ListQuery, Pager, Select};
use super::page::page;
use super::session::SignedIn;
use crate::comments::CommentItem;
use crate::saved_filters::SavedLinks;
use crate::state::ConsoleState;
use crate::view::View;

pub(crate) const PATH: &str = "/incidents";

#[must_use]
pub fn add(pages: Pages) -> Pages {
    all_causes::add(pages.get(PATH, Access::Viewer, list))
}

#[derive(Template)]
#[template(path = "pages/incidents.html")]
struct IncidentsPage {
    layout: Layout,
    summary: IncidentSummary,
    /// Where telling waits now.
    held: Vec<HeldProject>,
    hours: HourPlots,
    /// The cause that the list is narrowed to, for one who may reprocess all of it.
    reprocess_all: Option<CauseId>,
    /// Of the cause that the list is narrowed to, where comments on it go, and what was said.
    said: Option<(String, Vec<CommentItem>)>,
    max_note: usize,
    /// What many incidents have in common; empty where the list is narrowed.
    causes: Vec<CauseItem>,
    /// How many causes there are and where, if more than these.
    all_causes: Option<(i64, String)>,
    filters: Filters,
    saved: SavedLinks,
    /// What the list is narrowed by, as its address says it.
    filter: String,
    rows: Vec<IncidentItem>,
    pager: Pager,
    oldest_first: bool,
    empty: Empty,
}

async fn list(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Query(query): Query<ListQuery>,
) -> Result<Response, ApiError> {
    let now = OffsetDateTime::now_utc();
    let catalogue = Catalogue::of_all(declared_names::list_all(&state.pool).await?);
    let projects = projects::list_in_use(&state.pool, query.project_id()).await?;
    let view = View::load(&state.pool, &signed_in).await?;
    let mode = view.of(query.mode(), query.project_id(), &projects);
    let wanted = search(&query, &catalogue, now, Some(signed_in.session.operator_id));
    // Who looks for something by name finds it wherever it is.
    let is_everywhere = query.cause_id().is_some() || query.text().is_some();
    let of_mode = query.mode().or_else(|| (!is_everywhere).then_some(mode));
    let wanted = IncidentSearch { mode: of_mode, ..wanted };
    // None needs another, and each takes a while where much is not resolved.
    let (found, summary, causes) = try_join!(
        search_incidents(&state.pool, &wanted).map_err(ApiError::from),
        IncidentSummary::of(&state, query.project_id(), mode, now).map_err(ApiError::from),
        Causes::load(&state.pool, &query, of_mode),
    )?;
    let hours = HourPlots::load(&state, &query, &summary.hours).await?;
    let is_wide = query.says_only(&["project", "sort"]);
    let empty = Empty::load(&state, &query, &projects, mode, found.data.is_empty()).await?;
    let filters = Filters::new(PATH, &query, own_filters(&query, &causes), &projects, &catalogue);
    let saved = SavedLinks::load(&state, &signed_in, &query, &filters).await?;
    let layout = Layout::load(&state, &signed_in, Section::Incidents, "Incidents").await?;
    page(&IncidentsPage {
        reprocess_all: query.cause_id().filter(|id| layout.may_act() && causes.waits(*id)),
        all_causes: causes.all(&query, summary.causes).filter(|_| is_wide),
        layout,
        said: comments_of_cause(&state, query.cause_id(), now).await?,
        max_note: MAX_NOTE,
        summary,
        held: list_held(&state.pool, &projects, query.project_id(), mode).await?,
        hours,
        causes: if is_wide { causes.shared(&state.pool, now).await? } else { Vec::new() },
        filters,
        saved,
        filter: query.with_mode(of_mode).as_filter(),
        pager: Pager::new(PATH, &query, &found),
        rows: found.data.into_iter().map(|row| IncidentItem::new(row, now)).collect(),
        oldest_first: query.sort() == store::search::Sort::Oldest,
        empty,
    })
}

/// Where comments on the cause are sent, and those that are there.
async fn comments_of_cause(
    state: &ConsoleState,
    cause: Option<CauseId>,
    now: OffsetDateTime,
) -> Result<Option<(String, Vec<CommentItem>)>, ApiError> {
    let Some(id) = cause else { return Ok(None) };
    let comments = CommentItem::list_of_cause(&state.pool, id, now).await?;
    Ok(Some((format!("/causes/{id}"), comments)))
}

/// What a list's address asks for; what is mine is known only of somebody.
#[must_use]
pub fn search(
    query: &ListQuery,
    catalogue: &Catalogue,
    now: OffsetDateTime,
    me: Option<OperatorId>,
) -> IncidentSearch {
    IncidentSearch { cursor: query.cursor(), ..narrow(&query.values(), catalogue, now, me) }
}

fn own_filters(query: &ListQuery, causes: &Causes) -> Vec<Select> {
    vec![
        Select::new(
            "state",
            "State",
            &query.state,
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
            "reason",
            "Reason",
            &query.reason,
            [("", "Any reason"), ("missing_result", "No result"), ("failed_result", "Failure")],
        ),
        causes.select(query),
        Select::new(
            "owner",
            "Owner",
            &query.owner,
            [("", "Anyone's"), ("me", "Mine"), ("none", "Nobody's")],
        ),
    ]
}
