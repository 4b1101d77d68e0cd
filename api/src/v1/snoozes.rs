//! `/api/v1/projects/{project_id}/incidents/{incident_id}/snooze`.

use api_types::alerting::{SnoozeRequest, SnoozeResponse};
use api_types::error::ErrorResponse;
use axum::Json;
use axum::extract::{Path, State};
use domain::alert_rules::RuleTime;
use domain::field::Fields;
use domain::ids::IncidentId;
use serde_json::{Map, Value};
use store::pool::transaction;
use store::snoozes::{Snooze, SnoozeRejection, SnoozeUntil, find_open, snooze, unsnooze};
use store::{PgPool, StoreError};
use web::error::ApiError;
use web::extract::JsonBody;
use web::state::AppState;

use super::caller::{self, Caller};
use super::incidents::take_note;

/// Whether an incident is snoozed.
#[utoipa::path(get, path = "/api/v1/projects/{project_id}/incidents/{incident_id}/snooze", operation_id = "get_snooze", tag = "incidents",
    params(("project_id" = String, Path), ("incident_id" = String, Path)),
    responses((status = 200, description = "The snooze.", body = SnoozeResponse)))]
pub async fn show(
    State(state): State<AppState>,
    _: Caller,
    Path((project, id)): Path<(String, String)>,
) -> Result<Json<SnoozeResponse>, ApiError> {
    let incident = caller::incident(&state, &project, &id).await?;
    Ok(Json(load(&state.pool, incident.id).await?))
}

/// Snoozes an incident: people are not told of it again until then. Needs the role operator.
#[utoipa::path(post, path = "/api/v1/projects/{project_id}/incidents/{incident_id}/snooze", operation_id = "snooze_incident", tag = "incidents",
    params(("project_id" = String, Path), ("incident_id" = String, Path)), request_body = SnoozeRequest,
    responses((status = 200, description = "The snooze.", body = SnoozeResponse), (status = 409, description = "The incident is resolved.", body = ErrorResponse)))]
pub async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Path((project, id)): Path<(String, String)>,
    body: JsonBody,
) -> Result<Json<SnoozeResponse>, ApiError> {
    caller.must_act()?;
    let incident = caller::incident(&state, &project, &id).await?;
    let (until, note) = read(&body.read().await?)?;
    let actor = caller.actor();
    let snoozed = transaction(&state.pool, async |tx| {
        snooze(tx, &incident, &actor, until, note.as_deref()).await
    });
    if let Err(error) = snoozed.await {
        return Err(match error.rejection()? {
            wrong @ SnoozeRejection::Resolved => {
                ApiError::IncidentConflict { message: wrong.to_string() }
            }
            wrong @ SnoozeRejection::NoCause => caller::field_error("until_next", &wrong),
            wrong @ SnoozeRejection::Time => caller::field_error("until", &wrong),
        });
    }
    Ok(Json(load(&state.pool, incident.id).await?))
}

/// Ends the snooze of an incident. Of one that is not snoozed nothing changes. Needs the role operator.
#[utoipa::path(delete, path = "/api/v1/projects/{project_id}/incidents/{incident_id}/snooze", operation_id = "unsnooze_incident", tag = "incidents",
    params(("project_id" = String, Path), ("incident_id" = String, Path)),
    responses((status = 200, description = "The snooze.", body = SnoozeResponse)))]
pub async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    Path((project, id)): Path<(String, String)>,
) -> Result<Json<SnoozeResponse>, ApiError> {
    caller.must_act()?;
    let incident = caller::incident(&state, &project, &id).await?;
    let actor = caller.actor();
    transaction(&state.pool, async |tx| unsnooze(tx, &incident, &actor).await).await?;
    Ok(Json(load(&state.pool, incident.id).await?))
}

fn read(body: &Map<String, Value>) -> Result<(SnoozeUntil, Option<String>), ApiError> {
    let mut fields = caller::fields(body, &["until", "for", "until_next", "note"]);
    let note = take_note(&mut fields);
    let until = read_until(&mut fields);
    let (until, note) = caller::checked(fields, (until, note))?;
    let until = until.ok_or_else(|| caller::field_error("until", &"is required"))?;
    Ok((until, note))
}

fn read_until(fields: &mut Fields<'_>) -> Option<SnoozeUntil> {
    let at = fields.moment("until").map(SnoozeUntil::At);
    let after = fields.named("for", str::parse::<RuleTime>);
    let after = after.map(|time| SnoozeUntil::After(time.duration()));
    let next = fields.truth("until_next").unwrap_or_default().then_some(SnoozeUntil::NextOfCause);
    let given = ["until", "for", "until_next"].iter().filter(|name| fields.value(name).is_some());
    if given.count() != 1 {
        fields.reject("until", "give one of until, for and until_next: until when it is snoozed");
    }
    at.or(after).or(next)
}

async fn load(pool: &PgPool, id: IncidentId) -> Result<SnoozeResponse, StoreError> {
    Ok(response(find_open(pool, id).await?))
}

/// What the API says of an incident's snooze.
#[must_use]
pub fn response(snooze: Option<Snooze>) -> SnoozeResponse {
    SnoozeResponse {
        snoozed: snooze.is_some(),
        until: snooze.as_ref().and_then(|snooze| snooze.until),
        snoozed_at: snooze.as_ref().map(|snooze| snooze.snoozed_at),
        snoozed_by: snooze.map(|snooze| snooze.snoozed_by),
    }
}
