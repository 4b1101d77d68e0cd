//! `/api/v1/projects/{project_id}/incidents/{incident_id}/owner`.

use api_types::error::ErrorResponse;
use api_types::incidents::{IncidentResponse, OwnerRequest};
use axum::Json;
use axum::extract::{Path, State};
use domain::ids::OperatorId;
use domain::operator::typed_email;
use serde_json::{Map, Value};
use store::owners::{self, Assignment, OwnerRejection, TakeOver};
use store::pool::transaction;
use store::search::incidents::OwnerFilter;
use store::{ChangeError, operators};
use web::error::ApiError;
use web::extract::JsonBody;
use web::state::AppState;

use super::caller::{self, Caller, field_error};
use super::responses;

/// Who shall own it, as an address.
const NO_OPERATOR: &str = "must be the address of an operator who may act on incidents";

/// Gives an incident to an operator, who then sees to it. It is rejected where somebody else owns it, unless
/// `take_over` says so. Needs the role operator.
#[utoipa::path(put, path = "/api/v1/projects/{project_id}/incidents/{incident_id}/owner", operation_id = "assign_incident", tag = "incidents",
    params(("project_id" = String, Path), ("incident_id" = String, Path)), request_body = OwnerRequest,
    responses((status = 200, description = "The incident as it is now.", body = IncidentResponse), (status = 409, description = "Somebody else owns it, or it is resolved.", body = ErrorResponse)))]
pub async fn assign(
    State(state): State<AppState>,
    caller: Caller,
    Path((project, id)): Path<(String, String)>,
    body: JsonBody,
) -> Result<Json<IncidentResponse>, ApiError> {
    caller.must_act()?;
    let incident = caller::incident(&state, &project, &id).await?;
    let (email, take_over) = read(&body.read().await?)?;
    let to = match email {
        Some(email) => find_operator(&state, "email", &email).await?,
        None => caller.operator_id(),
    };
    let (actor, take_over) = (caller.actor(), TakeOver::if_asked(take_over));
    let assignment = Assignment { incident_id: incident.id, to, take_over, actor: &actor };
    let assigned = transaction(&state.pool, async |tx| owners::assign(tx, assignment).await).await;
    assigned.map_err(rejected)?;
    Ok(Json(responses::incident(caller::incident(&state, &project, &id).await?)))
}

/// Gives an incident back: nobody owns it then. Needs the role operator.
#[utoipa::path(delete, path = "/api/v1/projects/{project_id}/incidents/{incident_id}/owner", operation_id = "release_incident", tag = "incidents",
    params(("project_id" = String, Path), ("incident_id" = String, Path)),
    responses((status = 200, description = "The incident as it is now.", body = IncidentResponse), (status = 409, description = "Nobody owns it, or it is resolved.", body = ErrorResponse)))]
pub async fn release(
    State(state): State<AppState>,
    caller: Caller,
    Path((project, id)): Path<(String, String)>,
) -> Result<Json<IncidentResponse>, ApiError> {
    caller.must_act()?;
    let incident = caller::incident(&state, &project, &id).await?;
    let actor = caller.actor();
    let released =
        transaction(&state.pool, async |tx| owners::release(tx, incident.id, &actor).await).await;
    released.map_err(rejected)?;
    Ok(Json(responses::incident(caller::incident(&state, &project, &id).await?)))
}

/// Whose incidents a list is narrowed to: `me`, `none` or an address.
pub(super) async fn filter(
    state: &AppState,
    caller: &Caller,
    owner: Option<&str>,
) -> Result<Option<OwnerFilter>, ApiError> {
    Ok(match owner {
        None => None,
        Some("none") => Some(OwnerFilter::Unowned),
        Some("me") => Some(OwnerFilter::Of(caller.operator_id())),
        Some(email) => Some(OwnerFilter::Of(find_operator(state, "owner", email).await?)),
    })
}

async fn find_operator(state: &AppState, field: &str, email: &str) -> Result<OperatorId, ApiError> {
    let found = match typed_email(email) {
        Some(email) => operators::find_login(&state.pool, &email).await?,
        None => None,
    };
    found.map(|operator| operator.id).ok_or_else(|| field_error(field, &NO_OPERATOR))
}

fn read(body: &Map<String, Value>) -> Result<(Option<String>, bool), ApiError> {
    let mut fields = caller::fields(body, &["email", "take_over"]);
    let email = fields.text("email").map(str::to_owned);
    let take_over = fields.truth("take_over").unwrap_or_default();
    caller::checked(fields, (email, take_over))
}

fn rejected(error: ChangeError<OwnerRejection>) -> ApiError {
    error.into_error(|why| match why {
        OwnerRejection::NoIncident => ApiError::not_found(why.to_string()),
        OwnerRejection::NoOperator => field_error("email", &NO_OPERATOR),
        OwnerRejection::Owned(_) => ApiError::IncidentConflict {
            message: format!("{why}; send \"take_over\":true to take it over"),
        },
        OwnerRejection::Resolved | OwnerRejection::Unowned => {
            ApiError::IncidentConflict { message: why.to_string() }
        }
    })
}
