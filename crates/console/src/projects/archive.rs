//! Archiving a project, and restoring it.
//!
//! The form names how many incidents were not resolved when it was shown. Where there are more by now, nothing is done, and it
//! comes again with the number that holds.

use axum::Form;
use axum::extract::State;
use axum::response::Response;
use domain::alert::one_line;
use serde::Deserialize;
use store::administration::archive::{ArchiveRejection, archive_project, restore_project};
use store::pool::transaction;
use store::projects::Project;
use web::error::ApiError;

use super::forms::Forms;
use super::{PathProject, head, overview};
use crate::form::FormErrors;
use crate::session::{Message, SignedIn};
use crate::state::ConsoleState;
use crate::when::When;

/// An archived project in the list.
pub(super) struct ArchivedItem {
    pub(super) path: String,
    pub(super) name: String,
    pub(super) at: When,
}

impl ArchivedItem {
    /// `None` for a project that is not archived.
    pub(super) fn new(project: &Project) -> Option<Self> {
        let at = When::exact(project.archived_at?);
        Some(Self { path: head::path(project.id), name: one_line(&project.name), at })
    }
}

/// What the form was about when it was shown.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Confirmation {
    /// How many incidents were not resolved.
    unresolved: String,
}

/// `POST /projects/{project_id}/archive`.
///
/// # Errors
/// `not_found`.
pub(super) async fn archive(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    PathProject(project): PathProject,
    Form(confirmation): Form<Confirmation>,
) -> Result<Response, ApiError> {
    let confirmed = confirmation.unresolved.trim().parse().unwrap_or_default();
    let archived = transaction(&state.pool, async |tx| {
        archive_project(tx, &signed_in.actor(), project.id, confirmed).await
    });
    let name = one_line(&project.name);
    let text = match archived.await {
        Ok(true) => format!("{name} is archived. It can be restored below."),
        Ok(false) => format!("{name} was archived already."),
        Err(error) => {
            let mut errors = FormErrors::default();
            match error.rejection()? {
                ArchiveRejection::NoProject => return Err(super::no_project()),
                why @ ArchiveRejection::Unresolved(_) => errors.note("unresolved", why),
            }
            let forms = Forms::from_project(&project);
            return overview::render(&state, &signed_in, &project, forms, errors).await;
        }
    };
    signed_in.lead_to(&state, "/projects", &Message::done(text)).await
}

/// `POST /projects/{project_id}/restore`.
///
/// # Errors
/// `not_found`.
pub(super) async fn restore(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    PathProject(project): PathProject,
) -> Result<Response, ApiError> {
    let restored = transaction(&state.pool, async |tx| {
        restore_project(tx, &signed_in.actor(), project.id).await
    });
    let name = one_line(&project.name);
    let text = match restored.await? {
        None => return Err(super::no_project()),
        Some(true) => format!("{name} is restored. Its API keys are accepted again."),
        Some(false) => format!("{name} was not archived."),
    };
    signed_in.lead_to(&state, &head::path(project.id), &Message::done(text)).await
}
