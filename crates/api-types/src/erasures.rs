//! Erasures of customers.

use std::collections::BTreeMap;

use domain::erasure::ErasureState;
use domain::ids::{CustomerHash, ErasureId, IncidentId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Who shall be erased.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ErasureBody))]
pub struct ErasureRequest {
    /// As it was in the receipts, or the tombstone of an earlier erasure.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub internal_reference: String,
    /// Erase. Without it, only say what would be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirm: Option<bool>,
}

/// A message that was sent and is not erased where it arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = SentMessage))]
pub struct SentMessageResponse {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub incident_id: IncidentId,
    /// What it reported, such as `incident_opened`.
    pub kind: String,
    /// The destination's label, or its address.
    pub destination: String,
    #[serde(with = "time::serde::rfc3339")]
    pub sent_at: OffsetDateTime,
}

/// An erasure, or what one would erase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Erasure))]
pub struct ErasureResponse {
    /// None of one that was only counted.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub erasure_id: Option<ErasureId>,
    /// `events`, `responses`, `rest` and `texts` while it is under way, then `done`. None of one that was only counted.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub state: Option<ErasureState>,
    /// What stands in the reference's place: a keyed hash.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = Option<String>, example = "erased:01K9QE0A1B2C3D4E5F6G7H8J9K")
    )]
    pub tombstone: Option<CustomerHash>,
    /// How many rows of each table were erased so far, or would be.
    pub rows: BTreeMap<String, i64>,
    /// Of how many watches Temporal still has the reference.
    pub watches_left: i64,
    /// At most 1,000. They lie with whoever received them.
    pub sent: Vec<SentMessageResponse>,
    pub requested_by: Option<String>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub requested_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub finished_at: Option<OffsetDateTime>,
}
