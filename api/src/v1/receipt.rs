//! `POST /api/v1/receipt`: the app took a payment event. 202 means that it is in the database.

use axum::extract::{Request, State};
use axum::response::Response;
use domain::ids::EventId;
use domain::receipt::Receipt;
use serde::Serialize;
use store::PgConnection;
use store::transitions::receipt;
use time::OffsetDateTime;

use super::ingest::{self, Call, Worked};
use crate::error::ApiError;
use crate::state::AppState;

#[derive(Serialize)]
struct Answer {
    event_id: EventId,
    #[serde(with = "time::serde::rfc3339")]
    timeout_at: OffsetDateTime,
    accepted: bool,
    duplicate: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot: Option<&'static str>,
}

/// The handler.
///
/// # Errors
/// As the contract's table says.
pub async fn post(State(state): State<AppState>, request: Request) -> Result<Response, ApiError> {
    let (sender, body) = ingest::read(&state, request).await?;
    let receipt = Receipt::parse(&body).map_err(ApiError::ValidationError)?;
    ingest::once(state, "receipt", sender, receipt, |tx, call| Box::pin(take(tx, call))).await
}

async fn take(tx: &mut PgConnection, call: Call<'_, Receipt>) -> Result<Worked, ApiError> {
    let Call { state, owner, said: receipt, .. } = call;
    let taken = receipt::accept_receipt(tx, &state.master_key, owner, receipt).await;
    let taken = taken.map_err(ingest::failed)?;
    let dropped = receipt.payload.is_some() && (!owner.snapshots || taken.duplicate);
    let answer = Answer {
        event_id: taken.event_id,
        timeout_at: taken.timeout_at,
        accepted: true,
        duplicate: taken.duplicate,
        snapshot: dropped.then_some("not_stored"),
    };
    ingest::accepted(taken.event_id, &answer)
}
