//! Destinations of a project: where its alerts go.
//!
//! A URL or key is a secret: it is typed once and only its host or end is ever shown. The Test button sends
//! a real message over the real path and shows the other side's response, verbatim.

mod add;
mod every_incident;
mod rename;
mod secret;
mod test_message;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use domain::alert::one_line;
use domain::destination::{DestinationKind, KindDescription};
use domain::ids::DestinationId;
use store::destinations::{Destination, find_destination, list_destinations};
use store::pool::transaction;
use store::projects::Project;
use store::{administration, alert_claims};
use time::OffsetDateTime;
use web::error::ApiError;

use self::add::{DestinationValues, KindForm};
use self::rename::RejectedLabel;
use super::access::{Access, Pages};
use super::form::FormErrors;
use super::layout::{Layout, Section};
use super::page::page_with;
use super::projects::{Head, PathProject, Tab};
use super::session::{Message, SignedIn};
use super::when::When;
use crate::state::ConsoleState;

const ALL: &str = "/projects/{project_id}/destinations";
const TEST: &str = "/projects/{project_id}/destinations/{destination_id}/test";
const RENAME: &str = "/projects/{project_id}/destinations/{destination_id}/rename";
const EVERY_INCIDENT: &str = "/projects/{project_id}/destinations/{destination_id}/every-incident";
const ROTATE: &str = "/projects/{project_id}/destinations/{destination_id}/secret/rotate";
const REMOVE: &str = "/projects/{project_id}/destinations/{destination_id}/remove";

pub fn add(pages: Pages) -> Pages {
    pages
        .get(ALL, Access::Viewer, show)
        .post(ALL, Access::Admin, add::submit)
        .post(TEST, Access::Operator, test_message::submit)
        .post(RENAME, Access::Admin, rename::submit)
        .post(EVERY_INCIDENT, Access::Admin, every_incident::submit)
        .post(ROTATE, Access::Admin, secret::rotate)
        .post(REMOVE, Access::Admin, remove)
}

#[derive(Template)]
#[template(path = "pages/destinations.html")]
struct DestinationsPage {
    layout: Layout,
    head: Head,
    rows: Vec<DestinationItem>,
    forms: Vec<KindForm>,
}

/// The forms that are shown again.
#[derive(Default)]
struct Forms {
    values: DestinationValues,
    errors: FormErrors,
    rename: Option<RejectedLabel>,
}

struct DestinationItem {
    id: DestinationId,
    kind: String,
    name: String,
    /// Its address, where it goes by another name.
    address: Option<String>,
    /// The task queue of an activity.
    queue: Option<String>,
    /// What is in the field for its label.
    label: String,
    /// What is wrong with that.
    rejected: Option<String>,
    made: When,
    /// Since when nothing arrives there.
    broken: Option<When>,
    /// Since when it takes no message.
    failing: Option<When>,
    /// How many attempts have failed since then, and what came back last.
    attempts: i32,
    answer: Option<String>,
    /// When it is tried again.
    next: Option<When>,
    /// How many alerts wait for it.
    waiting: i64,
    /// Whether it gets each incident by itself.
    every_incident: bool,
}

impl DestinationItem {
    fn description(&self) -> &'static KindDescription {
        self.kind.parse().unwrap_or(DestinationKind::Email).description()
    }

    fn label_hint(&self) -> String {
        format!("Leave it empty to name it by {}.", self.description().named_by)
    }

    fn kind_name(&self) -> &'static str {
        self.description().name
    }

    fn is_webhook(&self) -> bool {
        self.kind == DestinationKind::Webhook.as_str()
    }

    /// What a destination that broke answered, and what to do about it.
    fn cure(&self) -> String {
        format!("{} {}", self.description().gone, self.description().cure)
    }
}

async fn show(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    PathProject(project): PathProject,
) -> Result<Response, ApiError> {
    render(&state, &signed_in, &project, Forms::default()).await
}

async fn remove(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    PathProject(project): PathProject,
    Path((_, destination_id)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let found = find(&state, &project, &destination_id).await?;
    let removed = transaction(&state.pool, async |tx| {
        administration::destination::remove_destination(tx, &signed_in.actor(), found.id).await
    });
    removed.await?.ok_or_else(none)?;
    let text = format!("{} no longer receives alerts.", one_line(&found.label));
    signed_in.lead_to(&state, &path(&project), &Message::done(text)).await
}

/// The destination that a path names, among those of this project.
async fn find(state: &ConsoleState, project: &Project, id: &str) -> Result<Destination, ApiError> {
    let id: DestinationId = id.parse().map_err(|_| none())?;
    let found = find_destination(&state.pool, id).await?;
    found.filter(|one| one.project_id == project.id).ok_or_else(none)
}

fn none() -> ApiError {
    ApiError::not_found("this project has no such destination")
}

async fn render(
    state: &ConsoleState,
    signed_in: &SignedIn,
    project: &Project,
    forms: Forms,
) -> Result<Response, ApiError> {
    let now = OffsetDateTime::now_utc();
    let destinations = list_destinations(&state.pool, Some(project.id)).await?;
    let waiting = alert_claims::count_waiting(&state.pool, project.id).await?;
    let waiting = |id| waiting.get(&id).copied().unwrap_or_default();
    let mut rows: Vec<_> =
        destinations.into_iter().map(|one| row(&one, waiting(one.id), now)).collect();
    let Forms { values, errors, rename } = forms;
    let status = rename.as_ref().map_or(&errors, |rejected| &rejected.errors).status();
    if let Some(rejected) = rename
        && let Some(row) = rows.iter_mut().find(|row| row.id == rejected.id)
    {
        row.rejected = rejected.errors.of("label").map(str::to_owned);
        row.label = rejected.label;
    }
    let heading = heading(&rows, &one_line(&project.name));
    let head = Head::new(project, Tab::Destinations, heading);
    let layout = Layout::load(state, signed_in, Section::Projects, head.title()).await?;
    let forms = add::forms(&values, &errors);
    page_with(status, &DestinationsPage { layout, head, rows, forms })
}

fn row(destination: &Destination, waiting: i64, now: OffsetDateTime) -> DestinationItem {
    DestinationItem {
        id: destination.id,
        kind: destination.kind.clone(),
        name: one_line(&destination.label),
        address: (destination.label != destination.address).then(|| one_line(&destination.address)),
        queue: destination.queue.as_ref().map(ToString::to_string),
        label: if destination.label == destination.address {
            String::new()
        } else {
            destination.label.clone()
        },
        rejected: None,
        made: When::ago(destination.created_at, now),
        broken: destination.broken_at.map(|at| When::ago(at, now)),
        failing: destination.failing_since.map(|at| When::ago(at, now)),
        attempts: destination.failures,
        answer: destination.last_failure.as_deref().map(one_line),
        next: destination.retry_at.filter(|at| *at > now).map(When::brief),
        waiting,
        every_incident: destination.every_incident,
    }
}

fn heading(rows: &[DestinationItem], name: &str) -> String {
    let broken = rows.iter().filter(|row| row.broken.is_some()).count();
    match (rows.len(), broken) {
        (0, _) => format!("No one is notified when {name} has an incident"),
        (all, broken) if all == broken => format!("No alert of {name} reaches anyone"),
        (1, _) => format!("Alerts of {name} go to one destination"),
        (all, 0) => format!("Alerts of {name} go to {all} destinations"),
        (all, 1) => format!("Alerts of {name} go to {all} destinations, one of them broken"),
        (all, broken) => {
            format!("Alerts of {name} go to {all} destinations, {broken} of them broken")
        }
    }
}

fn path(project: &Project) -> String {
    format!("/projects/{}/destinations", project.id)
}
