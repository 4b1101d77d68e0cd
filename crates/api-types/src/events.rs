//! Payment events and their timelines.

use domain::catalogue::{EffectType, Provider};
use domain::event::Effect;
use domain::ids::{EventId, IncidentId};
use domain::money::Amount;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

/// A payment event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Event))]
pub struct EventResponse {
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = String, example = "ev_01K9QE0A1B2C3D4E5F6G7H8J9K")
    )]
    pub event_id: EventId,
    /// `pending`, `succeeded`, `failed`, `missing` or `superseded`.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub effect: Effect,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub provider: Provider,
    pub provider_event_id: String,
    pub event_type: String,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub effect_type: EffectType,
    pub internal_reference: String,
    /// Which of several such effects; there only where the receipt said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect_key: Option<String>,
    /// What was paid; there only where the receipt said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::money::AmountShape>))]
    pub amount: Option<Amount>,
    /// The shop, for Shopify.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shopify_shop_domain: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    pub received_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub timeout_at: OffsetDateTime,
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub incident_id: Option<IncidentId>,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = TimelineEntry))]
pub struct TimelineEntryResponse {
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// `key:…`, `operator:…`, `cli:…`, `temporal:…` or `system`.
    pub actor: String,
    /// Such as `incident.opened`.
    pub action: String,
    pub detail: Value,
}

/// An event with its timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = EventStory))]
pub struct EventDetailsResponse {
    #[serde(flatten)]
    pub event: EventResponse,
    /// Oldest first.
    pub timeline: Vec<TimelineEntryResponse>,
}
