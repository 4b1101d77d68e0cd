//! Every way in which the API says no.
//!
//! One enum holds the stable codes of the contract. An error knows its status, its headers and what
//! a client may read; the cause of an [`ApiError::Internal`] or [`ApiError::Unavailable`] is a
//! source that is logged once and never shown. Turning an error into a response only marks the
//! response: the layer in [`crate::response`] writes the body, because only there the request's id
//! is known. Without that layer a client still gets status and headers, with an empty body.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use api_types::error::{BadField, Candidate, ErrorDetail, ErrorResponse};
use axum::http::header::{CONNECTION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::field::FieldError;
use store::StoreError;

use crate::request_id::RequestId;

/// What lies behind a failure on our side.
pub type Cause = Box<dyn Error + Send + Sync>;

/// Seconds after which a client may ask again when the database is away.
const UNAVAILABLE_RETRY_SECS: u64 = 1;

/// Why a request was rejected or failed. What `Display` prints is what the client reads.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The `Idempotency-Key` header is absent or empty.
    #[error(
        "send an Idempotency-Key header with 1 to 255 visible ASCII characters, the same one on \
         every retry of this request"
    )]
    MissingIdempotencyKey,
    /// The request could not be read: headers or JSON.
    #[error("{message}")]
    MalformedRequest {
        /// What is wrong with it. Never quotes the body.
        message: String,
    },
    /// The body arrived too slowly. To the client this is a malformed request.
    #[error("the body did not arrive within {deadline:?}")]
    BodyTooSlow {
        /// How long the server waited.
        deadline: Duration,
    },
    /// No key, a malformed, a revoked or an unknown one. The client cannot see which.
    #[error("send a valid API key as: Authorization: Bearer sk_test_... or sk_live_...")]
    Unauthorized,
    /// No operator token, or one that is malformed, revoked or unknown.
    #[error("send a valid operator token as: Authorization: Bearer op_...")]
    UnknownToken,
    /// Not signed by the provider that it claims to be from.
    #[error("this is no request of Slack to this installation: {message}")]
    ForeignRequest {
        /// Which header says so.
        message: String,
    },
    /// Known, but not allowed to do this.
    #[error("{message}")]
    Forbidden {
        /// Which role would be.
        message: String,
    },
    /// The thing is not there, or belongs to someone else.
    #[error("{message}")]
    NotFound {
        /// What was not found.
        message: String,
    },
    /// The path exists and takes other methods.
    #[error("this path does not take this method; the Allow header names those that it takes")]
    MethodNotAllowed,
    /// The client does not take JSON.
    #[error("answers are application/json, which the Accept header of this request excludes")]
    NotAcceptable,
    /// An idempotency key was used again for another request.
    #[error("this Idempotency-Key was used for a different request; send a new one with this one")]
    IdempotencyConflict,
    /// The first request with this idempotency key has not ended.
    #[error("the first request with this Idempotency-Key is still running; send it again shortly")]
    IdempotencyInProgress,
    /// The incident is not in a state that allows this.
    #[error("{message}")]
    IncidentConflict {
        /// The id of what is in conflict.
        message: String,
    },
    /// The body is over its limit.
    #[error("the body has more than {limit}")]
    PayloadTooLarge {
        /// What it may have.
        limit: &'static str,
    },
    /// The JSON object has too many fields.
    #[error("the body has more than 64 top-level fields")]
    TooManyFields,
    /// The body is not plain JSON.
    #[error("{message}")]
    UnsupportedMediaType {
        /// Which header says so.
        message: &'static str,
    },
    /// Fields that break a rule, all of them.
    #[error("one or more fields are not valid; each is named in \"fields\"")]
    ValidationError(Vec<FieldError>),
    /// A result that means one of several events.
    #[error(
        "several events match; each is named in \"candidates\": send one of them as event_id, or what tells it apart"
    )]
    AmbiguousEvent(Vec<Candidate>),
    /// This key sent more than it may.
    #[error("too many requests with this API key; wait {retry_after_secs} s")]
    RateLimited {
        /// Seconds until the next request would pass.
        retry_after_secs: u64,
    },
    /// Too many requests were signed by nobody that is known: those from there, or those that are being read.
    #[error("too many requests that nobody known has signed; wait {retry_after_secs} s")]
    TooManyForeign {
        /// Seconds until the next request would pass.
        retry_after_secs: u64,
    },
    /// A fault of ours.
    #[error("the request failed on our side; send it again with the same Idempotency-Key")]
    Internal {
        /// What went wrong, for the log.
        source: Cause,
    },
    /// The database cannot be reached.
    #[error("the database cannot be reached; send it again with the same Idempotency-Key")]
    Unavailable {
        /// What went wrong, for the log.
        source: Cause,
    },
    /// The database responds and takes no writes, as a standby after a fail-over.
    #[error(
        "the database takes no writes; send it again with the same Idempotency-Key. The administrator of \
         sendpromptly lets DATABASE_URL lead to the primary: `sendpromptly doctor` says more"
    )]
    ReadOnly {
        /// What went wrong, for the log.
        source: Cause,
    },
    /// A secret is needed that this process has no key for.
    #[error(
        "a secret that this needs is sealed with a master key that this process does not have. The administrator of \
         sendpromptly sets SENDPROMPTLY_MASTER_KEY to the same for every api and worker: `sendpromptly doctor` says more"
    )]
    SealedElsewhere {
        /// What went wrong, for the log.
        source: Cause,
    },
    /// A secret is needed that does not open where it is stored.
    #[error(
        "a secret that this needs does not open in the row where it is: it was changed, cut or moved there. The \
         administrator of sendpromptly sets it again (rotates the signing secret, adds the destination or extension \
         again, sets the header), or restores its row from a backup"
    )]
    DamagedSecret {
        /// What went wrong, for the log.
        source: Cause,
    },
}

impl ApiError {
    /// A request that could not be read.
    pub fn malformed(message: impl Into<String>) -> Self {
        Self::MalformedRequest { message: message.into() }
    }

    /// Something that this role may not do.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::Forbidden { message: message.into() }
    }

    /// Something that is not there.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::NotFound { message: message.into() }
    }

    /// A fault of ours.
    pub fn internal(source: impl Into<Cause>) -> Self {
        Self::Internal { source: source.into() }
    }

    /// A database that cannot be reached.
    pub fn unavailable(source: impl Into<Cause>) -> Self {
        Self::Unavailable { source: source.into() }
    }

    /// The stable code of the contract and the status that goes with it.
    #[must_use]
    pub const fn code_and_status(&self) -> (&'static str, StatusCode) {
        match self {
            Self::MissingIdempotencyKey => ("missing_idempotency_key", StatusCode::BAD_REQUEST),
            Self::MalformedRequest { .. } | Self::BodyTooSlow { .. } => {
                ("malformed_request", StatusCode::BAD_REQUEST)
            }
            Self::Unauthorized | Self::UnknownToken | Self::ForeignRequest { .. } => {
                ("unauthorized", StatusCode::UNAUTHORIZED)
            }
            Self::Forbidden { .. } => ("forbidden", StatusCode::FORBIDDEN),
            Self::NotFound { .. } => ("not_found", StatusCode::NOT_FOUND),
            Self::MethodNotAllowed => ("method_not_allowed", StatusCode::METHOD_NOT_ALLOWED),
            Self::NotAcceptable => ("not_acceptable", StatusCode::NOT_ACCEPTABLE),
            Self::IdempotencyConflict => ("idempotency_conflict", StatusCode::CONFLICT),
            Self::IdempotencyInProgress => ("idempotency_in_progress", StatusCode::CONFLICT),
            Self::IncidentConflict { .. } => ("incident_conflict", StatusCode::CONFLICT),
            Self::PayloadTooLarge { .. } => ("payload_too_large", StatusCode::PAYLOAD_TOO_LARGE),
            Self::TooManyFields => ("too_many_fields", StatusCode::PAYLOAD_TOO_LARGE),
            Self::UnsupportedMediaType { .. } => {
                ("unsupported_media_type", StatusCode::UNSUPPORTED_MEDIA_TYPE)
            }
            Self::ValidationError(_) => ("validation_error", StatusCode::UNPROCESSABLE_ENTITY),
            Self::AmbiguousEvent(_) => ("ambiguous_event", StatusCode::UNPROCESSABLE_ENTITY),
            Self::RateLimited { .. } | Self::TooManyForeign { .. } => {
                ("rate_limited", StatusCode::TOO_MANY_REQUESTS)
            }
            Self::Internal { .. } => ("internal_error", StatusCode::INTERNAL_SERVER_ERROR),
            Self::Unavailable { .. }
            | Self::ReadOnly { .. }
            | Self::SealedElsewhere { .. }
            | Self::DamagedSecret { .. } => ("unavailable", StatusCode::SERVICE_UNAVAILABLE),
        }
    }

    /// The stable code of the contract.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.code_and_status().0
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.code_and_status().1
    }

    /// The error body of the contract, byte for byte as it is sent.
    #[must_use]
    pub fn body(&self, request_id: &RequestId) -> Vec<u8> {
        let body = ErrorResponse { error: self.detail(request_id) };
        // Strings only: this cannot fail, and an empty body would still carry the status.
        serde_json::to_vec(&body).unwrap_or_default()
    }

    /// What the client reads.
    #[must_use]
    pub fn detail(&self, request_id: &RequestId) -> ErrorDetail {
        let fields = match self {
            Self::ValidationError(fields) => {
                Some(fields.iter().cloned().map(BadField::from).collect())
            }
            _ => None,
        };
        let candidates = match self {
            Self::AmbiguousEvent(candidates) => Some(candidates.clone()),
            _ => None,
        };
        ErrorDetail {
            code: self.code().to_owned(),
            message: self.to_string(),
            fields,
            candidates,
            request_id: request_id.as_str().to_owned(),
        }
    }

    /// Seconds after which the same request may be sent again, where it may be as it is.
    #[must_use]
    pub const fn retry_after_secs(&self) -> Option<u64> {
        match self {
            Self::IdempotencyInProgress => Some(1),
            Self::RateLimited { retry_after_secs } | Self::TooManyForeign { retry_after_secs } => {
                Some(*retry_after_secs)
            }
            Self::Unavailable { .. }
            | Self::ReadOnly { .. }
            | Self::SealedElsewhere { .. }
            | Self::DamagedSecret { .. } => Some(UNAVAILABLE_RETRY_SECS),
            _ => None,
        }
    }

    /// Writes the error to the log: `error!` for our faults, `debug!` for the client's.
    ///
    /// Called once per request, by the layer that renders the error: [`crate::response`] for JSON,
    /// the console for its pages.
    pub fn log(&self, request_id: &RequestId) {
        let (request_id, code) = (request_id.as_str(), self.code());
        match self {
            Self::Internal { source }
            | Self::Unavailable { source }
            | Self::ReadOnly { source }
            | Self::SealedElsewhere { source }
            | Self::DamagedSecret { source } => {
                let cause: &(dyn Error + 'static) = source.as_ref();
                tracing::error!(request_id, code, cause, "request failed");
            }
            rejected => tracing::debug!(request_id, code, reason = %rejected, "request refused"),
        }
    }

    /// The headers that belong to this error, whichever layer renders it.
    pub fn write_headers(&self, headers: &mut HeaderMap) {
        if let Some(seconds) = self.retry_after_secs() {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        match self {
            Self::Unauthorized | Self::UnknownToken => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            // RFC 9110 asks for a challenge with every 401.
            Self::ForeignRequest { .. } => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Slack-Signature"));
            }
            // The rest of the body is still under way: what follows could not be separated from it.
            Self::PayloadTooLarge { .. } | Self::BodyTooSlow { .. } => {
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
    }

    /// Reads what another layer meant by an error status, such as the router's 404 and 405.
    #[must_use]
    pub fn from_status(status: StatusCode) -> Self {
        match status {
            StatusCode::UNAUTHORIZED => Self::Unauthorized,
            StatusCode::FORBIDDEN => Self::forbidden("this is not allowed"),
            StatusCode::NOT_FOUND => Self::not_found("there is nothing at this path"),
            StatusCode::METHOD_NOT_ALLOWED => Self::MethodNotAllowed,
            StatusCode::NOT_ACCEPTABLE => Self::NotAcceptable,
            StatusCode::PAYLOAD_TOO_LARGE => Self::PayloadTooLarge { limit: "it may have" },
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::UnsupportedMediaType {
                message: "send the body as Content-Type: application/json",
            },
            StatusCode::UNPROCESSABLE_ENTITY => Self::ValidationError(Vec::new()),
            StatusCode::SERVICE_UNAVAILABLE => Self::unavailable(BareStatus(status)),
            status if status.is_client_error() => Self::malformed("the request could not be read"),
            status => Self::internal(BareStatus(status)),
        }
    }
}

/// The store's failures, as a client may know them.
impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        if error.is_read_only() {
            Self::ReadOnly { source: error.into() }
        } else if error.is_unavailable() {
            Self::unavailable(error)
        } else if error.is_sealed_elsewhere() {
            Self::SealedElsewhere { source: error.into() }
        } else if error.is_damaged_secret() {
            Self::DamagedSecret { source: error.into() }
        } else {
            Self::internal(error)
        }
    }
}

/// The mark that [`IntoResponse`] leaves on a response for the layer that writes the body.
#[derive(Debug, Clone)]
pub struct ErrorExtension(pub Arc<ApiError>);

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        self.write_headers(response.headers_mut());
        response.extensions_mut().insert(ErrorExtension(Arc::new(self)));
        response
    }
}

/// A status without an [`ApiError`] behind it.
#[derive(Debug)]
struct BareStatus(StatusCode);

impl fmt::Display for BareStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a handler responded {} without saying why", self.0)
    }
}

impl Error for BareStatus {}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = include_str!("../../../docs/api.md");

    fn every_error() -> Vec<(ApiError, &'static str, u16)> {
        let bad_field = vec![FieldError::new("provider", "is required")];
        let deadline = Duration::from_secs(10);
        let message = "send JSON";
        let source = || Cause::from("password authentication failed for alice");
        let incident = "rpl_1 is running".to_owned();
        vec![
            (ApiError::MissingIdempotencyKey, "missing_idempotency_key", 400),
            (ApiError::malformed("no"), "malformed_request", 400),
            (ApiError::BodyTooSlow { deadline }, "malformed_request", 400),
            (ApiError::Unauthorized, "unauthorized", 401),
            (ApiError::UnknownToken, "unauthorized", 401),
            (ApiError::ForeignRequest { message: "late".to_owned() }, "unauthorized", 401),
            (ApiError::forbidden("no"), "forbidden", 403),
            (ApiError::not_found("no such event"), "not_found", 404),
            (ApiError::MethodNotAllowed, "method_not_allowed", 405),
            (ApiError::NotAcceptable, "not_acceptable", 406),
            (ApiError::IdempotencyConflict, "idempotency_conflict", 409),
            (ApiError::IdempotencyInProgress, "idempotency_in_progress", 409),
            (ApiError::IncidentConflict { message: incident }, "incident_conflict", 409),
            (ApiError::PayloadTooLarge { limit: "x" }, "payload_too_large", 413),
            (ApiError::TooManyFields, "too_many_fields", 413),
            (ApiError::UnsupportedMediaType { message }, "unsupported_media_type", 415),
            (ApiError::ValidationError(bad_field), "validation_error", 422),
            (ApiError::AmbiguousEvent(Vec::new()), "ambiguous_event", 422),
            (ApiError::RateLimited { retry_after_secs: 7 }, "rate_limited", 429),
            (ApiError::TooManyForeign { retry_after_secs: 7 }, "rate_limited", 429),
            (ApiError::internal(source()), "internal_error", 500),
            (ApiError::unavailable(source()), "unavailable", 503),
            (ApiError::ReadOnly { source: source() }, "unavailable", 503),
            (ApiError::SealedElsewhere { source: source() }, "unavailable", 503),
            (ApiError::DamagedSecret { source: source() }, "unavailable", 503),
        ]
    }

    #[test]
    fn every_error_has_the_code_and_status_of_the_contract() {
        for (error, code, status) in every_error() {
            assert_eq!((error.code(), error.status().as_u16()), (code, status));
            let row = format!("| `{code}` | {status} | ");
            assert!(DOCUMENT.contains(&row), "docs/api.md has no row {row}");
        }
    }

    #[test]
    fn every_body_has_exactly_the_promised_fields() {
        let id = RequestId::fresh();
        for (error, code, _) in every_error() {
            let body: serde_json::Value =
                serde_json::from_slice(&error.body(&id)).expect("valid JSON");
            let error = body["error"].as_object().expect("an object");
            let mut names: Vec<_> = error.keys().map(String::as_str).collect();
            names.sort_unstable();
            let expected: &[&str] = match code {
                "validation_error" => &["code", "fields", "message", "request_id"],
                "ambiguous_event" => &["candidates", "code", "message", "request_id"],
                _ => &["code", "message", "request_id"],
            };
            assert_eq!(names, expected);
            assert_eq!(error["code"], code);
            assert_eq!(error["request_id"], id.as_str());
        }
    }

    #[test]
    fn a_body_lists_code_message_fields_and_id_in_this_order() {
        let id = RequestId::fresh();
        let error = ApiError::ValidationError(vec![FieldError::new("provider", "is required")]);
        let body = String::from_utf8(error.body(&id)).expect("UTF-8");
        let expected = format!(
            r#"{{"error":{{"code":"validation_error","message":"one or more fields are not valid; each is named in \"fields\"","fields":[{{"field":"provider","message":"is required"}}],"request_id":"{}"}}}}"#,
            id.as_str()
        );
        assert_eq!(body, expected);
    }

    #[test]
    fn a_cause_is_never_shown() {
        for (error, code, _) in every_error() {
            let body = String::from_utf8(error.body(&RequestId::fresh())).expect("UTF-8");
            assert!(!body.contains("alice"), "{code}: {body}");
        }
    }

    #[test]
    fn the_headers_tell_a_client_what_to_do_next() {
        for (error, code, _) in every_error() {
            let slow_or_large =
                matches!(error, ApiError::BodyTooSlow { .. } | ApiError::PayloadTooLarge { .. });
            let response = error.into_response();
            let header = |name| response.headers().get(name).map(HeaderValue::as_bytes);
            let retry_after: Option<&[u8]> = match code {
                "idempotency_in_progress" | "unavailable" => Some(b"1"),
                "rate_limited" => Some(b"7"),
                _ => None,
            };
            assert_eq!(header(RETRY_AFTER), retry_after, "{code}");
            assert_eq!(header(WWW_AUTHENTICATE).is_some(), code == "unauthorized");
            assert_eq!(header(CONNECTION).is_some(), slow_or_large, "{code}");
        }
    }
}
