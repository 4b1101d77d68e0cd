//! The audit of a project.

use domain::ids::{AuditId, EventId, IncidentId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

/// Who did what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = AuditEntry))]
pub struct AuditEntryResponse {
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = String, example = "aud_01K9QE0A1B2C3D4E5F6G7H8J9K")
    )]
    pub audit_id: AuditId,
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// `key:…`, `operator:…`, `cli:…`, `temporal:…` or `system`.
    pub actor: String,
    /// Such as `incident.opened`.
    pub action: String,
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub event_id: Option<EventId>,
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub incident_id: Option<IncidentId>,
    pub detail: Value,
}
