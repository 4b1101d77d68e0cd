//! What an error says.

use domain::catalogue::{EffectType, Provider};
use domain::event::Effect;
use domain::field::FieldError;
use domain::ids::EventId;
use serde::{Deserialize, Serialize};

/// Every error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ErrorBody))]
pub struct ErrorResponse {
    pub error: ErrorDetail,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErrorDetail {
    /// One of the codes of docs/api.md.
    #[cfg_attr(feature = "openapi", schema(example = "validation_error"))]
    pub code: String,
    pub message: String,
    /// Each bad field, for `validation_error`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fields: Option<Vec<BadField>>,
    /// The events that a result may mean, 20 at most, for `ambiguous_event`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidates: Option<Vec<Candidate>>,
    pub request_id: String,
}

/// A field and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BadField {
    pub field: String,
    pub message: String,
}

impl From<FieldError> for BadField {
    fn from(FieldError { field, message }: FieldError) -> Self {
        Self { field, message }
    }
}

/// An event that a result may mean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Candidate {
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = String, example = "ev_01K9QE0A1B2C3D4E5F6G7H8J9K")
    )]
    pub event_id: EventId,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub provider: Provider,
    /// The shop, for Shopify.
    pub shopify_shop_domain: Option<String>,
    pub event_type: String,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub effect_type: EffectType,
    pub internal_reference: String,
    /// Which of several such effects.
    pub effect_key: Option<String>,
    /// `pending`, `succeeded`, `failed`, `missing` or `superseded`.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub effect: Effect,
}
