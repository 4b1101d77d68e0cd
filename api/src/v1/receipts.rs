//! `POST /api/v1/receipts`: several receipts of an app that keeps them aside, each as if it had come
//! alone. 202 means that all of them are in the database.

use api_types::error::ErrorDetail;
use api_types::ingest::{ReceiptOutcome, ReceiptsRequest, ReceiptsResponse};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use futures::future::join_all;
use store::idempotency::StoredResponse;
use tokio::sync::{Mutex, Semaphore};
use web::body_room::Room;
use web::error::ApiError;
use web::extract::{BodyLimits, api_key, read_within};
use web::request_id::RequestId;
use web::state::AppState;

use super::api_client::{ApiClient, or_drop};
use super::call_group::SharedCall;
use super::ingest::{self, IngestRequest};
use super::ingest_body::{ListedReceipt, MAX_LIST, read_list};
use super::ingest_state::{IngestState, SharedState};
use super::receipt::ReceiptCall;

/// How many of a call are taken at the same time that cannot be committed together: other calls
/// need connections too.
const ALONE: usize = 2;

/// The receipts of a list, each read or rejected alone.
type Listed = Vec<Result<ListedReceipt, ApiError>>;

/// Takes receipts that were kept aside, each as if it had come alone.
///
/// A response that is not 202 has the status of the first that may be sent again as it is, else of the first
/// that was rejected, and `outcomes` says what became of each.
///
/// # Errors
/// As the contract's table says, where the list itself cannot be read.
#[utoipa::path(post, path = "/api/v1/receipts", operation_id = "post_receipts", tag = "calls", request_body = ReceiptsRequest,
    responses((status = 202, description = "All of them are in the database.", body = ReceiptsResponse)),
    security(("api_key" = [])))]
pub async fn post(
    State(state): State<SharedState>,
    Extension(request_id): Extension<RequestId>,
    request: Request,
) -> Result<Response, ApiError> {
    let admitted = admit(&state.app, request).await;
    // What is rejected as a whole counts as one call.
    let (client, _room, listed) = ingest::count_rejection::<ReceiptCall, _>(admitted)?;
    let (key_id, client) = (client.owner.key_id, Mutex::new(client));
    let alone = Semaphore::new(ALONE);
    let responses = listed.into_iter().enumerate().map(async |(at, listed)| {
        let taken = async {
            // Each counts as a request; for the first one the call itself has counted.
            if at > 0 {
                state.app.limits.check(key_id)?;
            }
            take(&state, &client, &alone, &listed?).await
        };
        ingest::count_rejection::<ReceiptCall, _>(taken.await)
    });
    let responses = join_all(responses).await;
    // One line has room for one event.
    if let [Ok(only)] = responses.as_slice() {
        ingest::name_subject(only);
    }
    respond(&responses, &request_id)
}

/// Who sends the list, the room that it takes, and what is in it.
async fn admit(
    app: &AppState,
    request: Request,
) -> Result<(ApiClient, Option<Room>, Listed), ApiError> {
    let (parts, body) = request.into_parts();
    let admitted = async { ApiClient::admit(app, &parts, api_key(&parts)?).await };
    let (mut client, body) = or_drop(body, admitted.await).await?;
    let reading = async {
        let (room, body) = client.make_room(app, body, MAX_LIST).await?;
        Ok((room, read_list(body).await?))
    };
    let (room, listed) = read_within(BodyLimits::default().deadline, reading).await?;
    client.look_again(app).await?;
    Ok((client, room, listed))
}

/// Takes a receipt. One that needs a turn of its own is read again when that has come: it may have waited for seconds,
/// and what is known of the project by now holds, such as who was erased.
async fn take(
    state: &IngestState,
    client: &Mutex<ApiClient>,
    alone: &Semaphore,
    listed: &ListedReceipt,
) -> Result<StoredResponse, ApiError> {
    let mut receipt = read(state, client, listed).await?;
    let _turn = if receipt.call.is_usual() {
        None
    } else {
        let turn = alone.acquire().await.map_err(ApiError::internal)?;
        client.lock().await.look_again(&state.app).await?;
        receipt = read(state, client, listed).await?;
        Some(turn)
    };
    ingest::accept_once(state, &state.receipts, receipt).await
}

async fn read(
    state: &IngestState,
    client: &Mutex<ApiClient>,
    listed: &ListedReceipt,
) -> Result<IngestRequest<ReceiptCall>, ApiError> {
    let key = listed.idempotency_key.clone();
    client.lock().await.read(&state.app, key, &listed.body).await
}

/// Says what became of each. The status is that of the first one that may be sent again as it is,
/// else of the first that was rejected: who looks at nothing else loses nothing.
fn respond(
    responses: &[Result<StoredResponse, ApiError>],
    request_id: &RequestId,
) -> Result<Response, ApiError> {
    let outcomes =
        responses.iter().map(|one| outcome(one, request_id)).collect::<Result<_, _>>()?;
    let rejections: Vec<_> = responses.iter().filter_map(|one| one.as_ref().err()).collect();
    let again = rejections
        .iter()
        .find(|error| error.status().is_server_error() || error.retry_after_secs().is_some());
    let Some(error) = again.or(rejections.first()) else {
        let body = ReceiptsResponse { error: None, outcomes };
        return Ok((StatusCode::ACCEPTED, Json(body)).into_response());
    };
    let message = format!(
        "{} of {} receipts were not accepted; \"outcomes\" says why, one for each in their order",
        rejections.len(),
        responses.len(),
    );
    let detail = ErrorDetail { message, fields: None, ..error.detail(request_id) };
    let body = ReceiptsResponse { error: Some(detail), outcomes };
    let mut response = (error.status(), Json(body)).into_response();
    error.write_headers(response.headers_mut());
    Ok(response)
}

fn outcome(
    response: &Result<StoredResponse, ApiError>,
    request_id: &RequestId,
) -> Result<ReceiptOutcome, ApiError> {
    match response {
        Ok(StoredResponse { status, body }) => Ok(ReceiptOutcome::Accepted {
            status: *status,
            receipt: serde_json::from_slice(body).map_err(ApiError::internal)?,
        }),
        Err(error) => {
            error.log(request_id);
            Ok(ReceiptOutcome::Rejected {
                status: error.status().as_u16(),
                retry_after: error.retry_after_secs(),
                error: error.detail(request_id),
            })
        }
    }
}
