//! All causes of what waits, also those of one incident; the home has the first ten.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use store::projects;
use store::search::causes::{MAX_CAUSES, list_causes};
use time::OffsetDateTime;
use web::error::ApiError;

use super::causes::CauseItem;
use crate::access::{Access, Pages};
use crate::layout::{Layout, Section};
use crate::listing::ListQuery;
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
    max_causes: usize,
}

impl CausesPage {
    fn is_full(&self) -> bool {
        self.causes.len() >= self.max_causes
    }
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
    let mode = view.of(query.mode(), project_id, &projects);
    let rows = list_causes(&state.pool, project_id, Some(mode)).await?;
    let rows: Vec<_> = rows.iter().collect();
    page(&CausesPage {
        layout: Layout::load(&state, &signed_in, Section::Incidents, "Causes").await?,
        causes: CauseItem::describe(&state.pool, &rows, OffsetDateTime::now_utc()).await?,
        max_causes: MAX_CAUSES,
    })
}
