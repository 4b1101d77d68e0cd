//! `POST /api/v1/receipt`: the app took a payment event. 202 means that it is in the database.

use axum::extract::{Request, State};
use axum::response::Response;
use domain::ids::EventId;
use domain::receipt::Receipt;
use serde::Serialize;
use store::idempotency::KeyUse;
use store::transitions::receipt;
use time::OffsetDateTime;

use super::ingest::{self, Ingest, Worked};
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
    let Ingest { owner, idempotency_key, body } = ingest::read(&state, request).await?;
    let receipt = Receipt::parse(&body).map_err(ApiError::ValidationError)?;
    let request_hash = ingest::hash(&receipt)?;
    let work = state.detached.clone();
    work.run(async move {
        let project_id = owner.project_id;
        let used = KeyUse {
            project_id,
            route: "receipt",
            key: &idempotency_key,
            request_hash: &request_hash,
        };
        let mut event_id = None;
        let response = ingest::once(&state, used, async |tx| {
            let taken = receipt::accept_receipt(tx, &state.master_key, &owner, &receipt).await;
            let taken = taken.map_err(ingest::failed)?;
            event_id = Some(taken.event_id);
            let dropped = receipt.payload.is_some() && !owner.snapshots;
            ingest::accepted(&Answer {
                event_id: taken.event_id,
                timeout_at: taken.timeout_at,
                accepted: true,
                duplicate: taken.duplicate,
                snapshot: dropped.then_some("not_stored"),
            })
            .map(Worked::Stored)
        })
        .await?;
        if let Some(event_id) = event_id {
            state.relay.nudge(event_id);
        }
        Ok(response)
    })
    .await
}
