//! All causes of what waits, page by page, also those of one incident; the home has the first ten.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use store::projects;
use store::search::causes::{CauseSearch, search_causes};
use time::OffsetDateTime;
use web::error::ApiError;

use super::causes::CauseItem;
use crate::access::{Access, Pages};
use crate::layout::{Layout, Section};
use crate::listing::{ListQuery, Pager};
use crate::page::page;
use crate::session::SignedIn;
use crate::state::ConsoleState;
use crate::view::View;

pub(super) const PATH: &str = "/causes";

pub(super) fn add(pages: Pages) -> Pages {
    pages.get(PATH, Access::Viewer, list)
}

#[derive(Template)]
#[template(path = "pages/causes.html")]
struct CausesPage {
    layout: Layout,
    causes: Vec<CauseItem>,
    pager: Pager,
}

/// `GET /causes`: of the mode that is viewed, or of one project.
async fn list(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Query(query): Query<ListQuery>,
) -> Result<Response, ApiError> {
    let project_id = query.project_id();
    let projects = projects::list_in_use(&state.pool, project_id).await?;
    let view = View::load(&state.pool, &signed_in).await?;
    let mode = view.mode_for(query.mode(), project_id, &projects);
    let wanted = CauseSearch { project_id, mode: Some(mode), cursor: query.cursor(), limit: 0 };
    let found = search_causes(&state.pool, &wanted).await?;
    let rows: Vec<_> = found.data.iter().collect();
    page(&CausesPage {
        layout: Layout::load_in(&state, &signed_in, view, Section::Incidents, "Causes").await?,
        causes: CauseItem::describe(&state.pool, &rows, OffsetDateTime::now_utc()).await?,
        pager: Pager::new(PATH, &query, &found),
    })
}
