//! `POST /api/v1/receipt`: the app took a payment event. 202 means that it is in the database.

use api_types::ingest::{ReceiptRequest, ReceiptResponse, SnapshotState};
use axum::extract::{Request, State};
use axum::response::Response;
use domain::ids::EventId;
use domain::receipt::{Receipt, ReceiptContext};
use domain::snapshot::{DropReason, Snapshot};
use serde::Deserialize;
use store::api_keys::KeyOwner;
use store::idempotency::{SharedOutcome, StoredResponse};
use store::transitions::receipt::{self, AcceptedReceipt, Delivery};
use store::transitions::receipts::{SharedDelivery, accept_receipts};
use store::{PgConnection, StoreError, declared_names};
use telemetry::Taken;
use web::error::ApiError;
use web::request_id::RequestTrace;
use web::state::AppState;

use super::call_group::SharedCall;
use super::ingest::{self, CallContext, IngestCall, IngestOutcome, IngestRequest};
use super::ingest_body::IngestBody;
use super::ingest_state::SharedState;
use super::{api_client, previous_release};

/// The largest snapshot that is kept together with others, in bytes: it stays in memory while its
/// receipt waits.
const MAX_SHARED_SNAPSHOT: usize = 8 * 1024;

/// What a receipt says, and what becomes of its payload.
pub(super) struct ReceiptCall {
    receipt: Receipt,
    snapshot: Option<Snapshot>,
    event_key: [u8; 32],
    previous_hash: [u8; 32],
}

/// What a response says of its event.
#[derive(Deserialize)]
struct Known {
    duplicate: bool,
}

/// Takes a receipt: the app took a payment event, and an effect is due.
///
/// # Errors
/// As the contract's table says.
#[utoipa::path(post, path = "/api/v1/receipt", operation_id = "post_receipt", tag = "calls", request_body = ReceiptRequest,
    params(("Idempotency-Key" = String, Header, description = "The same on every retry of the same call.",
        min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 202, description = "The receipt is in the database.", body = ReceiptResponse)),
    security(("api_key" = [])))]
pub async fn post(
    State(state): State<SharedState>,
    request: Request,
) -> Result<Response, ApiError> {
    let outcome = async {
        let request = api_client::read(&state.app, request).await?;
        ingest::accept_once(&state, &state.receipts, request).await
    };
    ingest::count_rejection::<ReceiptCall, _>(outcome.await).map(ingest::respond)
}

impl ReceiptCall {
    fn kept_snapshot(&self) -> Option<&str> {
        match &self.snapshot {
            Some(Snapshot::Kept(json)) => Some(json),
            Some(Snapshot::NotStored(_)) | None => None,
        }
    }

    fn delivery<'a>(&'a self, trace: &'a RequestTrace) -> Delivery<'a> {
        Delivery {
            receipt: &self.receipt,
            event_key: &self.event_key,
            snapshot: self.kept_snapshot(),
            trace_parent: trace.as_str(),
        }
    }

    fn response(&self, taken: AcceptedReceipt) -> Result<StoredResponse, ApiError> {
        let dropped = match &self.snapshot {
            Some(Snapshot::NotStored(reason)) => Some(*reason),
            Some(Snapshot::Kept(_)) if taken.duplicate => Some(DropReason::Duplicate),
            Some(Snapshot::Kept(_)) if !taken.snapshot_kept => Some(DropReason::KeyUnavailable),
            Some(Snapshot::Kept(_)) | None => None,
        };
        ingest::accepted(&ReceiptResponse {
            event_id: taken.event_id,
            timeout_at: taken.timeout_at,
            accepted: true,
            duplicate: taken.duplicate,
            snapshot: dropped.map(|_| SnapshotState::NotStored),
            snapshot_reason: dropped,
        })
    }

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

impl SharedCall for ReceiptCall {
    /// It is not large.
    fn is_usual(&self) -> bool {
        self.kept_snapshot().is_none_or(|json| json.len() <= MAX_SHARED_SNAPSHOT)
    }

    fn event_name(&self) -> &str {
        &self.receipt.provider_event_id
    }

    async fn accept_all(
        state: &AppState,
        tx: &mut PgConnection,
        batch: &[&IngestRequest<Self>],
    ) -> Result<Vec<SharedOutcome>, StoreError> {
        let deliveries = batch.iter().map(|request| SharedDelivery {
            owner: &request.owner,
            used: request.used(),
            delivery: request.call.delivery(&request.trace),
        });
        let deliveries: Vec<_> = deliveries.collect();
        let respond = |n: usize, taken| batch[n].call.response(taken).ok();
        accept_receipts(tx, &state.master_key, &deliveries, respond).await
    }
}

impl IngestCall for ReceiptCall {
    const ROUTE: &'static str = "receipt";
    const FIELDS: &'static [&'static str] = domain::receipt::FIELDS;

    fn read(owner: &KeyOwner, idempotency_key: &str, body: &IngestBody) -> Result<Self, ApiError> {
        let context = ReceiptContext { catalogue: &owner.catalogue, mode: owner.mode };
        let receipt = Receipt::parse(&body.fields, context).map_err(ApiError::ValidationError)?;
        let event_key = receipt.identity(idempotency_key).key();
        let previous_hash = previous_release::hash_receipt(body)?;
        let snapshot =
            body.payload.as_ref().map(|payload| Snapshot::judge(payload, owner.snapshots));
        Ok(Self { receipt, snapshot, event_key, previous_hash })
    }

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
        CallContext { state, owner, trace, .. }: CallContext<'_>,
    ) -> Result<IngestOutcome, ApiError> {
        self.hold_names(tx, owner).await?;
        let delivery = self.delivery(trace);
        let taken = receipt::accept_receipt(tx, &state.master_key, owner, delivery).await?;
        Ok(IngestOutcome::Stored(taken.event_id, self.response(taken)?))
    }

    fn taken(response: &StoredResponse) -> Taken {
        match serde_json::from_slice(&response.body) {
            Ok(Known { duplicate: true }) => Taken::Again,
            _ => Taken::First,
        }
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
