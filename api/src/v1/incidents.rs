//! `/api/v1/projects/{project_id}/incidents`.

use api_types::error::ErrorResponse;
use api_types::incidents::{
    IncidentDetailsResponse, IncidentResponse, NoteRequest, ResolutionRequest,
};
use api_types::list::Listed;
use axum::Json;
use axum::extract::{Path, Query, State};
use domain::field::Fields;
use domain::ids::{CallId, CauseId};
use domain::incident::check_note;
use domain::rejection::Rejection;
use serde::Deserialize;
use serde_json::{Map, Value};
use store::alerts;
use store::incidents::Incident;
use store::operator_actions::{ActionError, OperatorAction};
use store::search::incidents::{IncidentSearch, StateFilter, search_incidents};
use store::search::similar::list_similar;
use utoipa::IntoParams;
use web::error::ApiError;
use web::extract::JsonBody;
use web::state::AppState;

use super::caller::{self, Caller, field_error};
use super::paging::{self, Paging, choice};
use super::{filters, owners, responses};

/// Which incidents are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct IncidentQuery {
    /// `open`, `acknowledged`, `reprocessing` or `resolved`. Default: all.
    state: Option<String>,
    /// `missing_result` or `failed_result`.
    reason: Option<String>,
    /// A `cause_id` of an incident or of `causes`.
    cause_id: Option<String>,
    /// `me`, `none` (not resolved, and nobody's) or the address of an operator.
    owner: Option<String>,
    /// The provider's event type, one of the catalogue.
    event_type: Option<String>,
    /// The effect that is due.
    effect_type: Option<String>,
    /// A provider's event id, a reference, words of a reference or of an error, or an id of ours.
    q: Option<String>,
    /// The name of a saved filter, one's own or a shared one. Further parameters take the place of its own.
    filter: Option<String>,
}

/// Incidents of a project, newest first.
#[utoipa::path(get, path = "/api/v1/projects/{project_id}/incidents", operation_id = "list_incidents", tag = "incidents",
    params(("project_id" = String, Path), IncidentQuery, Paging),
    responses((status = 200, description = "One page of incidents.", body = Listed<IncidentResponse>)))]
pub async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    Query(wanted): Query<IncidentQuery>,
    Query(paging): Query<Paging>,
) -> Result<Json<Listed<IncidentResponse>>, ApiError> {
    let project = caller::project(&state, &id).await?;
    let (event_type, effect_type) = (wanted.event_type.as_deref(), wanted.effect_type.as_deref());
    let (event_type, effect_type) =
        paging::types(&state, project.id, event_type, effect_type).await?;
    let saved = filters::narrow(&state, &caller, project.id, wanted.filter.as_deref()).await?;
    let cause_id = wanted.cause_id.as_deref().map(cause_id).transpose()?;
    let owner = owners::filter(&state, &caller, wanted.owner.as_deref()).await?;
    let search = IncidentSearch {
        project_id: Some(project.id),
        state: choice("state", wanted.state.as_deref())?.map_or(saved.state, StateFilter::One),
        cause_id: cause_id.or(saved.cause_id),
        owner: owner.or(saved.owner),
        reason: choice("reason", wanted.reason.as_deref())?.or(saved.reason),
        effect_type: effect_type.or(saved.effect_type),
        event_type: event_type.or(saved.event_type),
        text: wanted.q.or(saved.text),
        cursor: paging.cursor()?,
        limit: paging.limit()?,
        ..saved
    };
    let page = search_incidents(&state.pool, &search).await?;
    Ok(Json(responses::page(page, |row| responses::incident(row.incident))))
}

fn cause_id(text: &str) -> Result<CauseId, ApiError> {
    text.parse().map_err(|_| field_error("cause_id", &"must be the id of a cause, such as cau_…"))
}

/// One incident with its alerts.
#[utoipa::path(get, path = "/api/v1/projects/{project_id}/incidents/{incident_id}", operation_id = "get_incident", tag = "incidents",
    params(("project_id" = String, Path), ("incident_id" = String, Path)),
    responses((status = 200, description = "The incident with its alerts.", body = IncidentDetailsResponse)))]
pub async fn show(
    State(state): State<AppState>,
    _: Caller,
    Path((project, id)): Path<(String, String)>,
) -> Result<Json<IncidentDetailsResponse>, ApiError> {
    let incident = caller::incident(&state, &project, &id).await?;
    let alerts = alerts::list_for_incident(&state.pool, incident.id).await?;
    let similar = list_similar(&state.pool, &incident).await?;
    Ok(Json(responses::incident_details(incident, alerts, similar)))
}

/// Acknowledges an incident. Needs the role operator.
#[utoipa::path(post, path = "/api/v1/projects/{project_id}/incidents/{incident_id}/acknowledgement", operation_id = "acknowledge_incident", tag = "incidents",
    params(("project_id" = String, Path), ("incident_id" = String, Path)), request_body = NoteRequest,
    responses((status = 200, description = "The incident as it is now.", body = IncidentResponse), (status = 409, description = "The incident is not in a state that allows this.", body = ErrorResponse)))]
pub async fn acknowledge(
    State(state): State<AppState>,
    caller: Caller,
    Path((project, id)): Path<(String, String)>,
    body: JsonBody,
) -> Result<Json<IncidentResponse>, ApiError> {
    caller.must_act()?;
    let incident = caller::incident(&state, &project, &id).await?;
    let note = read_note(&body.read().await?)?;
    let action =
        OperatorAction { incident: &incident, actor: &caller.actor(), note: note.as_deref() };
    action.acknowledge(&state.pool).await.map_err(|error| rejected(error, &incident))?;
    state.relay.wake();
    Ok(Json(responses::incident(caller::incident(&state, &project, &id).await?)))
}

/// Resolves an incident manually, with a note or by an extension's evidence. Needs the role operator.
#[utoipa::path(post, path = "/api/v1/projects/{project_id}/incidents/{incident_id}/resolution", operation_id = "resolve_incident", tag = "incidents",
    params(("project_id" = String, Path), ("incident_id" = String, Path)), request_body = ResolutionRequest,
    responses((status = 200, description = "The incident as it is now.", body = IncidentResponse), (status = 409, description = "The incident is not in a state that allows this.", body = ErrorResponse)))]
pub async fn resolve(
    State(state): State<AppState>,
    caller: Caller,
    Path((project, id)): Path<(String, String)>,
    body: JsonBody,
) -> Result<Json<IncidentResponse>, ApiError> {
    caller.must_act()?;
    let incident = caller::incident(&state, &project, &id).await?;
    let (note, evidence) = read_resolution(&body.read().await?)?;
    let action =
        OperatorAction { incident: &incident, actor: &caller.actor(), note: note.as_deref() };
    let resolved = action.resolve(&state.pool, evidence).await;
    resolved.map_err(|error| rejected(error, &incident))?;
    state.relay.wake();
    Ok(Json(responses::incident(caller::incident(&state, &project, &id).await?)))
}

/// The note of a body.
pub(super) fn read_note(body: &Map<String, Value>) -> Result<Option<String>, ApiError> {
    let mut fields = caller::fields(body, &["note"]);
    let note = take_note(&mut fields);
    caller::checked(fields, note)
}

/// The note of a resolution and the call whose evidence it goes by; one of the two at least.
fn read_resolution(
    body: &Map<String, Value>,
) -> Result<(Option<String>, Option<CallId>), ApiError> {
    let mut fields = caller::fields(body, &["note", "call_id"]);
    let note = take_note(&mut fields);
    let call_id = fields.text("call_id");
    let evidence = call_id.and_then(|text| {
        let not_one = |_| fields.reject("call_id", "must be the id of a call, such as cal_…");
        text.parse().map_err(not_one).ok()
    });
    if note.is_none() && call_id.is_none() {
        fields.reject("note", "is required: say why it is right now, or name a call_id");
    }
    caller::checked(fields, (note, evidence))
}

pub(super) fn take_note(fields: &mut Fields<'_>) -> Option<String> {
    let note = fields.text("note").map(str::to_owned);
    if let Some(Err(why)) = note.as_deref().map(check_note) {
        fields.reject("note", why.to_string());
    }
    note
}

/// Why an action on an incident changed nothing.
pub(super) fn rejected(error: ActionError, incident: &Incident) -> ApiError {
    let rejection = match error {
        ActionError::Store(error) => return error.into(),
        ActionError::Rejected(rejection) => rejection,
    };
    let message = match rejection {
        Rejection::NoIncident => return ApiError::not_found(rejection.to_string()),
        Rejection::NoEvidence(_) => {
            return field_error("call_id", &"names no call whose answer proposed this");
        }
        Rejection::NoRepairUrl => format!(
            "{rejection}; set repair_url with PATCH /api/v1/projects/{} first",
            incident.project_id
        ),
        Rejection::Resolved(_) | Rejection::Acknowledged(_) | Rejection::Reprocessing(..) => {
            rejection.to_string()
        }
    };
    ApiError::IncidentConflict { message }
}
