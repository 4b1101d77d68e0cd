//! What both calls share: who is asking, and answering the same request once.
//!
//! The work runs detached from the connection, in one transaction with its stored answer. A client
//! that hangs up, or a process that dies before the commit, leaves either everything or nothing; the
//! same request again finds out which.

use std::pin::Pin;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::ids::EventId;
use serde::Serialize;
use serde_json::{Map, Value};
use store::api_keys::{self, KeyOwner};
use store::idempotency::{self, Claim, KeyUse, StoredAnswer};
use store::pool::Transaction;
use store::{PgConnection, StoreError};

use crate::error::ApiError;
use crate::extract::{BodyLimits, IngestHead, drop_body, read_json_object};
use crate::state::AppState;

/// How long the body of a refused request is taken in.
const DROP_WITHIN: Duration = Duration::from_secs(1);

/// Who sent a request, and under which idempotency key.
pub(super) struct Sender {
    owner: KeyOwner,
    idempotency_key: String,
}

/// Checks the headers, the key and its rate, and reads the body.
///
/// A refused request's body is taken in and dropped, as far as it comes within a second: a client
/// that is still sending it could not use its connection again otherwise.
pub(super) async fn read(
    state: &AppState,
    request: Request,
) -> Result<(Sender, Map<String, Value>), ApiError> {
    let (parts, body) = request.into_parts();
    match admit(state, &parts).await {
        Ok(sender) => Ok((sender, read_json_object(body, BodyLimits::default()).await?)),
        Err(refusal) => {
            let limits = BodyLimits { deadline: DROP_WITHIN, ..BodyLimits::default() };
            drop_body(body, limits).await;
            Err(refusal)
        }
    }
}

/// Who is asking, if they may.
async fn admit(state: &AppState, parts: &Parts) -> Result<Sender, ApiError> {
    let head = IngestHead::from_parts(parts)?;
    let owner = api_keys::find_owner(&state.pool, &head.key).await.map_err(failed)?;
    let owner = owner.ok_or(ApiError::Unauthorized)?;
    state.limits.check(owner.key_id)?;
    Ok(Sender { owner, idempotency_key: head.idempotency_key })
}

/// A call that is answered for the first time.
pub(super) struct Call<'a, T> {
    /// What handlers work with.
    pub(super) state: &'a AppState,
    /// Whom the key speaks for.
    pub(super) owner: &'a KeyOwner,
    /// The key that it uses up.
    pub(super) used: KeyUse<'a>,
    /// What it says.
    pub(super) said: &'a T,
}

/// What the work of a call came to.
pub(super) enum Worked {
    /// An answer about an event that is stored and given back for the same request.
    Stored(EventId, StoredAnswer),
    /// A refusal that is not stored, although the transaction may have kept something.
    Refused(ApiError),
}

/// The work of a call, which borrows the transaction and the call.
pub(super) type Work<'a> = Pin<Box<dyn Future<Output = Result<Worked, ApiError>> + Send + 'a>>;

/// Runs the work once per idempotency key, in one transaction with its stored answer, and then has the
/// relay carry over what the work wished. A client that hangs up does not stop it.
pub(super) async fn once<T, W>(
    state: AppState,
    route: &'static str,
    sender: Sender,
    said: T,
    work: W,
) -> Result<Response, ApiError>
where
    T: Serialize + Send + Sync + 'static,
    W: for<'a> FnOnce(&'a mut PgConnection, Call<'a, T>) -> Work<'a> + Send + 'static,
{
    let request_hash = hash(&said)?;
    let detached = state.detached.clone();
    let answered = detached.run(async move {
        let used = KeyUse {
            project_id: sender.owner.project_id,
            route,
            key: &sender.idempotency_key,
            request_hash: &request_hash,
        };
        answer(Call { state: &state, owner: &sender.owner, used, said: &said }, work).await
    });
    answered.await
}

async fn answer<T, W>(call: Call<'_, T>, work: W) -> Result<Response, ApiError>
where
    W: for<'a> FnOnce(&'a mut PgConnection, Call<'a, T>) -> Work<'a>,
{
    let Call { state, used, .. } = call;
    let mut tx = state.pool.begin().await.map_err(|error| failed(error.into()))?;
    let known = match idempotency::claim(&mut tx, used).await.map_err(failed)? {
        Claim::New => None,
        Claim::Answered(answer) => Some(Ok(respond(answer))),
        Claim::InProgress => Some(Err(ApiError::IdempotencyInProgress)),
        Claim::Conflict => Some(Err(ApiError::IdempotencyConflict)),
    };
    if let Some(known) = known {
        undo(tx).await;
        return known;
    }
    let worked = match work(&mut tx, call).await {
        Ok(worked) => worked,
        Err(error) => {
            undo(tx).await;
            return Err(error);
        }
    };
    if answered_meanwhile(&mut tx, used, &worked).await.map_err(failed)? {
        undo(tx).await;
        return Err(ApiError::IdempotencyInProgress);
    }
    tx.commit().await.map_err(|error| failed(error.into()))?;
    match worked {
        Worked::Stored(event_id, answer) => {
            state.relay.nudge(event_id);
            Ok(respond(answer))
        }
        Worked::Refused(error) => Err(error),
    }
}

/// Stores the answer. Whether the first request with this key was still running when it was claimed
/// here and has ended since; then its answer counts, and nothing that was done here.
async fn answered_meanwhile(
    tx: &mut PgConnection,
    used: KeyUse<'_>,
    worked: &Worked,
) -> Result<bool, StoreError> {
    match worked {
        Worked::Stored(_, answer) => Ok(!idempotency::insert_answer(tx, used, answer).await?),
        Worked::Refused(_) => Ok(idempotency::claim(tx, used).await? != Claim::New),
    }
}

/// Undoes a transaction before its answer leaves: dropping it would do so a moment later, and a client
/// that is quick would be told that its request is still running. Where undoing fails, the connection
/// is gone and the key's lock with it.
async fn undo(tx: Transaction) {
    let _undone = tx.rollback().await;
}

/// An answer with status 202 about an event.
pub(super) fn accepted(event_id: EventId, body: &impl Serialize) -> Result<Worked, ApiError> {
    let body = serde_json::to_vec(body).map_err(ApiError::internal)?;
    Ok(Worked::Stored(event_id, StoredAnswer { status: StatusCode::ACCEPTED.as_u16(), body }))
}

/// SHA-256 of a typed request: key order and white space do not count.
fn hash(request: &impl Serialize) -> Result<[u8; 32], ApiError> {
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
