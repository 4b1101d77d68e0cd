//! One more place that is told.

use axum::Form;
use axum::extract::{Path, State};
use axum::response::Response;
use domain::alert::one_line;
use domain::project::Mode;
use serde::Deserialize;
use store::Insertion;
use store::administration::destination::add_destination;
use store::destinations::NewDestination;
use store::pool::transaction;
use web::error::ApiError;

use crate::form::Mistakes;
use crate::projects;
use crate::session::{Message, SignedIn};
use crate::state::ConsoleState;

/// What was typed: the page has a form for each kind, with one of these in it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Typed {
    /// An e-mail address.
    pub(super) email: Option<String>,
    /// The URL of a Slack incoming webhook.
    pub(super) slack: Option<String>,
    /// What people call the channel.
    pub(super) label: Option<String>,
}

/// `POST /projects/{project_id}/destinations`.
///
/// # Errors
/// `not_found`; when the database fails.
pub(super) async fn submit(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Form(typed): Form<Typed>,
) -> Result<Response, ApiError> {
    let project = projects::find(&state, &id).await?;
    let mut mistakes = Mistakes::default();
    let Some(new) = read(&state, project.mode, &typed, &mut mistakes) else {
        return super::render(&state, &signed_in, &project, (typed, mistakes)).await;
    };
    let (actor, key) = (signed_in.actor(), &state.master_key);
    let added = transaction(&state.pool, async |tx| {
        add_destination(tx, &actor, key, project.id, &new).await
    });
    if let Insertion::Existing(_) = added.await? {
        mistakes.note("email", "this address already receives alerts");
        return super::render(&state, &signed_in, &project, (typed, mistakes)).await;
    }
    let name = one_line(new.name());
    let text = format!("Alerts now go to {name}. Press Test to send a test message.");
    signed_in.lead_to(&state, &super::path(&project), &Message::done(text)).await
}

fn read(
    state: &ConsoleState,
    mode: Mode,
    typed: &Typed,
    mistakes: &mut Mistakes,
) -> Option<NewDestination> {
    if let Some(url) = &typed.slack {
        let new = NewDestination::slack(url, mode, &state.allow);
        let new = mistakes.take("slack", new.map_err(|error| error.0))?;
        return mistakes.take("label", new.with_label(typed.label.as_deref()));
    }
    mistakes.take("email", NewDestination::email(typed.email.as_deref().unwrap_or_default()))
}
