//! Incidents.

use domain::ids::{AlertId, CauseId, EventId, IncidentId};
use domain::incident::{IncidentState, Reason, Resolution};
use domain::money::Amount;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// An incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Incident))]
pub struct IncidentResponse {
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = String, example = "inc_01K9QF3Z7M8V2T4B6N0C1D5E9G")
    )]
    pub incident_id: IncidentId,
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = String, example = "ev_01K9QE0A1B2C3D4E5F6G7H8J9K")
    )]
    pub event_id: EventId,
    /// `open`, `acknowledged`, `reprocessing` or `resolved`.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub state: IncidentState,
    /// `missing_result` or `failed_result`.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub reason: Reason,
    pub error_code: Option<String>,
    pub error_message: Option<String>,
    /// `reprocessed`, `late_success`, `superseded` or `manual`, once it is resolved.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub resolution: Option<Resolution>,
    /// How many seconds after `timeout_at` the silence was judged, because of an outage of our own API.
    pub outage_grace_seconds: Option<i32>,
    #[serde(with = "time::serde::rfc3339")]
    pub opened_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    pub resolved_at: Option<OffsetDateTime>,
    /// What it has in common with others; null of one that a release before causes opened.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub cause_id: Option<CauseId>,
    /// The operator who sees to it, by address; there only where somebody does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// What was paid; there only where the receipt said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::money::AmountShape>))]
    pub amount: Option<Amount>,
}

/// An incident with its alerts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = IncidentStory))]
pub struct IncidentDetailsResponse {
    #[serde(flatten)]
    pub incident: IncidentResponse,
    /// One for each destination and each thing that it is told, oldest first.
    #[serde(default)]
    pub alerts: Vec<AlertResponse>,
    /// The newest five resolved incidents of the same cause, the newest first.
    #[serde(default)]
    pub similar: Vec<SimilarIncidentResponse>,
}

/// How an incident of the same cause ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = SimilarIncident))]
pub struct SimilarIncidentResponse {
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = String, example = "inc_01K9QF3Z7M8V2T4B6N0C1D5E9G")
    )]
    pub incident_id: IncidentId,
    pub internal_reference: String,
    /// `reprocessed`, `late_success`, `superseded` or `manual`.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub resolution: Resolution,
    #[serde(with = "time::serde::rfc3339")]
    pub opened_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub resolved_at: OffsetDateTime,
    /// Who resolved it by hand, or asked for the reprocess that did, as in the audit; there only where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_by: Option<String>,
    /// What whoever resolved it by hand said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// An alert about an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Alert))]
pub struct AlertResponse {
    /// `incident_opened`, `incident_acknowledged`, `reprocess_failed` or `incident_resolved`.
    pub kind: String,
    /// What people call the destination.
    pub destination: String,
    /// `pending`, `folded`, `delivered`, `told`, `given_up` or `superseded`.
    pub state: String,
    /// How many were made, without one that is under way.
    pub attempts: i32,
    /// The message about its cause that stands for it; it is `folded` until that is delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub told_by: Option<AlertId>,
}

/// Who shall own an incident.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = OwnerBody))]
pub struct OwnerRequest {
    /// The address of an operator who may act. Default: the token's owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(example = "bob@example.com"))]
    pub email: Option<String>,
    /// Whether it may be somebody else's now. False by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub take_over: Option<bool>,
}

/// A note for the timeline.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = NoteBody))]
pub struct NoteRequest {
    /// 1 to 2,000 characters.
    pub note: Option<String>,
}

/// How an incident was put right, by a note or by the evidence of an extension.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ResolutionBody))]
pub struct ResolutionRequest {
    /// 1 to 2,000 characters. Required without `call_id`.
    pub note: Option<String>,
    /// The call of an extension that proposed that the effect was applied: `call_id` of the timeline's
    /// entry `extension.answered`.
    #[cfg_attr(feature = "openapi", schema(example = "cal_01K9QE0A1B2C3D4E5F6G7H8J9K"))]
    pub call_id: Option<String>,
}
