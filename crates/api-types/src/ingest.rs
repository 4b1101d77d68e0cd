//! The responses to the two calls of apps, which docs/api.md describes.

use domain::event::Effect;
use domain::ids::{EventId, IncidentId};
use domain::incident::IncidentState;
use domain::snapshot::DropReason;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// The receipt is in the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptResponse {
    pub event_id: EventId,
    #[serde(with = "time::serde::rfc3339")]
    pub timeout_at: OffsetDateTime,
    pub accepted: bool,
    pub duplicate: bool,
    /// There only where the receipt had a payload that is not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<SnapshotState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot_reason: Option<DropReason>,
}

/// What became of a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotState {
    NotStored,
}

/// The result is in the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultResponse {
    /// Null while the receipt is waited for.
    pub event_id: Option<EventId>,
    pub accepted: bool,
    /// There only while the receipt is waited for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pending_receipt: bool,
    pub effect: Option<Effect>,
    pub incident: Option<ReportedIncident>,
    /// The fields whose text was changed so that it could be kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub adjusted: Vec<String>,
}

/// The incident of the event that a result is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedIncident {
    pub id: IncidentId,
    pub state: IncidentState,
}
