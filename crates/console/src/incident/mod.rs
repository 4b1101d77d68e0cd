//! One incident: who paid for what, what is missing, since when, and what to do next.
//!
//! The page reads the incident's state; what may be done is judged again under the event's lock
//! when a form arrives, so two people who press concurrently see who was first. A form with a
//! mistake is shown again on this page with what was typed.

mod actions;
mod check_repair;
mod details;
mod forms;
mod next;
mod owner;
mod proof;
mod siblings;
mod snooze;
mod view;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use web::error::ApiError;

use self::details::IncidentDetails;
pub(crate) use self::details::find;
pub(crate) use self::forms::IncidentForms;
use self::view::IncidentPage;
use super::access::{Access, Pages};
use super::page::page_with;
use super::session::SignedIn;
use crate::state::ConsoleState;

/// The page and what is done on it.
#[must_use]
pub fn add(pages: Pages) -> Pages {
    pages
        .get("/incidents/{incident_id}", Access::Viewer, open)
        .post("/incidents/{incident_id}/reprocess", Access::Operator, actions::reprocess)
        .post("/incidents/{incident_id}/acknowledge", Access::Operator, actions::acknowledge)
        .post("/incidents/{incident_id}/resolve", Access::Operator, actions::resolve)
        .post(
            "/incidents/{incident_id}/resolve-by-evidence",
            Access::Operator,
            actions::resolve_by_evidence,
        )
        .post("/incidents/{incident_id}/check-repair", Access::Operator, check_repair::submit)
        .post("/incidents/{incident_id}/take", Access::Operator, owner::take)
        .post("/incidents/{incident_id}/assign", Access::Operator, owner::assign)
        .post("/incidents/{incident_id}/release", Access::Operator, owner::release)
        .post("/incidents/{incident_id}/snooze", Access::Operator, snooze::begin)
        .post("/incidents/{incident_id}/unsnooze", Access::Operator, snooze::end)
        .post("/incidents/{incident_id}/proof-links", Access::Operator, proof::create)
        .post(
            "/incidents/{incident_id}/proof-links/{link_id}/revoke",
            Access::Operator,
            proof::revoke,
        )
}

async fn open(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    show(&state, &signed_in, &id, StatusCode::OK, IncidentForms::default()).await
}

/// The page, with what was typed into its forms.
pub(crate) async fn show(
    state: &ConsoleState,
    signed_in: &SignedIn,
    id: &str,
    status: StatusCode,
    forms: IncidentForms,
) -> Result<Response, ApiError> {
    let details = IncidentDetails::read(state, find(state, id).await?).await?;
    page_with(status, &IncidentPage::new(state, signed_in, details, forms).await?)
}
