//! Pausing, resuming and removing an extension, each effective immediately.

use axum::extract::{Path, State};
use axum::response::Response;
use domain::alert::one_line;
use store::administration::extension::{remove_extension, set_paused};
use store::pool::transaction;
use web::error::ApiError;

use crate::projects::PathProject;
use crate::session::{Message, SignedIn};
use crate::state::ConsoleState;

type Ids = Path<(String, String)>;

/// `POST /projects/{project_id}/extensions/{extension_id}/pause`.
///
/// # Errors
/// `not_found`.
pub(super) async fn pause(
    state: State<ConsoleState>,
    signed_in: SignedIn,
    project: PathProject,
    ids: Ids,
) -> Result<Response, ApiError> {
    change(state, signed_in, project, ids, true).await
}

/// `POST /projects/{project_id}/extensions/{extension_id}/resume`.
///
/// # Errors
/// `not_found`.
pub(super) async fn resume(
    state: State<ConsoleState>,
    signed_in: SignedIn,
    project: PathProject,
    ids: Ids,
) -> Result<Response, ApiError> {
    change(state, signed_in, project, ids, false).await
}

async fn change(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    PathProject(project): PathProject,
    Path((_, extension_id)): Ids,
    paused: bool,
) -> Result<Response, ApiError> {
    let found = super::find(&state, &project, &extension_id).await?;
    let changed = transaction(&state.pool, async |tx| {
        set_paused(tx, &signed_in.actor(), project.id, found.id, paused).await
    });
    let changed = changed.await?.ok_or_else(super::none)?;
    let name = one_line(&changed.name());
    let text = if paused {
        format!("{name} is paused: it is not asked until it is resumed.")
    } else {
        format!("{name} is asked again.")
    };
    signed_in.lead_to(&state, &super::path_of(&project, found.id), &Message::done(text)).await
}

/// `POST /projects/{project_id}/extensions/{extension_id}/remove`.
///
/// # Errors
/// `not_found`.
pub(super) async fn remove(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    PathProject(project): PathProject,
    Path((_, extension_id)): Ids,
) -> Result<Response, ApiError> {
    let found = super::find(&state, &project, &extension_id).await?;
    let removed = transaction(&state.pool, async |tx| {
        remove_extension(tx, &signed_in.actor(), project.id, found.id).await
    });
    let removed = removed.await?.ok_or_else(super::none)?;
    let text = format!("{} is removed: it is asked no more.", one_line(&removed.name()));
    signed_in.lead_to(&state, &super::path(&project), &Message::done(text)).await
}
