//! Changing a destination's label.

use axum::Form;
use axum::extract::{Path, State};
use axum::response::Response;
use domain::alert::one_line;
use domain::ids::DestinationId;
use serde::Deserialize;
use store::administration::destination::rename_destination;
use store::destinations::{Renaming, read_label};
use store::pool::transaction;
use web::error::ApiError;

use super::Forms;
use crate::form::FormErrors;
use crate::projects::PathProject;
use crate::session::{Message, SignedIn};
use crate::state::ConsoleState;

/// What was typed; blank for the default.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct RenameValues {
    label: String,
}

/// What was typed for a destination, and what is wrong with it.
pub(super) struct RejectedLabel {
    pub(super) id: DestinationId,
    pub(super) label: String,
    pub(super) errors: FormErrors,
}

/// `POST /projects/{project_id}/destinations/{destination_id}/rename`.
///
/// # Errors
/// `not_found`.
pub(super) async fn submit(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    PathProject(project): PathProject,
    Path((_, destination_id)): Path<(String, String)>,
    Form(values): Form<RenameValues>,
) -> Result<Response, ApiError> {
    let found = super::find(&state, &project, &destination_id).await?;
    let mut errors = FormErrors::default();
    let Some(label) = errors.take("label", read_label(&values.label)) else {
        let rejected = RejectedLabel { id: found.id, label: values.label, errors };
        let forms = Forms { rename: Some(rejected), ..Forms::default() };
        return super::render(&state, &signed_in, &project, forms).await;
    };
    let (actor, key) = (signed_in.actor(), &state.master_key);
    let renamed = transaction(&state.pool, async |tx| {
        rename_destination(tx, &actor, key, found.id, label.as_deref()).await
    });
    let Renaming { from, to, .. } = renamed.await?.ok_or_else(super::none)?;
    let text = if from == to {
        format!("{} was called so already.", one_line(&to))
    } else {
        format!("{} is now called {}.", one_line(&from), one_line(&to))
    };
    signed_in.lead_to(&state, &super::path(&project), &Message::done(text)).await
}
