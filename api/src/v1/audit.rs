//! `/api/v1/projects/{project_id}/audit`.

use axum::Json;
use axum::extract::{Path, Query, State};
use domain::ids::{AuditId, EventId, IncidentId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::search::audit::{AuditEntry, AuditSearch, search_audit};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};

use super::caller::{self, Caller};
use super::paging::{Listed, Paging};
use crate::error::ApiError;
use crate::state::AppState;

/// Who did what.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditShape {
    #[schema(value_type = String, example = "aud_01K9QE0A1B2C3D4E5F6G7H8J9K")]
    audit_id: AuditId,
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    at: OffsetDateTime,
    /// `key:…`, `operator:…`, `cli:…`, `temporal:…` or `system`.
    actor: String,
    /// Such as `incident.opened`.
    action: String,
    #[schema(value_type = Option<String>)]
    event_id: Option<EventId>,
    #[schema(value_type = Option<String>)]
    incident_id: Option<IncidentId>,
    detail: Value,
}

impl From<AuditEntry> for AuditShape {
    fn from(entry: AuditEntry) -> Self {
        Self {
            audit_id: entry.id,
            at: entry.at,
            actor: entry.actor,
            action: entry.action,
            event_id: entry.event_id,
            incident_id: entry.incident_id,
            detail: entry.detail,
        }
    }
}

/// Which entries are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// An actor, or a kind such as `operator:`.
    actor: Option<String>,
    /// An action, or a group such as `incident.`.
    action: Option<String>,
    /// An event or an incident.
    subject: Option<String>,
}

/// The audit of a project, newest first.
///
/// # Errors
/// As the document says.
#[utoipa::path(get, path = "/api/v1/projects/{project_id}/audit", tag = "audit",
    params(("project_id" = String, Path), AuditQuery, Paging),
    responses((status = 200, body = Listed<AuditShape>), (status = 404, body = super::reference::ErrorBody), (status = 422, body = super::reference::ErrorBody)))]
pub async fn list(
    State(state): State<AppState>,
    _: Caller,
    Path(id): Path<String>,
    Query(wanted): Query<AuditQuery>,
    Query(paging): Query<Paging>,
) -> Result<Json<Listed<AuditShape>>, ApiError> {
    let project = caller::project(&state, &id).await?;
    let search = AuditSearch {
        project_id: Some(project.id),
        actor: wanted.actor,
        action: wanted.action,
        subject: wanted.subject,
        cursor: paging.cursor()?,
        limit: paging.limit()?,
        ..AuditSearch::default()
    };
    let page = search_audit(&state.pool, &search).await?;
    Ok(Json(Listed::of(page, AuditShape::from)))
}
