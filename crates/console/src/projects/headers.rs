//! Headers of callbacks: set here and never shown again, removed by name.

use axum::Form;
use axum::extract::State;
use axum::response::Response;
use domain::callback_header::{CallbackHeader, HeaderChanges, HeaderError, HeaderName};
use store::administration::callback_header::{HeaderRejection, change_headers};
use store::pool::transaction;
use store::projects::Project;
use web::error::ApiError;

use super::forms::{Forms, HeaderValues};
use super::{PathProject, head, overview};
use crate::form::FormErrors;
use crate::session::{Message, SignedIn};
use crate::state::ConsoleState;

/// `POST /projects/{project_id}/callback-headers`.
///
/// # Errors
/// `not_found`.
pub(super) async fn set(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    PathProject(project): PathProject,
    Form(values): Form<HeaderValues>,
) -> Result<Response, ApiError> {
    let mut errors = FormErrors::default();
    match CallbackHeader::new(&values.header_name, &values.header_value) {
        Ok(header) => {
            let text = format!("Callbacks now carry {}.", header.name);
            let changes = HeaderChanges { set: vec![header], removed: Vec::new() };
            if change(&state, &signed_in, &project, &changes).await? {
                let to = head::path(project.id);
                return signed_in.lead_to(&state, &to, &Message::done(text)).await;
            }
            errors.note("header_name", HeaderError::TooMany);
        }
        Err(why @ HeaderError::Value(_)) => errors.note("header_value", why),
        Err(why) => errors.note("header_name", why),
    }
    let forms = Forms { header: values, ..Forms::from_project(&project) };
    overview::render(&state, &signed_in, &project, forms, errors).await
}

/// `POST /projects/{project_id}/callback-headers/remove`.
///
/// # Errors
/// `not_found` for a header that the project does not have.
pub(super) async fn remove(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    PathProject(project): PathProject,
    Form(values): Form<HeaderValues>,
) -> Result<Response, ApiError> {
    let none = || ApiError::not_found("this project has no such callback header");
    let name: HeaderName = values.header_name.parse().map_err(|_| none())?;
    if !project.callback_header_names.iter().any(|one| one.eq_ignore_ascii_case(name.as_str())) {
        return Err(none());
    }
    let text = format!("Callbacks carry {name} no more.");
    let changes = HeaderChanges { set: Vec::new(), removed: vec![name] };
    change(&state, &signed_in, &project, &changes).await?;
    signed_in.lead_to(&state, &head::path(project.id), &Message::done(text)).await
}

/// `false` if the project would have too many.
async fn change(
    state: &ConsoleState,
    signed_in: &SignedIn,
    project: &Project,
    changes: &HeaderChanges,
) -> Result<bool, ApiError> {
    let (actor, key) = (signed_in.actor(), &state.master_key);
    let done = transaction(&state.pool, async |tx| {
        change_headers(tx, &actor, key, project.id, changes).await
    });
    match done.await {
        Ok(_) => Ok(true),
        Err(error) => match error.rejection()? {
            HeaderRejection::TooMany => Ok(false),
            rejection @ HeaderRejection::NoProject => {
                Err(ApiError::not_found(rejection.to_string()))
            }
        },
    }
}
