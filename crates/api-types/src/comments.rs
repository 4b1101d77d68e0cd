//! Comments on incidents and on causes.

use domain::ids::AuditId;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// What somebody says.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = CommentBody))]
pub struct CommentRequest {
    /// 1 to 2,000 characters. `@bob` or an address of an operator has them told of it by mail.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub text: String,
}

/// A comment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Comment))]
pub struct CommentResponse {
    /// The entry of the audit that it is.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub audit_id: AuditId,
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Who wrote it, as in the audit.
    pub author: String,
    pub text: String,
    /// The addresses of those who are told of it.
    pub mentioned: Vec<String>,
}
