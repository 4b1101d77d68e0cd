//! One more place that is told.

use axum::Form;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;
use store::administration::destination::add_destination;
use store::destinations::{NewDestination, list_destinations};
use store::pool;
use store::projects::Project;

use crate::console::form::Mistakes;
use crate::console::page::go_to;
use crate::console::projects;
use crate::console::session::{Message, SignedIn};
use crate::error::ApiError;
use crate::state::AppState;

/// What was typed: the page has a form for each kind, with one of these in it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Typed {
    /// An e-mail address.
    pub(super) email: Option<String>,
    /// The URL of a Slack incoming webhook.
    pub(super) slack: Option<String>,
}

/// `POST /projects/{project_id}/destinations`.
///
/// # Errors
/// `not_found`; when the database fails.
pub(super) async fn submit(
    State(state): State<AppState>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Form(typed): Form<Typed>,
) -> Result<Response, ApiError> {
    let project = projects::find(&state, &id).await?;
    let new = match read(&state, &project, &typed).await? {
        Ok(new) => new,
        Err(mistakes) => {
            return super::render(&state, &signed_in, &project, (typed, mistakes)).await;
        }
    };
    let (actor, key) = (signed_in.actor(), &state.master_key);
    let mut tx = pool::begin(&state.pool).await?;
    add_destination(&mut tx, &actor, key, project.id, &new).await?;
    pool::commit(tx).await?;
    let text = format!("Alerts go to {} from now on. Press Test to see one arrive.", new.shown);
    signed_in.leave(&state, &Message::done(text)).await?;
    Ok(go_to(&super::path(&project)))
}

async fn read(
    state: &AppState,
    project: &Project,
    typed: &Typed,
) -> Result<Result<NewDestination, Mistakes>, ApiError> {
    let mut mistakes = Mistakes::default();
    let new = if let Some(url) = &typed.slack {
        let new = NewDestination::slack(url, &state.console.allow);
        mistakes.take("slack", new.map_err(|error| error.0))
    } else {
        let new = NewDestination::email(typed.email.as_deref().unwrap_or_default());
        mistakes.take("email", new)
    };
    let Some(new) = new else { return Ok(Err(mistakes)) };
    // Of a Slack URL only the host can be compared, and that is everybody's.
    let known = list_destinations(&state.pool, Some(project.id)).await?;
    let is_new =
        |one: &store::destinations::Destination| one.kind != "email" || one.address != new.shown;
    if typed.slack.is_none() && !known.iter().all(is_new) {
        mistakes.note("email", "this address is told already");
        return Ok(Err(mistakes));
    }
    Ok(Ok(new))
}
