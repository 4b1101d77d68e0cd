//! Event types and effects that a project declares.

use serde::{Deserialize, Serialize};

/// What a project adds to the built-in catalogue for itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeclaredNames {
    /// Each with its provider: `acme:license.sold`.
    pub event_types: Vec<String>,
    pub effect_types: Vec<String>,
}

/// What is to be declared.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = DeclareBody))]
pub struct DeclareRequest {
    /// Each with its provider: `acme:license.sold`.
    pub event_types: Option<Vec<String>>,
    pub effect_types: Option<Vec<String>>,
}
