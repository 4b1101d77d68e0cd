//! The proof links of an incident.

use domain::ids::ProofLinkId;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// A read-only page of one incident, without its address: that is shown once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ProofLink))]
pub struct ProofLinkResponse {
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = String, example = "prf_01K9QG8C2V4X6Z8B0D2F4H6K8M")
    )]
    pub proof_link_id: ProofLinkId,
    pub created_by: String,
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    pub revoked_at: Option<OffsetDateTime>,
    /// How often it was opened.
    pub views: i64,
}

/// A new link, with its address.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreatedProofLink {
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = String, example = "prf_01K9QG8C2V4X6Z8B0D2F4H6K8M")
    )]
    pub proof_link_id: ProofLinkId,
    /// Shown this once.
    pub url: String,
}

domain::debug_without!(CreatedProofLink { shown: [proof_link_id], hidden: [url] });

/// How long a link opens.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ProofLinkBody))]
pub struct ProofLinkRequest {
    /// 1 to 365. Default: 7.
    pub days: Option<i32>,
}
