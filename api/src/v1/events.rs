//! `/api/v1/projects/{project_id}/events`.

use axum::Json;
use axum::extract::{Path, Query, State};
use domain::catalogue::{EffectType, Provider};
use domain::event::Effect;
use domain::ids::{EventId, IncidentId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::events::PaymentEvent;
use store::incidents;
use store::search::events::{EventSearch, search_events};
use store::timeline::{self, TimelineEntry};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};
use web::error::ApiError;
use web::state::AppState;

use super::caller::{self, Caller};
use super::paging::{self, Listed, Paging, choice};

/// A payment event.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Event)]
pub struct EventResponse {
    #[schema(value_type = String, example = "ev_01K9QE0A1B2C3D4E5F6G7H8J9K")]
    event_id: EventId,
    /// `pending`, `succeeded`, `failed`, `missing` or `superseded`.
    #[schema(value_type = String)]
    effect: Effect,
    #[schema(value_type = String)]
    provider: Provider,
    provider_event_id: String,
    event_type: String,
    #[schema(value_type = String)]
    effect_type: EffectType,
    internal_reference: String,
    /// Which of several such effects; there only where the receipt said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    effect_key: Option<String>,
    /// The shop, for Shopify.
    #[serde(skip_serializing_if = "Option::is_none")]
    shopify_shop_domain: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    received_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    timeout_at: OffsetDateTime,
    #[schema(value_type = Option<String>)]
    incident_id: Option<IncidentId>,
}

impl EventResponse {
    fn of(event: PaymentEvent, incident_id: Option<IncidentId>) -> Self {
        Self {
            event_id: event.id,
            effect: event.effect,
            provider: event.provider,
            provider_event_id: event.provider_event_id,
            event_type: event.event_type,
            effect_type: event.effect_type,
            internal_reference: event.internal_reference,
            effect_key: event.effect_key,
            shopify_shop_domain: event.shopify_shop_domain,
            received_at: event.received_at,
            timeout_at: event.timeout_at,
            incident_id,
        }
    }
}

/// One thing that happened.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TimelineEntry)]
pub struct TimelineEntryResponse {
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    at: OffsetDateTime,
    /// `key:…`, `operator:…`, `cli:…`, `temporal:…` or `system`.
    actor: String,
    /// Such as `incident.opened`.
    action: String,
    detail: Value,
}

impl From<TimelineEntry> for TimelineEntryResponse {
    fn from(entry: TimelineEntry) -> Self {
        let TimelineEntry { at, actor, action, detail } = entry;
        Self { at, actor, action, detail }
    }
}

/// An event with its timeline.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventStory {
    #[serde(flatten)]
    event: EventResponse,
    /// Oldest first.
    timeline: Vec<TimelineEntryResponse>,
}

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
    let wanted_types = (wanted.event_type.as_deref(), wanted.effect_type.as_deref());
    let (event_type, effect_type) = paging::types(&state, project.id, wanted_types).await?;
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
    Ok(Json(Listed::of(page, |row| EventResponse::of(row.event, row.incident.map(|(id, _)| id)))))
}

/// One event with its timeline.
#[utoipa::path(get, path = "/api/v1/projects/{project_id}/events/{event_id}", operation_id = "get_event", tag = "events",
    params(("project_id" = String, Path), ("event_id" = String, Path)),
    responses((status = 200, description = "The event with its timeline.", body = EventStory)))]
pub async fn show(
    State(state): State<AppState>,
    _: Caller,
    Path(ids): Path<(String, String)>,
) -> Result<Json<EventStory>, ApiError> {
    let event = caller::event(&state, &ids).await?;
    let incident = incidents::find_for_event(&state.pool, event.id).await?;
    let timeline = timeline::list_for_event(&state.pool, event.id).await?;
    Ok(Json(EventStory {
        event: EventResponse::of(event, incident.map(|incident| incident.id)),
        timeline: timeline.into_iter().map(TimelineEntryResponse::from).collect(),
    }))
}
