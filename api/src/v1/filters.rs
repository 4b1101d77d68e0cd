//! `/api/v1/projects/{project_id}/filters`, and what the name of one narrows a list to.
//!
//! A filter is of no project: those that name another one than the path does are left out, so that no response shows it.

use api_types::filters::SavedFilterResponse;
use api_types::list::Listed;
use axum::Json;
use axum::extract::{Path, State};
use domain::alert::one_line;
use domain::catalogue::Catalogue;
use domain::ids::ProjectId;
use domain::saved_filter::FilteredList;
use store::declared_names;
use store::saved_filters::{SavedFilter, find_named, list_for};
use store::search::filter::narrow_saved;
use store::search::incidents::{IncidentSearch, StateFilter};
use time::OffsetDateTime;
use web::error::ApiError;
use web::state::AppState;

use super::caller::{self, Caller, field_error};

/// The saved filters that lists of a project can be narrowed by: one's own, then those that are shared, each by name.
#[utoipa::path(get, path = "/api/v1/projects/{project_id}/filters", operation_id = "list_filters", tag = "filters",
    params(("project_id" = String, Path)),
    responses((status = 200, description = "The saved filters.", body = Listed<SavedFilterResponse>)))]
pub async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Listed<SavedFilterResponse>>, ApiError> {
    let project = caller::project(&state, &id).await?;
    let filters = list_usable(&state, &caller, project.id).await?;
    Ok(Json(Listed::whole(filters.into_iter().map(response))))
}

/// What the filter of this name narrows the list of incidents to, at this moment and for whoever asks; all of them, where
/// none is named.
pub(super) async fn narrow(
    state: &AppState,
    caller: &Caller,
    project_id: ProjectId,
    name: Option<&str>,
) -> Result<IncidentSearch, ApiError> {
    let Some(name) = name else {
        return Ok(IncidentSearch { state: StateFilter::All, ..IncidentSearch::default() });
    };
    let mut usable = list_usable(state, caller, project_id).await?;
    usable.retain(|one| one.list == FilteredList::Incidents);
    let Some(filter) = find_named(&usable, name) else {
        return Err(field_error("filter", &unknown(&usable)));
    };
    let catalogue = Catalogue::from_all(declared_names::list_all(&state.pool).await?);
    let (now, me) = (OffsetDateTime::now_utc(), Some(caller.operator_id()));
    let narrowed = narrow_saved(&filter.filter, &catalogue, now, me);
    narrowed.map_err(|gone| field_error("filter", &gone))
}

async fn list_usable(
    state: &AppState,
    caller: &Caller,
    project_id: ProjectId,
) -> Result<Vec<SavedFilter>, ApiError> {
    let mut filters = list_for(&state.pool, caller.operator_id()).await?;
    let project_id = project_id.to_string();
    filters.retain(|one| one.filter.get("project").is_none_or(|named| *named == project_id));
    Ok(filters)
}

fn response(saved: SavedFilter) -> SavedFilterResponse {
    SavedFilterResponse {
        filter_id: saved.id,
        list: saved.list,
        name: saved.name,
        filter: saved.filter,
        shared: saved.is_shared,
        saved_by: saved.saved_by,
    }
}

fn unknown(usable: &[SavedFilter]) -> String {
    if usable.is_empty() {
        return "names none: no filter of incidents is yours or shared".to_owned();
    }
    let names: Vec<_> = usable.iter().map(|one| one_line(&one.name)).collect();
    format!("must be one of {}", names.join(", "))
}
