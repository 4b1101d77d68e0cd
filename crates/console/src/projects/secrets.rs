//! Signing secrets: rotated without a gap, because for a day the old one signs beside the new one.

use axum::extract::{Path, State};
use axum::response::Response;
use domain::ids::{ProjectId, SecretId};
use store::administration::secret::{revoke_secret, rotate_secret};
use store::pool::transaction;
use store::{PgPool, StoreError, signing_secrets};
use time::OffsetDateTime;
use web::error::ApiError;
use web::random;

use super::{PathProject, head};
use crate::session::{Message, SignedIn};
use crate::state::ConsoleState;
use crate::when::When;

/// A secret that signs at the moment, without what it is.
pub(super) struct SecretItem {
    pub(super) id: SecretId,
    pub(super) made: When,
    /// When it ends; the current one does not.
    pub(super) ends: Option<When>,
}

/// The secrets of a project that sign at the moment, the current one first.
pub(super) async fn list(
    db: &PgPool,
    project_id: ProjectId,
    now: OffsetDateTime,
) -> Result<Vec<SecretItem>, StoreError> {
    let secrets = signing_secrets::list_secrets(db, project_id).await?;
    let rows = secrets.into_iter().map(|secret| SecretItem {
        id: secret.id,
        made: When::ago(secret.created_at, now),
        ends: secret.expires_at.map(When::exact),
    });
    Ok(rows.collect())
}

/// `POST /projects/{project_id}/secret/rotate`.
///
/// # Errors
/// `not_found`.
pub(super) async fn rotate(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    PathProject(project): PathProject,
) -> Result<Response, ApiError> {
    let secret = random::signing_secret().map_err(ApiError::internal)?;
    let (actor, key) = (signed_in.actor(), &state.master_key);
    transaction(&state.pool, async |tx| rotate_secret(tx, &actor, key, project.id, &secret).await)
        .await?;
    let text = "This is the new signing secret. For 24 hours the one before it signs as well, so \
                put the new one into your app in the meantime.";
    let message = Message::done(text).with_secret("the signing secret", secret.reveal());
    signed_in.lead_to(&state, &head::path(project.id), &message).await
}

/// `POST /projects/{project_id}/secrets/{secret_id}/revoke`.
///
/// # Errors
/// `not_found` for the current secret and for one that the project does not have; when the database
/// fails.
pub(super) async fn revoke(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    PathProject(project): PathProject,
    Path((_, secret_id)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let none = || ApiError::not_found("this project has no such older secret");
    let secret_id: SecretId = secret_id.parse().map_err(|_| none())?;
    let revoked = transaction(&state.pool, async |tx| {
        revoke_secret(tx, &signed_in.actor(), project.id, secret_id).await
    });
    let text = if revoked.await? {
        "The older secret is revoked. It no longer signs callbacks."
    } else if signing_secrets::has_ended(&state.pool, project.id, secret_id).await? {
        "Nothing was changed: this secret was revoked already, or its time was over."
    } else {
        return Err(none());
    };
    signed_in.lead_to(&state, &head::path(project.id), &Message::done(text)).await
}
