//! Incidents of several projects together: one preview, one start, and how far each project is.
//!
//! Each project has a bulk of its own, with its own page; here they are started together, and paused, resumed and
//! canceled together. What was pressed changes all that it can change, in one transaction.

mod page;

use axum::Form;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use domain::bulk::{BulkAction, Steering};
use domain::ids::BulkSetId;
use store::bulk::{self, Bulk, NewSet, create_set, list_failures_of};
use store::pool::transaction;
use web::error::ApiError;

use self::page::show;
use super::pick::Pick;
use super::values::StartValues;
use super::{done, not_frozen, said};
use crate::access::{Access, Pages};
use crate::form::FormErrors;
use crate::page::go_to;
use crate::session::{Message, SignedIn};
use crate::state::ConsoleState;

/// The bulks of one set; never none.
struct BulkSet {
    id: BulkSetId,
    bulks: Vec<Bulk>,
}

pub(super) fn add(pages: Pages) -> Pages {
    pages
        .get("/bulk-sets/{set_id}", Access::Viewer, open)
        .post("/bulk-sets/{set_id}/start", Access::Operator, start)
        .post("/bulk-sets/{set_id}/pause", Access::Operator, |state, signed_in, id| {
            steer(state, signed_in, id, Steering::Pause)
        })
        .post("/bulk-sets/{set_id}/resume", Access::Operator, |state, signed_in, id| {
            steer(state, signed_in, id, Steering::Resume)
        })
        .post("/bulk-sets/{set_id}/cancel", Access::Operator, |state, signed_in, id| {
            steer(state, signed_in, id, Steering::Cancel)
        })
        .post("/bulk-sets/{set_id}/retry", Access::Operator, retry)
}

pub(super) fn path(id: BulkSetId) -> String {
    format!("/bulk-sets/{id}")
}

/// Freezes what was picked in several projects. Where something was left out that can be taken in, the page's address
/// says what was picked.
pub(super) async fn freeze(
    state: &ConsoleState,
    signed_in: &SignedIn,
    new: &NewSet<'_>,
    pick: &Pick,
) -> Result<Response, ApiError> {
    let created = transaction(&state.pool, async |tx| create_set(tx, new).await).await;
    match created {
        Ok((id, previews)) => {
            let takes = previews.iter().any(|(_, preview)| preview.excluded.taking > 0);
            let query = if takes { format!("?{}", pick.to_query()) } else { String::new() };
            Ok(go_to(&format!("{}{query}", path(id))))
        }
        Err(error) => not_frozen(state, signed_in, error, &pick.back()).await,
    }
}

async fn open(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let set = find(&state, &id).await?;
    let pick = Pick::read(query.unwrap_or_default().as_bytes());
    let form = (StartValues::default(), FormErrors::default());
    show(&state, &signed_in, &set, form, &pick).await
}

/// `POST /bulk-sets/{set_id}/start`: starts all of them.
async fn start(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    Form(values): Form<StartValues>,
) -> Result<Response, ApiError> {
    let set = find(&state, &id).await?;
    let mut errors = FormErrors::default();
    let Some((settings, note)) = values.read(&mut errors) else {
        let pick = Pick::read(query.unwrap_or_default().as_bytes());
        return show(&state, &signed_in, &set, (values, errors), &pick).await;
    };
    let actor = signed_in.actor();
    let started = transaction(&state.pool, async |tx| {
        bulk::start_set(tx, set.id, &actor, settings, &note).await
    });
    let said = "They run. How far each project is appears below.";
    done(&state, &signed_in, &path(set.id), started.await, said).await
}

/// `POST /bulk-sets/{set_id}/retry`: freezes what failed, of all of them.
async fn retry(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let set = find(&state, &id).await?;
    let selections = list_failures_of(&state.pool, set.id).await?;
    if selections.is_empty() {
        let why = Message::rejected("Nothing of it failed.");
        return signed_in.lead_to(&state, &path(set.id), &why).await;
    }
    let (action, include_taking) = (BulkAction::Reprocess, false);
    let new = NewSet { action, selections, include_taking, actor: &signed_in.actor() };
    let created = transaction(&state.pool, async |tx| create_set(tx, &new).await).await;
    match created {
        Ok((id, _)) => Ok(go_to(&path(id))),
        Err(error) => not_frozen(&state, &signed_in, error, &path(set.id)).await,
    }
}

/// `POST /bulk-sets/{set_id}/pause`, `…/resume` and `…/cancel`.
async fn steer(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    steering: Steering,
) -> Result<Response, ApiError> {
    let set = find(&state, &id).await?;
    let actor = signed_in.actor();
    let steered =
        transaction(&state.pool, async |tx| bulk::steer_set(tx, set.id, &actor, steering).await);
    done(&state, &signed_in, &path(set.id), steered.await, said(steering)).await
}

/// The set that an address names.
async fn find(state: &ConsoleState, id: &str) -> Result<BulkSet, ApiError> {
    let nothing = || ApiError::not_found("There is no such set of bulk reprocesses.");
    let id: BulkSetId = id.parse().map_err(|_| nothing())?;
    let bulks = bulk::list_set(&state.pool, id).await?;
    if bulks.is_empty() { Err(nothing()) } else { Ok(BulkSet { id, bulks }) }
}
