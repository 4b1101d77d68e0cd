//! One event: what was taken, what became of it, and where its watch is found in Temporal.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use domain::alert::{
    heading_applied, heading_opened, heading_resolved, heading_superseded, heading_waiting,
    one_line,
};
use domain::event::Effect;
use domain::ids::EventId;
use domain::incident::IncidentState;
use engine::workflow_id;
use store::events::{self, PaymentEvent};
use store::incidents::{self, Incident};
use store::{StoreError, projects, snapshots};
use time::OffsetDateTime;
use web::error::ApiError;

use super::access::{Access, Pages};
use super::badge::Badge;
use super::facts::{self, Fact, Value};
use super::layout::{Layout, Section};
use super::page::page;
use super::session::SignedIn;
use super::timeline_view::{self, Running, TimelineItemView};
use super::when::When;
use crate::state::ConsoleState;

#[must_use]
pub fn add(pages: Pages) -> Pages {
    pages.get("/events/{event_id}", Access::Viewer, open)
}

#[derive(Template)]
#[template(path = "pages/event.html")]
struct EventPage {
    layout: Layout,
    id: String,
    state: Badge,
    heading: String,
    event_type: String,
    provider: String,
    taken: When,
    /// Until when the app may report, and whether that is over; nothing once it has reported.
    due: Option<(When, bool)>,
    /// Why its deadline is not judged, where its watch is stalled.
    stall: Option<&'static str>,
    incident: Option<(String, Badge)>,
    timeline: Vec<TimelineItemView>,
    facts: Vec<Fact>,
    command: String,
}

async fn open(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let (pool, now) = (&state.pool, OffsetDateTime::now_utc());
    let event = find(&state, &id).await?;
    let project = projects::find_project(pool, event.project_id).await?;
    let project = project.ok_or(StoreError::Missing("projects"))?;
    let incident = incidents::find_for_event(pool, event.id).await?;
    let running = match &incident {
        Some(incident) => Running::find(pool, incident.id).await?,
        None => None,
    };
    let heading = heading(&event, incident.as_ref());
    let timeline = timeline_view::load(pool, &event, running.as_ref(), now).await?;
    let waits = event.effect == Effect::Pending;
    let stall = if waits { timeline_view::stall(&timeline) } else { None };
    let incident_id = incident.as_ref().map(|incident| incident.id);
    let snapshot = find_snapshot(&state, &signed_in, event.id).await?;
    page(&EventPage {
        layout: Layout::load(&state, &signed_in, Section::Events, heading.as_str()).await?,
        id: event.id.to_string(),
        state: stall.map_or_else(
            || Badge::from_effect(event.effect),
            |_| Badge::new("open", "Watch is stuck"),
        ),
        heading,
        event_type: one_line(&event.event_type),
        provider: event.provider.name().to_owned(),
        taken: When::exact(event.received_at),
        due: waits.then(|| (When::exact(event.timeout_at), event.timeout_at <= now)),
        stall,
        incident: incident
            .map(|it| (format!("/incidents/{}", it.id), Badge::from_incident(it.state))),
        timeline: timeline_view::fit(timeline, event.id),
        facts: facts::list_for_event(&state, &event, &project, incident_id, snapshot),
        command: format!("temporal workflow show --workflow-id {}", workflow_id(event.id)),
    })
}

/// Until when the event's snapshot is kept, for those who may open it.
async fn find_snapshot(
    state: &ConsoleState,
    signed_in: &SignedIn,
    id: EventId,
) -> Result<Option<OffsetDateTime>, ApiError> {
    if !signed_in.session.role.may_administer() {
        return Ok(None);
    }
    Ok(snapshots::find_due_at(&state.pool, id).await?)
}

/// The event that an address names.
pub(super) async fn find(state: &ConsoleState, id: &str) -> Result<PaymentEvent, ApiError> {
    let nothing = || ApiError::not_found("There is no such event.");
    let id: EventId = id.parse().map_err(|_| nothing())?;
    events::find_event(&state.pool, id).await?.ok_or_else(nothing)
}

fn heading(event: &PaymentEvent, incident: Option<&Incident>) -> String {
    let (effect, reference) = (&event.effect_type, one_line(&event.internal_reference));
    match (incident, event.effect) {
        (Some(incident), _) if incident.state == IncidentState::Resolved => {
            heading_resolved(effect, &reference, incident.resolution)
        }
        (Some(incident), _) => heading_opened(effect, &reference, incident.reason),
        (None, Effect::Succeeded) => heading_applied(effect, &reference),
        (None, Effect::Superseded) => heading_superseded(effect, &reference),
        (None, _) => heading_waiting(effect, &reference),
    }
}
