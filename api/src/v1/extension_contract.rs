//! The contract between us and extensions, as JSON Schemas, at the path that each names as its
//! `$id`. Needs no token: it says what anyone can read in the source.

use axum::extract::Path;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use domain::extension::CONTRACT;
use web::error::ApiError;

/// The schemas by name.
const FILES: [(&str, &str); 4] = [
    ("input.json", include_str!("../../../docs/extensions/2026-12-01/input.json")),
    ("probe-answer.json", include_str!("../../../docs/extensions/2026-12-01/probe-answer.json")),
    ("message.json", include_str!("../../../docs/extensions/2026-12-01/message.json")),
    (
        "reprocess-answer.json",
        include_str!("../../../docs/extensions/2026-12-01/reprocess-answer.json"),
    ),
];

/// `GET /api/extensions/{contract}/{file}`.
///
/// # Errors
/// `not_found` for another version or file.
pub async fn get(
    Path((contract, file)): Path<(String, String)>,
) -> Result<impl IntoResponse, ApiError> {
    let found = FILES.iter().find(|(name, _)| contract == CONTRACT && *name == file);
    let (_, schema) = found.ok_or_else(|| ApiError::not_found("there is no such schema"))?;
    Ok(([(CONTENT_TYPE, "application/schema+json")], *schema))
}
