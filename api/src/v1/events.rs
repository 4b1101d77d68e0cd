//! `/api/v1/projects/{project_id}/events`.

use api_types::events::{EventDetailsResponse, EventResponse};
use api_types::list::Listed;
use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use store::search::events::{EventRow, EventSearch, search_events};
use store::{incidents, timeline};
use utoipa::IntoParams;
use web::error::ApiError;
use web::state::AppState;

use super::caller::{self, Caller};
use super::paging::{self, Paging, choice};
use super::responses;

/// Which events are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EventQuery {
    /// `pending`, `succeeded`, `failed`, `missing` or `superseded`.
    effect: Option<String>,
    /// The provider's event type, one of the catalogue.
    event_type: Option<String>,
    /// The effect that is due.
    effect_type: Option<String>,
    /// A provider's event id, a reference, or an id of ours.
    q: Option<String>,
}

/// Events of a project, newest first.
#[utoipa::path(get, path = "/api/v1/projects/{project_id}/events", operation_id = "list_events", tag = "events",
    params(("project_id" = String, Path), EventQuery, Paging),
    responses((status = 200, description = "One page of events.", body = Listed<EventResponse>)))]
pub async fn list(
    State(state): State<AppState>,
    _: Caller,
    Path(id): Path<String>,
    Query(wanted): Query<EventQuery>,
    Query(paging): Query<Paging>,
) -> Result<Json<Listed<EventResponse>>, ApiError> {
    let project = caller::project(&state, &id).await?;
    let (event_type, effect_type) = (wanted.event_type.as_deref(), wanted.effect_type.as_deref());
    let (event_type, effect_type) =
        paging::types(&state, project.id, event_type, effect_type).await?;
    let search = EventSearch {
        project_id: Some(project.id),
        effect: choice("effect", wanted.effect.as_deref())?,
        effect_type,
        event_type,
        text: wanted.q,
        cursor: paging.cursor()?,
        limit: paging.limit()?,
        ..EventSearch::default()
    };
    let page = search_events(&state.pool, &search).await?;
    let found =
        |row: EventRow| responses::event(row.event, row.incident.map(|incident| incident.id));
    Ok(Json(responses::page(page, found)))
}

/// One event with its timeline.
#[utoipa::path(get, path = "/api/v1/projects/{project_id}/events/{event_id}", operation_id = "get_event", tag = "events",
    params(("project_id" = String, Path), ("event_id" = String, Path)),
    responses((status = 200, description = "The event with its timeline.", body = EventDetailsResponse)))]
pub async fn show(
    State(state): State<AppState>,
    _: Caller,
    Path((project, id)): Path<(String, String)>,
) -> Result<Json<EventDetailsResponse>, ApiError> {
    let event = caller::event(&state, &project, &id).await?;
    let incident = incidents::find_for_event(&state.pool, event.id).await?;
    let timeline = timeline::list_for_event(&state.pool, event.id).await?;
    let incident_id = incident.map(|incident| incident.id);
    Ok(Json(responses::event_details(event, incident_id, timeline)))
}
