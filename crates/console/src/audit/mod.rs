//! The audit log: who did what, page by page, and exports of it.
//!
//! The page and both exports take the same filters and find the same entries. An entry is rendered
//! as on the timelines, with its exact action beside them and all that is known folded below.

mod csv;
mod export;
mod filter;
mod row;
pub mod rows;

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use domain::ids::ProjectId;
use store::PgPool;
use store::operators::list_operators;
use store::page::Page;
use store::projects::list_projects;
use store::search::audit::{AuditEntry, search_audit};
use store::timeline::load_names;
use web::error::ApiError;

use self::filter::{Filter, FilterErrors, Group};
use self::row::AuditItem;
use super::access::{Access, Pages};
use super::layout::{Layout, Section};
use super::page::page_with;
use super::session::SignedIn;
use crate::state::ConsoleState;

#[must_use]
pub fn add(pages: Pages) -> Pages {
    pages.get("/audit", Access::Viewer, get).get("/audit.csv", Access::Viewer, export::csv).get(
        "/audit.json",
        Access::Viewer,
        export::json,
    )
}

#[derive(Template)]
#[template(path = "pages/audit.html")]
struct AuditPage {
    layout: Layout,
    filter: Filter,
    errors: FilterErrors,
    groups: Vec<Group>,
    /// Actors that can be chosen without typing.
    actors: Vec<String>,
    rows: Vec<AuditItem>,
    newer: Option<String>,
    older: Option<String>,
}

async fn get(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Query(filter): Query<Filter>,
) -> Result<Response, ApiError> {
    let (status, found, errors) = match filter.search() {
        Ok(mut search) => {
            search.cursor = filter.cursor()?;
            (StatusCode::OK, search_audit(&state.pool, &search).await?, FilterErrors::default())
        }
        Err(errors) => (StatusCode::UNPROCESSABLE_ENTITY, nothing(), errors),
    };
    let operators = list_operators(&state.pool).await?;
    let rows = rows(&state.pool, found.data).await?;
    let page = AuditPage {
        layout: Layout::load(&state, &signed_in, Section::Audit, "Audit").await?,
        groups: Filter::groups(),
        actors: operators.into_iter().map(|operator| operator.email).collect(),
        rows,
        newer: found.previous_cursor.map(|id| filter.link("/audit", Some(("before", &id)))),
        older: found.next_cursor.map(|id| filter.link("/audit", Some(("after", &id)))),
        errors,
        filter,
    };
    page_with(status, &page)
}

const fn nothing() -> Page<AuditEntry> {
    Page { data: Vec::new(), next_cursor: None, previous_cursor: None, capped: false }
}

/// The entries with the names that people know.
async fn rows(pool: &PgPool, entries: Vec<AuditEntry>) -> Result<Vec<AuditItem>, ApiError> {
    let projects = list_projects(pool).await?.into_iter();
    let projects: BTreeMap<_, _> = projects.map(|project| (project.id, project.name)).collect();
    let about: BTreeSet<ProjectId> = entries.iter().filter_map(|entry| entry.project_id).collect();
    let names = load_names(pool, &about.into_iter().collect::<Vec<_>>()).await?;
    let rows = entries.into_iter().map(|entry| {
        let project = entry.project_id.and_then(|id| projects.get(&id).cloned());
        AuditItem::new(entry, project, &names)
    });
    Ok(rows.collect())
}
