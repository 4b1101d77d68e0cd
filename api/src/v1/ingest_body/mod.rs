//! The body of a receipt, of several, or of a result: how large it may be, and what is read of it.

mod fields;
mod lenient;
mod list;
mod repair;

use std::time::Duration;

use axum::body::Body;
use web::error::ApiError;
use web::extract::{BodyLimits, read_body};

use self::fields::parse_ingest;

pub use fields::IngestBody;
pub use list::ListedReceipt;

/// The largest body of a receipt or a result, with its payload and its error texts: nine times as large as another body.
pub(super) const MAX_BODY: usize = 9 * 256 * 1024;
/// The largest one of several receipts.
pub(super) const MAX_LIST: usize = 8 << 20;

/// Reads the body of a receipt or a result, of which the payload and the texts about a failure may
/// be all that is over the usual limit. These fields are read strictly.
///
/// # Errors
/// As [`read_body`]; `too_many_fields`; `malformed_request` with the position of the first syntax
/// error; `validation_error` for a field that cannot be read.
pub(super) async fn read_ingest_body(
    body: Body,
    deadline: Duration,
    strict: &[&str],
) -> Result<IngestBody, ApiError> {
    let limits = BodyLimits { bytes: MAX_BODY, shown: "2359296 bytes (2.25 MiB)", deadline };
    let bytes = read_body(body, limits).await?;
    limit(bytes.len(), parse_ingest(&bytes, strict)?)
}

/// Reads the body of several receipts, each of which has its own outcome.
///
/// # Errors
/// As [`read_body`]; `malformed_request` with the position of the first syntax error;
/// `validation_error` unless it holds a list of 1 to 500.
pub(super) async fn read_list(
    body: Body,
) -> Result<Vec<Result<ListedReceipt, ApiError>>, ApiError> {
    let limits =
        BodyLimits { bytes: MAX_LIST, shown: "8388608 bytes (8 MiB)", ..BodyLimits::default() };
    list::parse_list(&read_body(body, limits).await?)
}

/// Rejects a body of which more than the usual is neither payload nor error text.
fn limit(length: usize, read: IngestBody) -> Result<IngestBody, ApiError> {
    if length.saturating_sub(read.unlimited) > BodyLimits::default().bytes {
        return Err(ApiError::PayloadTooLarge {
            limit: "262144 bytes (256 KiB) beside payload and error texts",
        });
    }
    Ok(read)
}
