//! Who sends a call, and what the call says.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, HttpBody as _};
use axum::extract::Request;
use axum::http::request::Parts;
use domain::api_key::ApiKey;
use store::api_keys::KeyOwner;
use telemetry::trace;
use web::body_room::{Room, SMALL};
use web::error::ApiError;
use web::extract::{BodyLimits, IngestHead, drop_body, look_ahead, read_within};
use web::request_id::RequestTrace;
use web::state::AppState;

use super::ingest::{IngestCall, IngestRequest};
use super::ingest_body::{IngestBody, MAX_BODY, read_ingest_body};

/// How long the body of a rejected request is read.
const DROP_WITHIN: Duration = Duration::from_secs(1);

/// Who sends a request.
pub(super) struct ApiClient {
    key: ApiKey,
    pub(super) owner: Arc<KeyOwner>,
    /// The trace that what follows from its calls belongs to.
    trace: RequestTrace,
    /// Whether the owner is as it was when the request came, or after that.
    is_confirmed: bool,
    /// When the owner was found.
    found_at: Instant,
}

/// Checks the headers, the key and its rate, and reads the body and the call in it.
pub(super) async fn read<C: IngestCall>(
    state: &AppState,
    request: Request,
) -> Result<IngestRequest<C>, ApiError> {
    let (parts, body) = request.into_parts();
    let admitted = async {
        let IngestHead { key, idempotency_key } = IngestHead::from_parts(&parts)?;
        Ok((ApiClient::admit(state, &parts, key).await?, idempotency_key))
    };
    let ((mut client, idempotency_key), body) = or_drop(body, admitted.await).await?;
    let deadline = BodyLimits::default().deadline;
    let reading = async {
        let (room, body) = client.make_room(state, body, MAX_BODY).await?;
        Ok((room, read_ingest_body(body, deadline, C::FIELDS).await?))
    };
    let (_room, body) = read_within(deadline, reading).await?;
    client.look_again(state).await?;
    client.read(state, idempotency_key, &body).await
}

/// How many bytes a body has that may have so many: as it announces, or all of them.
fn size_at_most(body: &Body, most: usize) -> usize {
    let announced = body.size_hint().exact();
    announced.and_then(|size| usize::try_from(size).ok()).unwrap_or(most).min(most)
}

/// Goes on with the body of an admitted request. That of a rejected one is read and dropped, as far
/// as it comes within a second: a client that is still sending it could not use its connection again
/// otherwise.
pub(super) async fn or_drop<T>(
    body: Body,
    admitted: Result<T, ApiError>,
) -> Result<(T, Body), ApiError> {
    match admitted {
        Ok(admitted) => Ok((admitted, body)),
        Err(rejection) => {
            let limits = BodyLimits { deadline: DROP_WITHIN, ..BodyLimits::default() };
            drop_body(body, limits).await;
            Err(rejection)
        }
    }
}

impl ApiClient {
    /// Who has this key, if they may send a request.
    pub(super) async fn admit(
        state: &AppState,
        parts: &Parts,
        key: ApiKey,
    ) -> Result<Self, ApiError> {
        let owner = state.admission.find_owner(&key).await?.ok_or(ApiError::Unauthorized)?;
        let found_at = Instant::now();
        trace::note("project_id", &owner.project_id);
        state.limits.check(owner.key_id)?;
        let trace = parts.extensions.get().cloned().unwrap_or_default();
        Ok(Self { key, owner, trace, is_confirmed: false, found_at })
    }

    /// The room for a body that may have so many bytes. One whose length is not announced has the largest, unless it ends
    /// while it is small.
    pub(super) async fn make_room(
        &self,
        state: &AppState,
        body: Body,
        most: usize,
    ) -> Result<(Option<Room>, Body), ApiError> {
        let body = look_ahead(body, SMALL, BodyLimits::default().deadline).await?;
        let room = state.bodies.take(self.owner.key_id, size_at_most(&body, most));
        or_drop(body, room).await
    }

    /// Reads the owner again, from memory: a body may take its time, and what is known of the project by now holds, such as
    /// who was erased.
    pub(super) async fn look_again(&mut self, state: &AppState) -> Result<(), ApiError> {
        let owner = state.admission.find_owner(&self.key).await?;
        self.owner = owner.ok_or(ApiError::Unauthorized)?;
        self.found_at = Instant::now();
        Ok(())
    }

    /// Reads a call. One with field errors is read again with the project as it is now: a name that
    /// was declared a moment ago is known.
    pub(super) async fn read<C: IngestCall>(
        &mut self,
        state: &AppState,
        idempotency_key: String,
        body: &IngestBody,
    ) -> Result<IngestRequest<C>, ApiError> {
        let call = match C::read(&self.owner, &idempotency_key, body) {
            Err(ApiError::ValidationError(_)) if !self.is_confirmed => {
                let owner = state.admission.confirm_owner(&self.key).await?;
                self.owner = owner.ok_or(ApiError::Unauthorized)?;
                (self.is_confirmed, self.found_at) = (true, Instant::now());
                C::read(&self.owner, &idempotency_key, body)
            }
            call => call,
        };
        let (owner, trace) = (Arc::clone(&self.owner), self.trace.clone());
        Ok(IngestRequest::new(owner, self.found_at, trace, idempotency_key, call?))
    }
}
