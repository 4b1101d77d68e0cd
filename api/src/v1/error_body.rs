//! The body of every error, as the document describes it; [`web::error`] writes it.

use serde::Serialize;
use utoipa::ToSchema;

/// Every error.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    error: ErrorDetail,
}

/// What went wrong.
#[derive(Debug, Serialize, ToSchema)]
struct ErrorDetail {
    /// One of the codes of docs/api.md.
    #[schema(example = "validation_error")]
    code: String,
    message: String,
    /// Each bad field, for `validation_error`.
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<Vec<BadField>>,
    request_id: String,
}

/// A field and what is wrong with it.
#[derive(Debug, Serialize, ToSchema)]
struct BadField {
    field: String,
    message: String,
}
