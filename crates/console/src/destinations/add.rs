//! Adding a destination.

use axum::Form;
use axum::extract::{Path, State};
use axum::response::Response;
use domain::alert::one_line;
use domain::extension::{ActivityName, QueueName};
use domain::project::Mode;
use serde::Deserialize;
use store::Insertion;
use store::administration::destination::add_destination;
use store::destinations::NewDestination;
use store::pool::transaction;
use web::error::ApiError;
use web::random;

use super::Forms;
use crate::form::FormErrors;
use crate::projects;
use crate::session::{Message, SignedIn};
use crate::state::ConsoleState;

/// What was typed: the page has a form for each kind, with one of these in it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct DestinationValues {
    pub(super) email: Option<String>,
    /// The URL of a Slack incoming webhook.
    pub(super) slack: Option<String>,
    /// The URL of an endpoint that takes signed JSON.
    pub(super) webhook: Option<String>,
    /// An activity of a team's own worker.
    pub(super) activity: Option<String>,
    /// The task queue of that worker.
    pub(super) queue: Option<String>,
    /// What people call the channel.
    pub(super) label: Option<String>,
    /// What people call the webhook.
    pub(super) webhook_label: Option<String>,
    /// What people call the activity.
    pub(super) activity_label: Option<String>,
}

/// `POST /projects/{project_id}/destinations`.
///
/// # Errors
/// `not_found`; when the database fails.
pub(super) async fn submit(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Form(values): Form<DestinationValues>,
) -> Result<Response, ApiError> {
    let project = projects::find(&state, &id).await?;
    let mut errors = FormErrors::default();
    let Some(new) = read(&state, project.mode, &values, &mut errors)? else {
        let forms = Forms { values, errors, rename: None };
        return super::render(&state, &signed_in, &project, forms).await;
    };
    let (actor, key) = (signed_in.actor(), &state.master_key);
    let added = transaction(&state.pool, async |tx| {
        add_destination(tx, &actor, key, project.id, &new).await
    });
    if let Insertion::Existing(_) = added.await? {
        let what = if new.target.kind() == "activity" { "activity" } else { "address" };
        errors.note(new.target.kind(), format!("this {what} already receives alerts"));
        let forms = Forms { values, errors, rename: None };
        return super::render(&state, &signed_in, &project, forms).await;
    }
    let name = one_line(new.name());
    let text = format!("Alerts now go to {name}. Press Test to send a test message.");
    let message = match new.target.current_secret() {
        Some(secret) => Message::done(text).with_secret("the signing secret", secret.reveal()),
        None => Message::done(text),
    };
    signed_in.lead_to(&state, &super::path(&project), &message).await
}

fn read(
    state: &ConsoleState,
    mode: Mode,
    values: &DestinationValues,
    errors: &mut FormErrors,
) -> Result<Option<NewDestination>, ApiError> {
    if let Some(url) = &values.slack {
        let new = NewDestination::slack(url, mode, &state.allow);
        let new = errors.take("slack", new.map_err(|error| error.0));
        let label = values.label.as_deref();
        return Ok(new.and_then(|new| errors.take("label", new.with_label(label))));
    }
    if let Some(url) = &values.webhook {
        let secret = random::signing_secret().map_err(ApiError::internal)?;
        let new = NewDestination::webhook(url, secret, mode, &state.allow);
        let new = errors.take("webhook", new.map_err(|error| error.0));
        let label = values.webhook_label.as_deref();
        return Ok(new.and_then(|new| errors.take("webhook_label", new.with_label(label))));
    }
    if let Some(activity) = &values.activity {
        let queue = values.queue.as_deref().unwrap_or_default().trim();
        let activity = errors.take("activity", activity.trim().parse::<ActivityName>());
        let queue = errors.take("queue", queue.parse::<QueueName>());
        let new =
            activity.zip(queue).map(|(activity, queue)| NewDestination::activity(activity, queue));
        let label = values.activity_label.as_deref();
        return Ok(new.and_then(|new| errors.take("activity_label", new.with_label(label))));
    }
    let address = values.email.as_deref().unwrap_or_default();
    Ok(errors.take("email", NewDestination::email(address)))
}
