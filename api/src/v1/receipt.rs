//! `POST /api/v1/receipt`: the app took a payment event. 202 means that it is in the database.

use api_types::ingest::{ReceiptResponse, SnapshotState};
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::response::Response;
use domain::ids::EventId;
use domain::receipt::{Receipt, ReceiptContext};
use domain::snapshot::{DropReason, Snapshot};
use store::api_keys::KeyOwner;
use store::transitions::receipt::{self, Delivery};
use store::{PgConnection, declared_names};
use web::error::ApiError;
use web::state::AppState;

use super::ingest::{self, CallContext, IngestCall, IngestOutcome};
use super::previous_release;

struct ReceiptCall {
    receipt: Receipt,
    payload: Option<Bytes>,
    event_key: [u8; 32],
    previous_hash: [u8; 32],
}

/// The handler.
///
/// # Errors
/// As the contract's table says.
pub async fn post(State(state): State<AppState>, request: Request) -> Result<Response, ApiError> {
    let (client, body) = ingest::read(&state, request).await?;
    let context = ReceiptContext { catalogue: &client.owner.catalogue, mode: client.owner.mode };
    let receipt = Receipt::parse(&body.fields, context).map_err(ApiError::ValidationError)?;
    let event_key = receipt.identity(&client.idempotency_key).key();
    let previous_hash = previous_release::hash_receipt(&body)?;
    let call = ReceiptCall { receipt, payload: body.payload, event_key, previous_hash };
    ingest::once(state, client, call).await
}

impl ReceiptCall {
    /// Names that the project declares were known when the receipt was read. From here on they
    /// stay, or the receipt is rejected because one was removed a moment ago.
    async fn hold_names(&self, tx: &mut PgConnection, owner: &KeyOwner) -> Result<(), ApiError> {
        let names = self.receipt.declared_names();
        let gone = declared_names::hold_names(tx, owner.project_id, names).await?;
        let unknown: Vec<_> =
            gone.iter().filter_map(|name| name.unknown_in(owner.project_id)).collect();
        if unknown.is_empty() { Ok(()) } else { Err(ApiError::ValidationError(unknown)) }
    }
}

impl IngestCall for ReceiptCall {
    const ROUTE: &'static str = "receipt";

    fn scope(&self) -> String {
        String::new()
    }

    fn fingerprint(&self) -> [u8; 32] {
        self.event_key
    }

    fn previous_hash(&self) -> [u8; 32] {
        self.previous_hash
    }

    async fn accept(
        &self,
        tx: &mut PgConnection,
        CallContext { state, owner, .. }: CallContext<'_>,
    ) -> Result<IngestOutcome, ApiError> {
        self.hold_names(tx, owner).await?;
        let payload = self.payload.as_deref();
        let snapshot = payload.map(|payload| Snapshot::judge(payload, owner.snapshots));
        let kept = match &snapshot {
            Some(Snapshot::Kept(json)) => Some(json.as_str()),
            Some(Snapshot::NotStored(_)) | None => None,
        };
        let delivery =
            Delivery { receipt: &self.receipt, event_key: &self.event_key, snapshot: kept };
        let taken = receipt::accept_receipt(tx, &state.master_key, owner, delivery).await?;
        let dropped = match snapshot {
            Some(Snapshot::NotStored(reason)) => Some(reason),
            Some(Snapshot::Kept(_)) if taken.duplicate => Some(DropReason::Duplicate),
            Some(Snapshot::Kept(_)) | None => None,
        };
        let answer = ReceiptResponse {
            event_id: taken.event_id,
            timeout_at: taken.timeout_at,
            accepted: true,
            duplicate: taken.duplicate,
            snapshot: dropped.map(|_| SnapshotState::NotStored),
            snapshot_reason: dropped,
        };
        Ok(IngestOutcome::Stored(taken.event_id, ingest::accepted(&answer)?))
    }

    /// The first receipt of an event counts; what a second delivery says differently does not.
    async fn repeat(
        &self,
        _: &mut PgConnection,
        _: CallContext<'_>,
        _: EventId,
    ) -> Result<(), ApiError> {
        Ok(())
    }
}
