//! `/api/v1/projects/{project_id}/audit`.

use api_types::audit::AuditEntryResponse;
use api_types::list::Listed;
use axum::Json;
use axum::extract::{Path, Query, State};
use domain::audit::Action;
use domain::days;
use domain::field::FieldError;
use serde::Deserialize;
use store::search::audit::{AuditSearch, is_subject, search_audit};
use utoipa::IntoParams;
use web::error::ApiError;
use web::state::AppState;

use super::caller::{self, Caller};
use super::paging::Paging;
use super::responses;

/// Which entries are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// An actor, or a kind such as `operator:`.
    actor: Option<String>,
    /// An action, or a group such as `incident.`.
    action: Option<String>,
    /// The id of an event or an incident.
    subject: Option<String>,
    /// The first day, in UTC, such as 2026-11-21.
    from: Option<String>,
    /// The last day, which is included.
    to: Option<String>,
}

/// The audit of a project, newest first.
#[utoipa::path(get, path = "/api/v1/projects/{project_id}/audit", operation_id = "list_audit_entries", tag = "audit",
    params(("project_id" = String, Path), AuditQuery, Paging),
    responses((status = 200, description = "One page of audit entries.", body = Listed<AuditEntryResponse>)))]
pub async fn list(
    State(state): State<AppState>,
    _: Caller,
    Path(id): Path<String>,
    Query(wanted): Query<AuditQuery>,
    Query(paging): Query<Paging>,
) -> Result<Json<Listed<AuditEntryResponse>>, ApiError> {
    let project = caller::project(&state, &id).await?;
    let search = AuditSearch {
        project_id: Some(project.id),
        cursor: paging.cursor()?,
        limit: paging.limit()?,
        ..read(wanted)?
    };
    let page = search_audit(&state.pool, &search).await?;
    Ok(Json(responses::page(page, responses::audit_entry)))
}

fn read(wanted: AuditQuery) -> Result<AuditSearch, ApiError> {
    const NO_DAY: &str = "must be a day such as 2026-11-21";
    let mut wrong = Vec::new();
    let mut reject = |field: &str, why: &str| wrong.push(FieldError::new(field, why));
    let AuditQuery { actor, action, subject, from, to } = wanted;
    if actor.as_deref().is_some_and(|actor| actor.contains(char::is_control)) {
        reject("actor", "must not contain control characters");
    }
    if let Some(action) = action.as_deref().filter(|action| !Action::is_named_by(action)) {
        let allowed = action.parse::<Action>().err().map(|why| why.to_string());
        let allowed = allowed.unwrap_or_default();
        reject("action", &format!("{allowed}, or a group of them such as incident."));
    }
    if subject.as_deref().is_some_and(|id| !is_subject(id.trim())) {
        reject("subject", "must be the id of a project, an event or an incident");
    }
    let from = from.as_deref().map(days::begin_of).transpose();
    let from = from.map_err(|_| reject("from", NO_DAY)).ok().flatten();
    let to = to.as_deref().map(days::end_of).transpose();
    let to = to.map_err(|_| reject("to", NO_DAY)).ok().flatten().flatten();
    if !wrong.is_empty() {
        return Err(ApiError::ValidationError(wrong));
    }
    Ok(AuditSearch { actor, action, subject, from, to, ..AuditSearch::default() })
}
