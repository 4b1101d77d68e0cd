//! Bulk reprocesses; so are many incidents acknowledged and resolved.

use domain::bulk::{BulkAction, BulkState, ItemState};
use domain::ids::{BulkId, BulkSetId, CauseId, EventId, IncidentId, ReplayId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// What shall be done to which incidents: all that are not resolved, or those that one of these names.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = BulkPreviewBody))]
pub struct BulkPreviewRequest {
    /// `reprocess`, `acknowledge` or `resolve`. Default: `reprocess`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Those of one cause.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause_id: Option<String>,
    /// These, at most 10,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incident_ids: Option<Vec<String>>,
    /// Those that failed in another bulk reprocess.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failures_of: Option<String>,
    /// Those that a list narrowed by this shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<BulkFilter>,
    /// Of a reprocess, whether those count whose reprocess takes something from the customer. False by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_taking: Option<bool>,
}

/// By what incidents are found, as their list is narrowed. What is left out narrows nothing.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BulkFilter {
    /// `open`, `acknowledged`, `reprocessing` or `resolved`. Default: all that are not resolved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// `missing_result` or `failed_result`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect_type: Option<String>,
    /// A provider's event id, a reference, an id of ours, or words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub q: Option<String>,
}

/// How many of an effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EffectCount {
    pub effect_type: String,
    pub incidents: i64,
}

/// What was frozen. Nothing has started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = BulkPreview))]
pub struct BulkPreviewResponse {
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = String, example = "blk_01K9QE0A1B2C3D4E5F6G7H8J9K")
    )]
    pub bulk_id: BulkId,
    /// `reprocess`, `acknowledge` or `resolve`.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub action: BulkAction,
    /// To how many incidents it would be done.
    pub incidents: i64,
    #[serde(with = "time::serde::rfc3339::option")]
    pub oldest_opened_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub newest_opened_at: Option<OffsetDateTime>,
    pub by_effect: Vec<EffectCount>,
    /// How many are left out because their reprocess runs.
    pub excluded_running: i64,
    /// How many are left out because their reprocess takes something from the customer.
    pub excluded_taking: i64,
    /// How many of those that were named are resolved.
    pub excluded_resolved: i64,
    /// How many are left out because they are acknowledged already.
    pub excluded_acknowledged: i64,
    /// How many more there are than one bulk reprocess takes.
    pub left_over: i64,
}

/// How a bulk reprocess shall go.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = BulkStartBody))]
pub struct BulkStartRequest {
    /// Why, for the timelines. 1 to 2,000 characters.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub note: String,
    /// Of a reprocess, how many must succeed before the rest begins: 0 to 100. Default: 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary: Option<i32>,
    /// Of a reprocess, how many a minute: 1 to 600. Default: 30.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_minute: Option<i32>,
    /// Of a reprocess: pauses when so many of a hundred failed, 1 to 100. Default: 20.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_percent: Option<i32>,
}

/// A bulk reprocess and how far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = BulkReprocess))]
pub struct BulkResponse {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub bulk_id: BulkId,
    /// `reprocess`, `acknowledge` or `resolve`.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub action: BulkAction,
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub cause_id: Option<CauseId>,
    /// The one whose failures it takes up.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub failures_of: Option<BulkId>,
    /// The set that it was frozen with and starts with.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub set_id: Option<BulkSetId>,
    /// `preview`, `running`, `paused`, `canceled` or `done`.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub state: BulkState,
    /// Why it is paused, if it paused by itself.
    pub why: Option<String>,
    pub requested_by: String,
    pub note: Option<String>,
    pub canary: Option<i32>,
    pub per_minute: Option<i32>,
    pub stop_percent: Option<i32>,
    /// How many incidents it has, and how many of them are in each state.
    pub incidents: i64,
    pub waiting: i64,
    pub started: i64,
    pub succeeded: i64,
    pub failed: i64,
    pub skipped: i64,
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    pub started_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub ended_at: Option<OffsetDateTime>,
}

/// One incident of a bulk reprocess.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = BulkItem))]
pub struct BulkItemResponse {
    /// Its place in the order, from 1.
    pub place: i32,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub incident_id: IncidentId,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub event_id: EventId,
    pub internal_reference: String,
    /// `waiting`, `started`, `succeeded`, `failed` or `skipped`.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub state: ItemState,
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub replay_id: Option<ReplayId>,
    /// Why it was skipped, or what its reprocess ended as.
    pub why: Option<String>,
}
