//! The home: which customers wait, and for what.
//!
//! What is broken now comes first; everything else is a filter away. Every page of the list costs
//! the same, wherever it lies. The summary and the list refresh themselves; the form above them is
//! never replaced while it is in use.

mod all_causes;
mod causes;
mod empty;
mod hours;
mod ongoing;
mod picked;
mod rows;
mod summary;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use domain::catalogue::Catalogue;
use domain::ids::{CauseId, OperatorId};
use domain::incident::MAX_NOTE;
use domain::project::Mode;
use futures::{TryFutureExt as _, try_join};
use store::projects::Project;
use store::saved_filters::{SavedFilter, list_for};
use store::search::filter::narrow;
use store::search::incidents::{IncidentSearch, search_incidents};
use store::{StoreError, declared_names, projects};
use time::OffsetDateTime;
use web::error::ApiError;

pub(crate) use self::causes::href as cause_href;
use self::causes::{CauseItem, Causes, find_project_of};
use self::empty::Empty;
use self::hours::HourPlots;
use self::ongoing::Ongoing;
use self::picked::PickedBefore;
use self::rows::IncidentItem;
use self::summary::IncidentSummary;
use super::access::{Access, Pages};
use super::form::Field;
use super::layout::{Layout, Section};
use super::listing::{Filters, ListQuery, Pager, Select};
use super::page::page_with;
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
    ongoing: Ongoing,
    hours: HourPlots,
    /// The cause that the list is narrowed to, for one who may reprocess all of it.
    reprocess_all: Option<CauseId>,
    /// Of the cause that the list is narrowed to, where comments on it go, and what was said.
    said: Option<(String, Vec<CommentItem>)>,
    max_note: usize,
    /// A comment on the cause that was rejected.
    typed_comment: Field,
    /// What many incidents have in common; empty where the list is narrowed.
    causes: Vec<CauseItem>,
    /// How many causes there are and where, if more than these.
    all_causes: Option<(i64, String)>,
    filters: Filters,
    saved: SavedLinks,
    /// What the list is narrowed by, as its address says it.
    filter: String,
    picked: PickedBefore,
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
    show(&state, &signed_in, &query, Field::default()).await
}

/// The list of a cause's incidents again, with a comment on it that was rejected.
pub(crate) async fn show_cause(
    state: &ConsoleState,
    signed_in: &SignedIn,
    id: CauseId,
    comment: Field,
) -> Result<Response, ApiError> {
    let query = ListQuery::from_filter(&format!("cause={id}")).unwrap_or_default();
    show(state, signed_in, &query, comment).await
}

async fn show(
    state: &ConsoleState,
    signed_in: &SignedIn,
    query: &ListQuery,
    typed_comment: Field,
) -> Result<Response, ApiError> {
    let (now, me) = (OffsetDateTime::now_utc(), signed_in.session.operator_id);
    let ListContext { catalogue, projects, view, mode, own } =
        ListContext::load(state, signed_in, query).await?;
    let of_mode = listed_mode(query, mode);
    let wanted = IncidentSearch { mode: of_mode, ..search(query, &catalogue, now, Some(me)) };
    // None needs another, and the first three take a while where much is not resolved.
    let (found, summary, causes, ongoing, said) = try_join!(
        search_incidents(&state.pool, &wanted).map_err(ApiError::from),
        IncidentSummary::load(state, query.project_id(), mode, now).map_err(ApiError::from),
        Causes::load(&state.pool, query, of_mode, now),
        Ongoing::load(&state.pool, &projects, query.project_id(), mode).map_err(ApiError::from),
        comments_of_cause(state, query.cause_id(), now),
    )?;
    let causes = causes.with_found(&state.pool, query, &found.data).await?;
    let empty = Empty::load(state, query, &projects, mode, found.data.is_empty()).await?;
    let filters = Filters::new(PATH, query, own_filters(query, &causes), &projects, &catalogue);
    let layout = Layout::load_in(state, signed_in, view, Section::Incidents, "Incidents").await?;
    let status = typed_comment.status();
    let page = IncidentsPage {
        reprocess_all: query.cause_id().filter(|id| layout.may_act() && causes.waits(*id)),
        layout: if status == StatusCode::OK { layout } else { layout.at(query.path(PATH)) },
        said,
        typed_comment,
        max_note: MAX_NOTE,
        hours: HourPlots::load(state, query, &summary.hours).await?,
        summary,
        ongoing,
        causes: causes.shared,
        all_causes: causes.all,
        saved: SavedLinks::new(own, query, &filters),
        filters,
        filter: query.with_mode(of_mode).as_filter(),
        picked: PickedBefore::new(query),
        pager: Pager::new(PATH, query, &found),
        rows: found.data.into_iter().map(|row| IncidentItem::new(row, now, query)).collect(),
        oldest_first: query.sort() == store::search::Sort::Oldest,
        empty,
    };
    page_with(status, &page)
}

/// The mode of what is listed. Who looks for something by name finds it wherever it is.
fn listed_mode(query: &ListQuery, mode: Mode) -> Option<Mode> {
    let is_everywhere = query.cause_id().is_some() || query.text().is_some();
    query.mode().or_else(|| (!is_everywhere).then_some(mode))
}

/// What is known before the list is read.
struct ListContext {
    catalogue: Catalogue,
    projects: Vec<Project>,
    view: View,
    /// What the sums above the list are about.
    mode: Mode,
    /// The filters that the operator may use.
    own: Vec<SavedFilter>,
}

impl ListContext {
    async fn load(
        state: &ConsoleState,
        signed_in: &SignedIn,
        query: &ListQuery,
    ) -> Result<Self, StoreError> {
        let pool = &state.pool;
        let about = find_project_of(pool, query).await?;
        let (declared, projects, view, own) = try_join!(
            declared_names::list_all(pool),
            projects::list_in_use(pool, about),
            View::load(pool, signed_in),
            list_for(pool, signed_in.session.operator_id),
        )?;
        let mode = view.mode_for(query.mode(), about, &projects);
        Ok(Self { catalogue: Catalogue::from_all(declared), projects, view, mode, own })
    }
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

/// What a list's address asks for; what is mine is known only of an operator.
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
