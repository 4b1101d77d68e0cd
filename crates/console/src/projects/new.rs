//! A new project. Its signing secret is shown this once.

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::alert::one_line;
use store::administration::project::create_project;
use store::pool::transaction;
use web::error::ApiError;
use web::random;

use super::head;
use super::settings::ProjectValues;
use crate::form::FormErrors;
use crate::layout::{Layout, Section};
use crate::page::page_with;
use crate::session::{Message, SignedIn};
use crate::state::ConsoleState;

#[derive(Template)]
#[template(path = "pages/project_new.html")]
struct NewProjectPage {
    layout: Layout,
    values: ProjectValues,
    errors: FormErrors,
    /// The form serves both: here the fields are free.
    locked: bool,
}

/// `GET /projects/new`.
pub(super) async fn form(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
) -> Result<Response, ApiError> {
    let (values, errors) = (ProjectValues::for_new(), FormErrors::default());
    show(&state, &signed_in, StatusCode::OK, values, errors).await
}

/// `POST /projects`.
pub(super) async fn create(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Form(values): Form<ProjectValues>,
) -> Result<Response, ApiError> {
    let settings = match values.read_new(&state.allow) {
        Ok(settings) => settings,
        Err(errors) => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return show(&state, &signed_in, status, values, errors).await;
        }
    };
    let secret = random::signing_secret().map_err(ApiError::internal)?;
    let (actor, key) = (signed_in.actor(), &state.master_key);
    let created = transaction(&state.pool, async |tx| {
        create_project(tx, &actor, &settings, &secret, key).await
    });
    let id = created.await?;
    let text = format!(
        "{} is created. Your repair endpoint verifies callbacks with this secret.",
        one_line(&settings.name)
    );
    let message = Message::done(text).with_secret("the signing secret", secret.reveal());
    signed_in.lead_to(&state, &head::path(id), &message).await
}

async fn show(
    state: &ConsoleState,
    signed_in: &SignedIn,
    status: StatusCode,
    values: ProjectValues,
    errors: FormErrors,
) -> Result<Response, ApiError> {
    let layout = Layout::load(state, signed_in, Section::Projects, "Create a project").await?;
    page_with(status, &NewProjectPage { layout, values, errors, locked: false })
}
