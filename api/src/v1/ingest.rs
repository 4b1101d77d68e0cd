//! What both calls share: the work is done once per idempotency key.
//!
//! The work runs detached from the connection, in one transaction with its stored response. A
//! client that hangs up, or a process that dies before the commit, leaves either everything or
//! nothing; the same request again finds out which.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::ids::EventId;
use serde::{Deserialize, Serialize};
use store::api_keys::KeyOwner;
use store::idempotency::{self, Claim, KeyUse, ResponseScope, StoredResponse};
use store::pool::{self, Transaction};
use store::{PgConnection, StoreError};
use telemetry::{Taken, trace};
use web::admission::USED_WITHIN;
use web::error::ApiError;
use web::request_id::RequestTrace;
use web::state::AppState;

use super::call_group::{Calls, SharedCall};
use super::ingest_body::IngestBody;
use super::ingest_state::IngestState;

/// A call as it came in, and what makes it the same as another one.
pub(super) trait IngestCall: Sized + Send + Sync + 'static {
    /// The last part of its path.
    const ROUTE: &'static str;
    /// What it reads strictly; of everything else no form costs it.
    const FIELDS: &'static [&'static str];

    /// Reads what the body says, to the project of the key that sent it.
    fn read(owner: &KeyOwner, idempotency_key: &str, body: &IngestBody) -> Result<Self, ApiError>;

    /// What distinguishes requests under one key; empty where nothing does.
    fn scope(&self) -> String;

    /// What makes two requests the same.
    fn fingerprint(&self) -> [u8; 32];

    /// The request's hash as the release before computes it.
    fn previous_hash(&self) -> [u8; 32];

    /// Does the work, the first time.
    fn accept(
        &self,
        tx: &mut PgConnection,
        context: CallContext<'_>,
    ) -> impl Future<Output = Result<IngestOutcome, ApiError>> + Send;

    /// Whether this response says that something is there for the first time.
    fn taken(_response: &StoredResponse) -> Taken {
        Taken::First
    }

    /// Takes what a repeated request with a different body says.
    fn repeat(
        &self,
        tx: &mut PgConnection,
        context: CallContext<'_>,
        event_id: EventId,
    ) -> impl Future<Output = Result<(), ApiError>> + Send;
}

/// What a call's work depends on besides the call.
#[derive(Clone, Copy)]
pub(super) struct CallContext<'a> {
    /// What handlers work with.
    pub(super) state: &'a AppState,
    /// The project of the key.
    pub(super) owner: &'a KeyOwner,
    /// The key that the call uses up.
    pub(super) used: KeyUse<'a>,
    /// The trace that what follows belongs to.
    pub(super) trace: &'a RequestTrace,
}

/// What the work of a call came to.
pub(super) enum IngestOutcome {
    /// A response about an event that is stored and given back for the same request.
    Stored(EventId, StoredResponse),
    /// A response that another one will replace.
    Provisional(StoredResponse, Taken),
    /// A rejection that is not stored, although the transaction may have kept something.
    Rejected(ApiError),
}

impl IngestOutcome {
    fn event_id(&self) -> Option<EventId> {
        match self {
            Self::Stored(event_id, _) => Some(*event_id),
            Self::Provisional(..) | Self::Rejected(_) => None,
        }
    }
}

/// A call of a client, with what makes it the same as another one.
pub(super) struct IngestRequest<C> {
    pub(super) call: C,
    pub(super) owner: Arc<KeyOwner>,
    pub(super) trace: RequestTrace,
    /// When the owner was found.
    found_at: Instant,
    idempotency_key: String,
    scope: String,
    fingerprint: [u8; 32],
    request_hash: [u8; 32],
}

impl<C: IngestCall> IngestRequest<C> {
    pub(super) fn new(
        owner: Arc<KeyOwner>,
        found_at: Instant,
        trace: RequestTrace,
        idempotency_key: String,
        call: C,
    ) -> Self {
        let (scope, fingerprint) = (call.scope(), call.fingerprint());
        let request_hash = call.previous_hash();
        Self { call, owner, trace, found_at, idempotency_key, scope, fingerprint, request_hash }
    }

    /// Whether it has waited for so long that what is known of its project may be too old: someone who was erased
    /// since would come back. Asked once its transaction has begun.
    pub(super) fn is_late(&self) -> bool {
        self.found_at.elapsed() > USED_WITHIN
    }

    /// The key that it uses up.
    pub(super) fn used(&self) -> KeyUse<'_> {
        KeyUse {
            project_id: self.owner.project_id,
            route: C::ROUTE,
            scope: &self.scope,
            key: &self.idempotency_key,
            fingerprint: &self.fingerprint,
            request_hash: &self.request_hash,
        }
    }

    /// Does the work once per idempotency key, in one transaction with its stored response, and then
    /// has the relay dispatch the outbox messages of the work.
    pub(super) async fn complete(&self, state: &AppState) -> Result<StoredResponse, ApiError> {
        let (owner, trace) = (&*self.owner, &self.trace);
        let context = CallContext { state, owner, used: self.used(), trace };
        let tx = pool::begin(&state.pool).await?;
        if self.is_late() {
            return reject(tx, late()).await;
        }
        complete(tx, context, &self.call).await
    }
}

/// Of a call that [has waited for too long](IngestRequest::is_late).
pub(super) fn late() -> ApiError {
    ApiError::unavailable("it has waited for too long to be begun")
}

/// Tells the metrics of a call that was rejected; those that are taken are counted where they are.
pub(super) fn count_rejection<C: IngestCall, T>(
    outcome: Result<T, ApiError>,
) -> Result<T, ApiError> {
    outcome.inspect_err(|error| telemetry::call_rejected(C::ROUTE, error.code()))
}

/// Does the work of a request, together with that of others if it can be. A client that hangs up
/// does not stop it.
pub(super) async fn accept_once<C: SharedCall>(
    state: &IngestState,
    calls: &Calls<C>,
    request: IngestRequest<C>,
) -> Result<StoredResponse, ApiError> {
    if request.call.is_usual() {
        return calls.run(request).await;
    }
    let (app, alone) = (state.app.clone(), state.alone.clone());
    let working = async move { alone.run(Box::pin(request.complete(&app))).await };
    state.app.detached.run(working).await
}

async fn complete<C: IngestCall>(
    mut tx: Transaction,
    context: CallContext<'_>,
    call: &C,
) -> Result<StoredResponse, ApiError> {
    let used = context.used;
    let claimed = idempotency::claim(&mut tx, used).await?;
    match &claimed {
        Claim::Completed { response, identical } => {
            match response.event_id().filter(|_| !identical) {
                Some(event_id) => {
                    call.repeat(&mut tx, context, event_id).await?;
                    pool::commit(tx).await?;
                }
                None => rollback(tx).await,
            }
            telemetry::call_taken(C::ROUTE, Taken::Again);
            Ok(response.clone())
        }
        Claim::InProgress => reject(tx, ApiError::IdempotencyInProgress).await,
        Claim::Conflict => reject(tx, ApiError::IdempotencyConflict).await,
        Claim::New(scope) => accept_first(tx, context, call, &claimed, *scope).await,
        Claim::CompletedWithOtherBody { scope, .. } => {
            accept_first(tx, context, call, &claimed, *scope).await
        }
    }
}

/// Does the work of a call that has no stored response for this body.
async fn accept_first<C: IngestCall>(
    mut tx: Transaction,
    context: CallContext<'_>,
    call: &C,
    claimed: &Claim,
    scope: ResponseScope,
) -> Result<StoredResponse, ApiError> {
    let CallContext { state, used, .. } = context;
    let outcome = match call.accept(&mut tx, context).await {
        Ok(outcome) => outcome,
        Err(error) => return reject(tx, error).await,
    };
    if let Claim::CompletedWithOtherBody { response: earlier, .. } = claimed
        && !matches!(outcome, IngestOutcome::Rejected(_))
    {
        if outcome.event_id() != earlier.event_id() {
            return reject(tx, ApiError::IdempotencyConflict).await;
        }
        if used.scope.is_empty() {
            rollback(tx).await;
            telemetry::call_taken(C::ROUTE, Taken::Again);
            return Ok(earlier.clone());
        }
    }
    if !store_response(&mut tx, used, &outcome, claimed, scope).await? {
        return reject(tx, ApiError::IdempotencyInProgress).await;
    }
    pool::commit(tx).await?;
    crash_points::pass("call.committed");
    match outcome {
        IngestOutcome::Stored(_, response) => {
            telemetry::call_taken(C::ROUTE, C::taken(&response));
            state.relay.wake();
            Ok(response)
        }
        IngestOutcome::Provisional(response, taken) => {
            telemetry::call_taken(C::ROUTE, taken);
            Ok(response)
        }
        IngestOutcome::Rejected(error) => Err(error),
    }
}

/// Stores the response. `false` if the first request with this key was still running when it was
/// claimed here and has ended since; then its response counts, and nothing that was done here.
async fn store_response(
    tx: &mut PgConnection,
    used: KeyUse<'_>,
    outcome: &IngestOutcome,
    claimed: &Claim,
    scope: ResponseScope,
) -> Result<bool, StoreError> {
    match outcome {
        IngestOutcome::Stored(_, response) => {
            idempotency::insert_response(tx, used, scope, response).await
        }
        IngestOutcome::Provisional(..) | IngestOutcome::Rejected(_) => {
            Ok(idempotency::claim(tx, used).await? == *claimed)
        }
    }
}

async fn reject(tx: Transaction, error: ApiError) -> Result<StoredResponse, ApiError> {
    rollback(tx).await;
    Err(error)
}

/// Rolls a transaction back before its response leaves: dropping it would do so a moment later, and
/// a quick client would be told that its request is still running. Where that fails, the connection
/// is gone and the key's lock with it.
pub(super) async fn rollback(tx: Transaction) {
    let _undone = tx.rollback().await;
}

/// A response with status 202.
pub(super) fn accepted(body: &impl Serialize) -> Result<StoredResponse, ApiError> {
    let body = serde_json::to_vec(body).map_err(ApiError::internal)?;
    Ok(StoredResponse { status: StatusCode::ACCEPTED.as_u16(), body })
}

/// What a response is about, by ids as they are written.
#[derive(Deserialize)]
struct Subject<'a> {
    event_id: Option<&'a str>,
    #[serde(borrow)]
    incident: Option<SubjectIncident<'a>>,
}

#[derive(Deserialize)]
struct SubjectIncident<'a> {
    id: &'a str,
}

/// Has the log lines of the request name what it was about, from here on. Where neither log nor
/// trace keeps that, the response is not read again for it.
pub(super) fn name_subject(stored: &StoredResponse) {
    if !trace::takes_notes() {
        return;
    }
    let Ok(Subject { event_id, incident }) = serde_json::from_slice(&stored.body) else { return };
    if let Some(event_id) = event_id {
        trace::note("event_id", &event_id);
    }
    if let Some(SubjectIncident { id }) = incident {
        trace::note("incident_id", &id);
    }
}

/// The response of a request, as it goes out.
pub(super) fn respond(stored: StoredResponse) -> Response {
    name_subject(&stored);
    let mut response = Body::from(stored.body).into_response();
    *response.status_mut() = StatusCode::from_u16(stored.status).unwrap_or(StatusCode::ACCEPTED);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
