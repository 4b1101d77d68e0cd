//! What both calls share: who is asking, and answering the same request once.
//!
//! The work runs detached from the connection, in one transaction with its stored answer. A client
//! that hangs up, or a process that dies before the commit, leaves either everything or nothing; the
//! same request again finds out which.

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use store::api_keys::{self, KeyOwner};
use store::idempotency::{self, Claim, KeyUse, StoredAnswer};
use store::{PgConnection, StoreError};

use crate::error::ApiError;
use crate::extract::{BodyLimits, IngestHead, read_json_object};
use crate::state::AppState;

/// A request whose sender is known.
pub(super) struct Ingest {
    pub(super) owner: KeyOwner,
    pub(super) idempotency_key: String,
    pub(super) body: Map<String, Value>,
}

/// Checks the headers, the key and its rate, and reads the body.
pub(super) async fn read(state: &AppState, request: Request) -> Result<Ingest, ApiError> {
    let (parts, body) = request.into_parts();
    let head = IngestHead::from_parts(&parts)?;
    let owner = api_keys::find_owner(&state.pool, &head.key).await.map_err(failed)?;
    let owner = owner.ok_or(ApiError::Unauthorized)?;
    state.limits.check(owner.key_id)?;
    let body = read_json_object(body, BodyLimits::default()).await?;
    Ok(Ingest { owner, idempotency_key: head.idempotency_key, body })
}

/// What the work of a call came to.
pub(super) enum Worked {
    /// An answer that is stored and given back for the same request.
    Stored(StoredAnswer),
    /// A refusal that is not stored, although the transaction may have kept something.
    Refused(ApiError),
}

/// Runs the work once per idempotency key, in one transaction with its stored answer.
pub(super) async fn once(
    state: &AppState,
    used: KeyUse<'_>,
    work: impl AsyncFnOnce(&mut PgConnection) -> Result<Worked, ApiError>,
) -> Result<Response, ApiError> {
    let mut tx = state.pool.begin().await.map_err(|error| failed(error.into()))?;
    match idempotency::claim(&mut tx, used).await.map_err(failed)? {
        Claim::Answered(answer) => return Ok(respond(answer)),
        Claim::InProgress => return Err(ApiError::IdempotencyInProgress),
        Claim::Conflict => return Err(ApiError::IdempotencyConflict),
        Claim::New => {}
    }
    let worked = work(&mut tx).await?;
    if let Worked::Stored(answer) = &worked {
        idempotency::insert_answer(&mut *tx, used, answer).await.map_err(failed)?;
    }
    tx.commit().await.map_err(|error| failed(error.into()))?;
    match worked {
        Worked::Stored(answer) => Ok(respond(answer)),
        Worked::Refused(error) => Err(error),
    }
}

/// An answer with status 202.
pub(super) fn accepted(body: &impl Serialize) -> Result<StoredAnswer, ApiError> {
    let body = serde_json::to_vec(body).map_err(ApiError::internal)?;
    Ok(StoredAnswer { status: StatusCode::ACCEPTED.as_u16(), body })
}

/// SHA-256 of a typed request: key order and white space do not count.
pub(super) fn hash(request: &impl Serialize) -> Result<[u8; 32], ApiError> {
    use sha2::{Digest, Sha256};
    let bytes = serde_json::to_vec(request).map_err(ApiError::internal)?;
    Ok(Sha256::digest(bytes).into())
}

/// The store's failures, as the client may know them.
pub(super) fn failed(error: StoreError) -> ApiError {
    if error.is_unavailable() { ApiError::unavailable(error) } else { ApiError::internal(error) }
}

fn respond(answer: StoredAnswer) -> Response {
    let mut response = Body::from(answer.body).into_response();
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::ACCEPTED);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
