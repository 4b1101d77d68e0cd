//! `POST /api/v1/result`: the app applied the effect, or failed to.
//!
//! A result may overtake its receipt. Then the answer is 404, and the result is kept for 24 hours and
//! applied when the receipt comes.

use axum::extract::{Request, State};
use axum::response::Response;
use domain::audit::Actor;
use domain::effect_result::ResultReport;
use domain::event::Effect;
use domain::field::FieldError;
use domain::ids::{EventId, IncidentId};
use domain::incident::IncidentState;
use serde::Serialize;
use store::PgConnection;
use store::api_keys::KeyOwner;
use store::transitions::result::{self, Report, ResultAnswer};
use store::{events, results};

use super::ingest::{self, Call, Worked};
use crate::error::ApiError;
use crate::state::AppState;

const KEPT: &str = "there is no receipt for this event yet; the result is kept for 24 hours and applied when the receipt comes";
const UNKNOWN: &str = "there is no such event in this project";

#[derive(Serialize)]
struct Answer {
    event_id: EventId,
    accepted: bool,
    effect: Effect,
    incident: Option<Incident>,
}

#[derive(Serialize)]
struct Incident {
    id: IncidentId,
    state: IncidentState,
}

/// The handler.
///
/// # Errors
/// As the contract's table says.
pub async fn post(State(state): State<AppState>, request: Request) -> Result<Response, ApiError> {
    let (sender, body) = ingest::read(&state, request).await?;
    let report = ResultReport::parse(&body).map_err(ApiError::ValidationError)?;
    ingest::once(state, "result", sender, report, |tx, call| Box::pin(take(tx, call))).await
}

async fn take(tx: &mut PgConnection, call: Call<'_, ResultReport>) -> Result<Worked, ApiError> {
    match find(tx, &call).await? {
        Found::Event(event_id) => accept(tx, call.owner, event_id, call.said).await,
        Found::Refused(error) => Ok(Worked::Refused(error)),
    }
}

enum Found {
    Event(EventId),
    Refused(ApiError),
}

/// The event that the result means. One that is not there yet is waited for by the kept result.
async fn find(tx: &mut PgConnection, call: &Call<'_, ResultReport>) -> Result<Found, ApiError> {
    let Call { owner, used, said: report, .. } = *call;
    let meant = list_meant(tx, owner, report).await?;
    let Some(provider_event_id) = report.event.provider_event_id.as_deref() else {
        return Ok(single(&meant, UNKNOWN));
    };
    if !meant.is_empty() || report.event.event_id.is_some() {
        return Ok(single(&meant, UNKNOWN));
    }
    let project_id = owner.project_id;
    events::lock_provider_event(tx, project_id, provider_event_id).await.map_err(ingest::failed)?;
    let meant = list_meant(tx, owner, report).await?;
    if meant.is_empty() {
        let kept = results::insert_early(&mut *tx, owner.key_id, used, report).await;
        if !kept.map_err(ingest::failed)? {
            return Ok(Found::Refused(ApiError::IdempotencyConflict));
        }
    }
    Ok(single(&meant, KEPT))
}

async fn list_meant(
    tx: &mut PgConnection,
    owner: &KeyOwner,
    report: &ResultReport,
) -> Result<Vec<EventId>, ApiError> {
    events::list_meant(tx, owner.project_id, &report.event).await.map_err(ingest::failed)
}

fn single(meant: &[EventId], absent: &str) -> Found {
    match meant {
        [] => Found::Refused(ApiError::not_found(absent)),
        [id] => Found::Event(*id),
        several => {
            let ids: Vec<String> = several.iter().map(ToString::to_string).collect();
            let message = format!(
                "several events match: {}; send one of them as event_id, or narrow with provider or effect_type",
                ids.join(", ")
            );
            Found::Refused(ApiError::ValidationError(vec![FieldError::new("event_id", message)]))
        }
    }
}

async fn accept(
    tx: &mut PgConnection,
    owner: &KeyOwner,
    event_id: EventId,
    report: &ResultReport,
) -> Result<Worked, ApiError> {
    let actor = Actor::Key(owner.key_id);
    let kept = Report { result_id: results::new_id(), result: &report.result, signal: true };
    match result::accept_result(tx, &actor, event_id, kept).await.map_err(ingest::failed)? {
        ResultAnswer::Accepted { event_id, effect, incident } => {
            let incident = incident.map(|(id, state)| Incident { id, state });
            ingest::accepted(event_id, &Answer { event_id, accepted: true, effect, incident })
        }
        ResultAnswer::UnknownEvent => Ok(Worked::Refused(ApiError::not_found(UNKNOWN))),
        ResultAnswer::UnknownReplay => {
            let mistake = FieldError::new(
                "replay_id",
                "is none of this event's; leave it out or send the one of the callback",
            );
            Ok(Worked::Refused(ApiError::ValidationError(vec![mistake])))
        }
    }
}
