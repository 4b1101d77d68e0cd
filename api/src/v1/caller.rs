//! Who calls the automation API: an operator, by one of their tokens.
//!
//! A token acts with the role that its owner has at that moment, under the owner's name in the
//! audit. Everything below a project is loaded together with the project of the path: what belongs
//! to another one is not found.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use domain::alert::one_line;
use domain::audit::Actor;
use domain::field::{FieldError, Fields};
use domain::ids::{EventId, IncidentId, OperatorId, ProjectId};
use domain::operator::Role;
use serde_json::{Map, Value};
use store::events::{self, PaymentEvent};
use store::incidents::{self, Incident};
use store::operator_tokens;
use store::projects::{self, Project};
use web::error::ApiError;
use web::extract::operator_token;
use web::state::AppState;

use super::parameters::reject_unknown;

/// How much of an unknown name of a field or a parameter is repeated, in characters.
pub(super) const MAX_NAME: usize = 100;

/// The operator behind a request.
#[derive(Debug, Clone)]
pub struct Caller {
    id: OperatorId,
    email: String,
    role: Role,
}

impl FromRequestParts<AppState> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let token = operator_token(parts)?;
        let owner = operator_tokens::find_token_owner(&state.pool, &token.hash()).await?;
        let owner = owner.ok_or(ApiError::UnknownToken)?;
        reject_unknown(parts)?;
        Ok(Self { id: owner.operator_id, email: owner.email, role: owner.role })
    }
}

impl Caller {
    #[must_use]
    pub const fn operator_id(&self) -> OperatorId {
        self.id
    }

    /// Who did it, for the audit.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor::Operator(self.email.clone())
    }

    /// Lets those through who act on incidents.
    ///
    /// # Errors
    /// `forbidden` for viewers.
    pub fn must_act(&self) -> Result<(), ApiError> {
        if self.role.may_act() {
            return Ok(());
        }
        Err(ApiError::forbidden(
            "this needs a token of an operator with the role operator or admin",
        ))
    }

    /// Lets those through who change the installation.
    ///
    /// # Errors
    /// `forbidden` for all others.
    pub fn must_administer(&self) -> Result<(), ApiError> {
        if self.role.may_administer() {
            return Ok(());
        }
        Err(ApiError::forbidden("this needs a token of an operator with the role admin"))
    }
}

/// The project of a path.
///
/// # Errors
/// `not_found`, whether the text is no id or nothing has it.
pub(super) async fn project(state: &AppState, id: &str) -> Result<Project, ApiError> {
    let id: ProjectId = id.parse().map_err(|_| no_project())?;
    project_by_id(state, id).await
}

/// A project as it is now.
///
/// # Errors
/// `not_found` if nothing has the id.
pub(super) async fn project_by_id(state: &AppState, id: ProjectId) -> Result<Project, ApiError> {
    projects::find_project(&state.pool, id).await?.ok_or_else(no_project)
}

/// There is no such project, or none that has this id any more.
pub(super) fn no_project() -> ApiError {
    ApiError::not_found("there is no such project")
}

/// The incident of a path, if it is of the path's project.
///
/// # Errors
/// `not_found` otherwise.
pub(super) async fn incident(
    state: &AppState,
    project_id: &str,
    id: &str,
) -> Result<Incident, ApiError> {
    let missing = || ApiError::not_found("there is no such incident in this project");
    let project = project(state, project_id).await?;
    let id: IncidentId = id.parse().map_err(|_| missing())?;
    let found = incidents::find_incident(&state.pool, id).await?;
    found.filter(|incident| incident.project_id == project.id).ok_or_else(missing)
}

/// The event of a path, if it is of the path's project.
///
/// # Errors
/// `not_found` otherwise.
pub(super) async fn event(
    state: &AppState,
    project_id: &str,
    id: &str,
) -> Result<PaymentEvent, ApiError> {
    let project = project(state, project_id).await?;
    let id: EventId = id.parse().map_err(|_| no_event())?;
    event_in_project(state, project.id, id).await
}

/// An event, if it is of this project.
///
/// # Errors
/// `not_found` otherwise.
pub(super) async fn event_in_project(
    state: &AppState,
    project_id: ProjectId,
    id: EventId,
) -> Result<PaymentEvent, ApiError> {
    let found = events::find_event(&state.pool, id).await?;
    found.filter(|event| event.project_id == project_id).ok_or_else(no_event)
}

fn no_event() -> ApiError {
    ApiError::not_found("there is no such event in this project")
}

/// Starts to read a body of which every field must be known: a mistyped one would change nothing,
/// and the response would look as if it had.
pub(super) fn fields<'a>(body: &'a Map<String, Value>, known: &[&str]) -> Fields<'a> {
    let mut fields = Fields::new(body);
    for name in body.keys().filter(|name| !known.contains(&name.as_str())) {
        let name: String = one_line(name).chars().take(MAX_NAME).collect();
        fields.reject(&name, format!("is not known here: use {}", known.join(", ")));
    }
    fields
}

/// The fields of a body, once all of them were read.
///
/// # Errors
/// `validation_error` with every field that breaks a rule.
pub(super) fn checked<T>(fields: Fields<'_>, read: T) -> Result<T, ApiError> {
    fields.finish(Some(read)).map_err(ApiError::ValidationError)
}

/// What is wrong with one field.
pub(super) fn field_error(field: &str, why: &impl ToString) -> ApiError {
    ApiError::ValidationError(vec![FieldError::new(field, why.to_string())])
}
