//! Many incidents together: to which of them it would be done, and how far it is.
//!
//! The list of incidents makes one, which freezes those that were picked; its page then starts it, with
//! a note, and shows how it goes. What is pressed is judged under the lock that steps take; what it was too
//! late for is said and changes nothing. What is of several projects has a page of its own, in `set`.

mod acts;
mod by_id;
mod frozen;
mod page;
mod pick;
mod set;
mod start_form;
mod under_way;
mod values;

use axum::Form;
use axum::extract::{Path, RawForm, RawQuery, State};
use axum::response::Response;
use domain::bulk::{BulkAction, Steering};
use domain::ids::BulkId;
use store::ChangeError;
use store::bulk::{
    self, Bulk, NewBulk, NewSet, PreviewRejection, Selection, SteerRejection, create_preview,
};
use store::pool::transaction;
use web::error::ApiError;

pub(crate) use self::by_id::{find_link, find_set_link};
use self::page::show;
use self::pick::{Pick, Picked};
pub(crate) use self::under_way::{BulkUnderWay, list_under_way};
use self::values::StartValues;
use crate::access::{Access, Pages};
use crate::form::FormErrors;
use crate::page::go_to;
use crate::session::{Message, SignedIn};
use crate::state::ConsoleState;

/// The page and what is done on it.
#[must_use]
pub fn add(pages: Pages) -> Pages {
    set::add(pages)
        .post("/bulk", Access::Operator, create)
        .get("/bulk/{bulk_id}", Access::Viewer, open)
        .post("/bulk/{bulk_id}/start", Access::Operator, start)
        .post("/bulk/{bulk_id}/pause", Access::Operator, |state, signed_in, id| {
            steer(state, signed_in, id, Steering::Pause)
        })
        .post("/bulk/{bulk_id}/resume", Access::Operator, |state, signed_in, id| {
            steer(state, signed_in, id, Steering::Resume)
        })
        .post("/bulk/{bulk_id}/cancel", Access::Operator, |state, signed_in, id| {
            steer(state, signed_in, id, Steering::Cancel)
        })
        .post("/bulk/{bulk_id}/retry", Access::Operator, retry)
}

/// `POST /bulk`: freezes what was picked.
async fn create(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    RawForm(form): RawForm,
) -> Result<Response, ApiError> {
    let pick = Pick::read(&form);
    let (action, back) = (pick.action()?, pick.back());
    let (include_taking, actor) = (pick.include_taking, &signed_in.actor());
    match pick.find(&state.pool, signed_in.session.operator_id).await? {
        Picked::Of(project_id, selection) => {
            let new = NewBulk { project_id, action, selection, include_taking, actor };
            freeze(&state, &signed_in, &new, &pick, &back).await
        }
        Picked::OfSeveral(selections) => {
            let new = NewSet { action, selections, include_taking, actor };
            set::freeze(&state, &signed_in, &new, &pick).await
        }
        Picked::Nothing(why) => signed_in.lead_to(&state, &back, &Message::rejected(why)).await,
    }
}

/// `POST /bulk/{bulk_id}/retry`: freezes what failed.
async fn retry(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let bulk = find(&state, &id).await?;
    let new = NewBulk {
        project_id: bulk.project_id,
        action: BulkAction::Reprocess,
        selection: Selection::FailuresOf(bulk.id),
        include_taking: false,
        actor: &signed_in.actor(),
    };
    freeze(&state, &signed_in, &new, &Pick::default(), &path(bulk.id)).await
}

/// Freezes what is selected, and leads to its page, whose address says what was picked where something was left out that
/// can be taken in; where that cannot be, back with the reason.
async fn freeze(
    state: &ConsoleState,
    signed_in: &SignedIn,
    new: &NewBulk<'_>,
    pick: &Pick,
    back: &str,
) -> Result<Response, ApiError> {
    let created = transaction(&state.pool, async |tx| create_preview(tx, new).await).await;
    match created {
        Ok(preview) => {
            let takes = preview.excluded.taking > 0 && !pick.is_empty();
            let query = if takes { format!("?{}", pick.to_query()) } else { String::new() };
            Ok(go_to(&format!("{}{query}", path(preview.id))))
        }
        Err(error) => not_frozen(state, signed_in, error, back).await,
    }
}

/// Back, with the reason.
async fn not_frozen(
    state: &ConsoleState,
    signed_in: &SignedIn,
    error: ChangeError<PreviewRejection>,
    back: &str,
) -> Result<Response, ApiError> {
    let why = error.rejection()?;
    let why = match why {
        PreviewRejection::NoRepairUrl => {
            format!("Nothing can be reprocessed: {why}. Set a repair URL in the project first.")
        }
        PreviewRejection::NoBulk => why.to_string(),
    };
    signed_in.lead_to(state, back, &Message::rejected(why)).await
}

async fn open(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let bulk = find(&state, &id).await?;
    let pick = Pick::read(query.unwrap_or_default().as_bytes());
    let form = (StartValues::default(), FormErrors::default());
    show(&state, &signed_in, bulk, form, &pick).await
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
        return show(&state, &signed_in, bulk, (values, errors), &Pick::default()).await;
    };
    let actor = signed_in.actor();
    let started = transaction(&state.pool, async |tx| {
        bulk::start(tx, bulk.id, &actor, settings, &note).await
    });
    let said = "It runs. How far it is appears below.";
    done(&state, &signed_in, &path(bulk.id), started.await, said).await
}

/// `POST /bulk/{bulk_id}/pause`, `…/resume` and `…/cancel`.
async fn steer(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    steering: Steering,
) -> Result<Response, ApiError> {
    let bulk = find(&state, &id).await?;
    let actor = signed_in.actor();
    let steered =
        transaction(&state.pool, async |tx| bulk::steer(tx, bulk.id, &actor, steering).await);
    done(&state, &signed_in, &path(bulk.id), steered.await, said(steering)).await
}

/// What is said once it is done.
const fn said(steering: Steering) -> &'static str {
    match steering {
        Steering::Pause => "Paused. What had started goes on; nothing more starts.",
        Steering::Resume => "It goes on. What failed so far is not counted against it any more.",
        Steering::Cancel => "Canceled. What had started goes on; nothing more starts.",
    }
}

/// Back to the page, with what was done or why it was not.
async fn done(
    state: &ConsoleState,
    signed_in: &SignedIn,
    page: &str,
    changed: Result<(), ChangeError<SteerRejection>>,
    said: &str,
) -> Result<Response, ApiError> {
    if changed.is_ok() {
        state.relay.wake();
    }
    let message = Message::from_change(changed, said)?;
    signed_in.lead_to(state, page, &message).await
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
