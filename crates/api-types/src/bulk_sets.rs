//! Bulk reprocesses of several projects, which are frozen and started together.

use domain::bulk::{BulkAction, BulkState};
use domain::ids::{BulkSetId, ProjectId};
use serde::{Deserialize, Serialize};

use crate::bulk::{BulkPreviewResponse, BulkResponse};

/// What shall be done to which incidents of several projects; one of the three names them.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = BulkSetPreviewBody))]
pub struct BulkSetPreviewRequest {
    /// `reprocess`, `acknowledge` or `resolve`. Default: `reprocess`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// These, at most 10,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incident_ids: Option<Vec<String>>,
    /// Those that failed in another set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failures_of: Option<String>,
    /// Those that a list of all projects narrowed by this shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<BulkSetFilter>,
    /// Of a reprocess, whether those count whose reprocess takes something from the customer. False by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_taking: Option<bool>,
}

/// By what incidents of all projects are found. What is left out narrows nothing.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BulkSetFilter {
    /// `test` or `live`. Default: `live`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// `open`, `acknowledged`, `reprocessing` or `resolved`. Default: all that are not resolved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// `missing_result` or `failed_result`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect_type: Option<String>,
    /// A provider's event id, a reference, an id of ours, or words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub q: Option<String>,
}

/// What was frozen in several projects. Nothing has started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = BulkSetPreview))]
pub struct BulkSetPreviewResponse {
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = String, example = "bls_01K9QE0A1B2C3D4E5F6G7H8J9K")
    )]
    pub set_id: BulkSetId,
    /// `reprocess`, `acknowledge` or `resolve`.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub action: BulkAction,
    /// To how many incidents it would be done, in all projects.
    pub incidents: i64,
    pub projects: Vec<BulkSetPreviewItem>,
}

/// What was frozen in one of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BulkSetPreviewItem {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub project_id: ProjectId,
    /// How many are left out because the project cannot reprocess.
    pub excluded_no_repair_url: i64,
    pub bulk: BulkPreviewResponse,
}

/// Bulk reprocesses of several projects and how far they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = BulkSet))]
pub struct BulkSetResponse {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub set_id: BulkSetId,
    /// `reprocess`, `acknowledge` or `resolve`.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub action: BulkAction,
    /// `preview`, `running`, `paused`, `canceled` or `done`: one that runs or is paused counts more than one that is
    /// over.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub state: BulkState,
    pub note: Option<String>,
    /// How many incidents all of them have, and how many are in each state.
    pub incidents: i64,
    pub waiting: i64,
    pub started: i64,
    pub succeeded: i64,
    pub failed: i64,
    pub skipped: i64,
    pub projects: Vec<BulkSetItem>,
}

/// The bulk reprocess of one of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BulkSetItem {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub project_id: ProjectId,
    pub bulk: BulkResponse,
}
