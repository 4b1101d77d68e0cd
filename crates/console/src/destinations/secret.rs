//! A webhook's signing secret, rotated without a gap: for a day the older one signs beside it.

use axum::extract::{Path, State};
use axum::response::Response;
use domain::alert::one_line;
use store::administration::destination::rotate_secret;
use store::pool::transaction;
use web::error::ApiError;
use web::random;

use crate::projects::PathProject;
use crate::session::{Message, SignedIn};
use crate::state::ConsoleState;

/// `POST /projects/{project_id}/destinations/{destination_id}/secret/rotate`.
///
/// # Errors
/// `not_found`, also of what is no webhook.
pub(super) async fn rotate(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    PathProject(project): PathProject,
    Path((_, destination_id)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let found = super::find(&state, &project, &destination_id).await?;
    let secret = random::signing_secret().map_err(ApiError::internal)?;
    let (actor, key) = (signed_in.actor(), &state.master_key);
    let rotated = transaction(&state.pool, async |tx| {
        rotate_secret(tx, &actor, key, found.id, &secret).await
    });
    rotated.await?.ok_or_else(super::none)?;
    let text = format!(
        "{} has a new signing secret. For 24 hours the one before it signs as well, so put the new \
         one into the receiver in the meantime.",
        one_line(&found.label)
    );
    let message = Message::done(text).with_secret("the signing secret", secret.reveal());
    signed_in.lead_to(&state, &super::path(&project), &message).await
}
