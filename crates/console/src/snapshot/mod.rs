//! The payload that an app sent with a receipt: shown to admins, pretty-printed and searchable, and as a file.
//!
//! It may hold whatever the provider knows of a customer. So nothing of it is shown before the audit holds who
//! looks, and the page does not refresh itself, since each look is an entry. Which roles may open it is the
//! guard's to decide, as of every page.

mod pretty;
mod shown;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use domain::ids::EventId;
use serde::Deserialize;
use store::administration::snapshot::{self as audited, Look};
use store::events::PaymentEvent;
use store::{StoreError, snapshots};
use time::OffsetDateTime;
use web::error::ApiError;

use self::shown::ShownLines;
use super::access::{Access, Pages};
use super::event;
use super::layout::{Layout, Section};
use super::page::page;
use super::session::SignedIn;
use super::when::When;
use crate::state::ConsoleState;

/// A longer term finds nothing that a shorter one does not.
const MAX_TERM: usize = 300;

#[must_use]
pub fn add(pages: Pages) -> Pages {
    pages.get("/events/{event_id}/snapshot", Access::Admin, open).get(
        "/events/{event_id}/snapshot/download",
        Access::Admin,
        download,
    )
}

/// Where the snapshot of an event is shown.
#[must_use]
pub fn path(event_id: EventId) -> String {
    format!("/events/{event_id}/snapshot")
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Search {
    q: String,
}

#[derive(Template)]
#[template(path = "pages/snapshot.html")]
struct SnapshotPage {
    layout: Layout,
    event_id: String,
    path: String,
    term: String,
    max_term: usize,
    received: When,
    kept_until: When,
    /// Why nothing is shown.
    problem: Option<String>,
    shown: ShownLines,
}

async fn open(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Query(search): Query<Search>,
) -> Result<Response, ApiError> {
    let (event, due_at) = find(&state, &id).await?;
    let term: String = search.q.trim().chars().take(MAX_TERM).collect();
    let (shown, problem) = match look(&state, &signed_in, event.id, Look::Page).await? {
        Ok(snapshot) => (ShownLines::choose(&pretty::lines(&snapshot), &term), None),
        Err(problem) => (ShownLines::default(), Some(problem)),
    };
    page(&SnapshotPage {
        layout: Layout::load(&state, &signed_in, Section::Events, "Snapshot").await?,
        event_id: event.id.to_string(),
        path: path(event.id),
        term,
        max_term: MAX_TERM,
        received: When::exact(event.received_at),
        kept_until: When::exact(due_at),
        problem,
        shown,
    })
}

/// The bytes as the app sent them.
async fn download(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let (event, _) = find(&state, &id).await?;
    let snapshot = look(&state, &signed_in, event.id, Look::Download).await?;
    let snapshot = snapshot.map_err(ApiError::not_found)?;
    let name = format!("attachment; filename=\"snapshot-{}.json\"", event.id);
    let name = HeaderValue::from_str(&name).map_err(ApiError::internal)?;
    let kind = HeaderValue::from_static("application/json");
    Ok(([(CONTENT_TYPE, kind), (CONTENT_DISPOSITION, name)], snapshot).into_response())
}

/// The event, and until when its snapshot is kept.
async fn find(state: &ConsoleState, id: &str) -> Result<(PaymentEvent, OffsetDateTime), ApiError> {
    let event = event::find(state, id).await?;
    let due_at = snapshots::find_due_at(&state.pool, event.id).await?.ok_or_else(none_kept)?;
    Ok((event, due_at))
}

fn none_kept() -> ApiError {
    ApiError::not_found(
        "No snapshot of this event is kept: none came with the receipt, the project keeps none, or it was deleted \
         when its days were over.",
    )
}

/// The snapshot, once the look is in the audit; or why it does not open.
async fn look(
    state: &ConsoleState,
    signed_in: &SignedIn,
    event_id: EventId,
    look: Look,
) -> Result<Result<String, String>, ApiError> {
    let (actor, key) = (signed_in.actor(), &state.master_key);
    match audited::look(&state.pool, key, &actor, event_id, look).await {
        Ok(snapshot) => Ok(Ok(snapshot.ok_or_else(none_kept)?)),
        Err(StoreError::Seal(error)) => Ok(Err(format!("It does not open: {error}."))),
        Err(error) => Err(error.into()),
    }
}
