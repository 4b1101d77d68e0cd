//! What a request must look like before any handler sees it.
//!
//! The checks run from cheap to dear, and the first one that fails determines the response:
//!
//! 1. the router: path (404) and method (405);
//! 2. headers that cannot be trusted: a repeated one, or bytes outside ASCII (400);
//! 3. `Accept` (406), then `Content-Encoding` and `Content-Type` (415);
//! 4. the shape of the API key (401), so that no wrong key costs a query;
//! 5. `Idempotency-Key` (400): here [`IngestHead`] is complete;
//! 6. the handler looks the key up (401) and asks the rate limit (429);
//! 7. the handler reads the body, with [`read_body`]: size (413), time (400), JSON (400), number of
//!    fields (413); what a text about a failure or a payload looks like costs nothing.
//!
//! Nothing of the body is kept before step 7: a rejected one is dropped piece by piece as it comes,
//! so no client without a key fills the memory. A request that fails on the way has changed
//! nothing.

mod ahead;
mod body;
mod headers;
pub mod json;
mod negotiation;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use domain::api_key::ApiKey;
use domain::secret_token::OperatorToken;
use serde_json::{Map, Value};

use crate::error::ApiError;

pub use ahead::look_ahead;
pub use body::{BodyLimits, drop_body, read_body, read_json_object, read_within};
pub use headers::parse_idempotency_key;
pub use negotiation::read_weight;

/// What the headers of an ingest request say, once all of them are in order.
#[derive(Debug, Clone)]
pub struct IngestHead {
    /// A well-formed key, not yet looked up.
    pub key: ApiKey,
    /// 1 to 255 visible ASCII characters.
    pub idempotency_key: String,
}

impl IngestHead {
    /// Checks the headers (steps 2 to 5 of the module's list).
    ///
    /// # Errors
    /// The first check that fails.
    pub fn from_parts(parts: &Parts) -> Result<Self, ApiError> {
        let key = api_key(parts)?;
        Ok(Self { key, idempotency_key: headers::idempotency_key(&parts.headers)? })
    }
}

/// Checks the headers of a request with an API key and reads the key, which is not looked up yet
/// (steps 2 to 4 of the module's list).
///
/// # Errors
/// The first check that fails.
pub fn api_key(parts: &Parts) -> Result<ApiKey, ApiError> {
    headers::reject_doubtful(&parts.headers)?;
    negotiation::reject_unless_json(&parts.headers)?;
    headers::api_key(&parts.headers)
}

/// Checks the headers of a request by an operator's token and reads the token, which is not looked
/// up yet. What they say of the body is left to [`JsonBody`], because many requests have none.
///
/// # Errors
/// The first check that fails.
pub fn operator_token(parts: &Parts) -> Result<OperatorToken, ApiError> {
    headers::reject_doubtful(&parts.headers)?;
    negotiation::reject_unless_accepted(&parts.headers)?;
    let token = headers::bearer(&parts.headers).and_then(OperatorToken::parse);
    token.ok_or(ApiError::UnknownToken)
}

impl<S: Sync> FromRequestParts<S> for IngestHead {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Self::from_parts(parts)
    }
}

/// A body that says it is JSON, not read yet.
#[derive(Debug)]
pub struct JsonBody(Body);

impl JsonBody {
    /// Reads it.
    ///
    /// # Errors
    /// As [`read_json_object`].
    pub async fn read(self) -> Result<Map<String, Value>, ApiError> {
        read_json_object(self.0, BodyLimits::default()).await
    }

    /// Reads one that may name ten thousand incidents: their ids alone are 330 KB.
    ///
    /// # Errors
    /// As [`read_json_object`].
    pub async fn read_long(self) -> Result<Map<String, Value>, ApiError> {
        let limits = BodyLimits {
            bytes: 512 * 1024,
            shown: "524288 bytes (512 KiB)",
            ..BodyLimits::default()
        };
        read_json_object(self.0, limits).await
    }
}

impl<S: Sync> FromRequest<S> for JsonBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        negotiation::reject_unless_json_body(request.headers())?;
        Ok(Self(request.into_body()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;
    use domain::project::Mode;

    fn key() -> ApiKey {
        ApiKey::from_random(Mode::Test, &[7; 64]).expect("enough bytes")
    }

    /// A good request of alice's shop; `change` spoils it.
    fn head(change: impl Fn(&mut Parts)) -> Result<IngestHead, &'static str> {
        let request = Request::post("/api/v1/receipt")
            .header("Authorization", format!("Bearer {}", key().reveal()))
            .header("Idempotency-Key", "evt_1")
            .header("Content-Type", "application/json")
            .body(());
        let (mut parts, ()) = request.expect("a request").into_parts();
        change(&mut parts);
        IngestHead::from_parts(&parts).map_err(|error| error.code())
    }

    fn set(parts: &mut Parts, name: &'static str, value: &str) {
        parts.headers.insert(name, value.parse().expect("a header value"));
    }

    #[test]
    fn a_good_request_gives_its_key_and_its_idempotency_key() {
        let head = head(|_| {}).expect("taken");
        assert_eq!((head.key, head.idempotency_key.as_str()), (key(), "evt_1"));
    }

    #[test]
    fn a_key_in_the_query_string_is_no_key() {
        let rejected = head(|parts| {
            parts.headers.remove("Authorization");
            let uri = format!("/api/v1/receipt?api_key={0}&key={0}", key().reveal());
            parts.uri = uri.parse().expect("a URI");
        });
        assert_eq!(rejected.err(), Some("unauthorized"));
    }

    #[test]
    fn the_first_failing_check_decides() {
        type Spoil = (&'static str, fn(&mut Parts));
        let last_check_first: [Spoil; 6] = [
            ("missing_idempotency_key", |parts| {
                parts.headers.remove("Idempotency-Key");
            }),
            ("unauthorized", |parts| {
                set(parts, "Authorization", "Bearer sk_test_no");
            }),
            ("unsupported_media_type", |parts| {
                set(parts, "Content-Type", "text/plain");
            }),
            ("unsupported_media_type", |parts| {
                set(parts, "Content-Encoding", "gzip");
            }),
            ("not_acceptable", |parts| {
                set(parts, "Accept", "text/html");
            }),
            ("malformed_request", |parts| {
                let second = "Bearer x".parse().expect("a header value");
                parts.headers.append("Authorization", second);
            }),
        ];
        for last in 0..last_check_first.len() {
            let spoil = &last_check_first[..=last];
            let rejected = head(|parts| spoil.iter().for_each(|(_, change)| change(parts)));
            assert_eq!(rejected.err(), Some(last_check_first[last].0));
        }
    }
}
