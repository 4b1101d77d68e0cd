//! Bulk reprocesses: what would be reprocessed, and how far it is.
//!
//! The list of a cause makes one, which freezes its incidents; its page then starts it, with a note,
//! and shows how it goes. What is pressed is judged under the lock that steps take; what it was too
//! late for is said and changes nothing.

mod page;
mod values;

use axum::Form;
use axum::extract::{Path, State};
use axum::response::Response;
use domain::bulk::Steering;
use domain::ids::{BulkId, CauseId, ProjectId};
use serde::Deserialize;
use store::ChangeError;
use store::bulk::{
    self, Bulk, NewBulk, PreviewRejection, Selection, SteerRejection, create_preview,
};
use store::pool::transaction;
use store::search::causes::find_cause;
use web::error::ApiError;

use self::page::show;
use self::values::StartValues;
use crate::access::{Access, Pages};
use crate::form::FormErrors;
use crate::incidents::cause_href;
use crate::page::go_to;
use crate::session::{Message, SignedIn};
use crate::state::ConsoleState;

/// The page and what is done on it.
#[must_use]
pub fn add(pages: Pages) -> Pages {
    pages
        .post("/bulk", Access::Operator, create)
        .get("/bulk/{bulk_id}", Access::Viewer, open)
        .post("/bulk/{bulk_id}/start", Access::Operator, start)
        .post("/bulk/{bulk_id}/pause", Access::Operator, pause)
        .post("/bulk/{bulk_id}/resume", Access::Operator, resume)
        .post("/bulk/{bulk_id}/cancel", Access::Operator, cancel)
        .post("/bulk/{bulk_id}/retry", Access::Operator, retry)
}

/// Which incidents.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct NewForm {
    cause: String,
    include_taking: Option<String>,
}

/// `POST /bulk`: freezes the incidents of a cause.
async fn create(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Form(form): Form<NewForm>,
) -> Result<Response, ApiError> {
    let nothing = || ApiError::not_found("There is no such cause.");
    let id: CauseId = form.cause.parse().map_err(|_| nothing())?;
    let cause = find_cause(&state.pool, id).await?.ok_or_else(nothing)?;
    let include_taking = form.include_taking.is_some();
    let selection = Selection::Cause(id);
    freeze(&state, &signed_in, cause.project_id, selection, include_taking, &cause_href(id)).await
}

/// `POST /bulk/{bulk_id}/retry`: freezes what failed.
async fn retry(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let bulk = find(&state, &id).await?;
    let selection = Selection::FailuresOf(bulk.id);
    // What was among them was to be reprocessed.
    freeze(&state, &signed_in, bulk.project_id, selection, true, &path(bulk.id)).await
}

/// Freezes what is selected, and leads to its page; where that cannot be, back with the reason.
async fn freeze(
    state: &ConsoleState,
    signed_in: &SignedIn,
    project_id: ProjectId,
    selection: Selection,
    include_taking: bool,
    back: &str,
) -> Result<Response, ApiError> {
    let actor = signed_in.actor();
    let new = NewBulk { project_id, selection, include_taking, actor: &actor };
    let created = transaction(&state.pool, async |tx| create_preview(tx, &new).await).await;
    let why = match created {
        Ok(preview) => return Ok(go_to(&path(preview.id))),
        Err(ChangeError::Store(error)) => return Err(error.into()),
        Err(ChangeError::Rejected(why @ PreviewRejection::NoRepairUrl)) => {
            format!("Nothing can be reprocessed: {why}. Set a repair URL in the project first.")
        }
        Err(ChangeError::Rejected(why @ PreviewRejection::NoBulk)) => why.to_string(),
    };
    signed_in.lead_to(state, back, &Message::rejected(why)).await
}

async fn open(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let bulk = find(&state, &id).await?;
    show(&state, &signed_in, bulk, StartValues::default(), FormErrors::default()).await
}

/// `POST /bulk/{bulk_id}/start`.
async fn start(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Form(values): Form<StartValues>,
) -> Result<Response, ApiError> {
    let bulk = find(&state, &id).await?;
    let mut errors = FormErrors::default();
    let Some((settings, note)) = values.read(&mut errors) else {
        return show(&state, &signed_in, bulk, values, errors).await;
    };
    let actor = signed_in.actor();
    let started = transaction(&state.pool, async |tx| {
        bulk::start(tx, bulk.id, &actor, settings, &note).await
    });
    let said = "It runs. How far it is appears below.";
    done(&state, &signed_in, bulk.id, started.await, said).await
}

async fn pause(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let said = "Paused. What had started goes on; nothing more starts.";
    steer(&state, &signed_in, &id, Steering::Pause, said).await
}

async fn resume(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let said = "It goes on. What failed so far is not counted against it any more.";
    steer(&state, &signed_in, &id, Steering::Resume, said).await
}

async fn cancel(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let said = "Canceled. What had started goes on; nothing more starts.";
    steer(&state, &signed_in, &id, Steering::Cancel, said).await
}

async fn steer(
    state: &ConsoleState,
    signed_in: &SignedIn,
    id: &str,
    steering: Steering,
    said: &str,
) -> Result<Response, ApiError> {
    let bulk = find(state, id).await?;
    let actor = signed_in.actor();
    let steered =
        transaction(&state.pool, async |tx| bulk::steer(tx, bulk.id, &actor, steering).await);
    done(state, signed_in, bulk.id, steered.await, said).await
}

/// Back to the page, with what was done or why it was not.
async fn done(
    state: &ConsoleState,
    signed_in: &SignedIn,
    id: BulkId,
    changed: Result<(), ChangeError<SteerRejection>>,
    said: &str,
) -> Result<Response, ApiError> {
    let message = match changed {
        Ok(()) => {
            state.relay.wake();
            Message::done(said)
        }
        Err(ChangeError::Store(error)) => return Err(error.into()),
        Err(ChangeError::Rejected(why)) => {
            Message::rejected(format!("Nothing was changed: {why}."))
        }
    };
    signed_in.lead_to(state, &path(id), &message).await
}

fn path(id: BulkId) -> String {
    format!("/bulk/{id}")
}

/// The bulk reprocess that an address names.
async fn find(state: &ConsoleState, id: &str) -> Result<Bulk, ApiError> {
    let nothing = || ApiError::not_found("There is no such bulk reprocess.");
    let id: BulkId = id.parse().map_err(|_| nothing())?;
    bulk::find_bulk(&state.pool, id).await?.ok_or_else(nothing)
}
