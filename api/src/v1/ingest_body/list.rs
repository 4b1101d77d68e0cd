//! The body of several receipts: `{"receipts": [{"idempotency_key": …, and what one receipt says}]}`.
//!
//! Each receipt is a body of its own: one that cannot be read is rejected alone, and has the limits
//! of a receipt that is sent alone.

use axum::body::Bytes;
use domain::field::FieldError;
use domain::receipt;
use web::error::ApiError;
use web::extract::parse_idempotency_key;

use super::fields::{read_fields, split_fields};
use super::lenient::{self, RawField};
use super::{IngestBody, limit};

/// The most receipts in one call.
pub(super) const MOST: usize = 500;

const RECEIPTS: &str = "receipts";
const IDEMPOTENCY_KEY: &str = "idempotency_key";

/// A receipt of several, with the key that makes it safe to repeat.
#[derive(Debug)]
pub struct ListedReceipt {
    pub idempotency_key: String,
    pub body: IngestBody,
}

/// Splits a body into its receipts, and reads each.
///
/// # Errors
/// As for one body; `validation_error` unless `receipts` is a list of 1 to 500.
pub(super) fn parse_list(body: &Bytes) -> Result<Vec<Result<ListedReceipt, ApiError>>, ApiError> {
    let mut lists = split_fields(body)?.into_iter().filter(|field| field.name == RECEIPTS);
    let list = lists.next().and_then(|field| lenient::elements(field.value));
    if lists.next().is_some() {
        return Err(ApiError::malformed("the field receipts stands twice in the body"));
    }
    match list {
        Some(receipts) if (1..=MOST).contains(&receipts.len()) => {
            Ok(receipts.into_iter().map(|one| parse_one(&body.slice_ref(one))).collect())
        }
        Some(receipts) => Err(bad(RECEIPTS, format!("holds {}; send 1 to {MOST}", receipts.len()))),
        None => Err(bad(RECEIPTS, format!("must be a list of 1 to {MOST} receipts"))),
    }
}

fn parse_one(body: &Bytes) -> Result<ListedReceipt, ApiError> {
    let fields = split_fields(body)?;
    let idempotency_key = read_key(&fields)?;
    let body = limit(body.len(), read_fields(body, fields, receipt::FIELDS)?)?;
    Ok(ListedReceipt { idempotency_key, body })
}

fn read_key(fields: &[RawField<'_>]) -> Result<String, ApiError> {
    let mut keys = fields.iter().filter(|field| field.name == IDEMPOTENCY_KEY);
    let key = keys.next().and_then(|field| serde_json::from_slice::<String>(field.value).ok());
    if keys.next().is_some() {
        return Err(ApiError::malformed("the field idempotency_key stands twice in a receipt"));
    }
    key.and_then(|key| parse_idempotency_key(key.as_bytes())).ok_or_else(|| {
        let rule = "must be 1 to 255 visible ASCII characters, the same ones whenever this receipt is sent";
        bad(IDEMPOTENCY_KEY, rule)
    })
}

fn bad(field: &str, message: impl Into<String>) -> ApiError {
    ApiError::ValidationError(vec![FieldError::new(field, message)])
}
