//! Every path of the service.

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::{get, post};

use crate::state::AppState;
use crate::{answer, console, health, request_id, v1};

/// The service, ready for [`crate::serve::serve`].
pub fn router(state: AppState) -> Router {
    let api = Router::new()
        .route("/api/v1/receipt", post(v1::receipt::post))
        .route("/api/v1/result", post(v1::result::post))
        .route("/api/openapi.json", get(v1::reference::openapi))
        .merge(v1::automation().split_for_parts().0)
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz));
    answer::json_api(api)
        .merge(console::router(&state))
        .layer(from_fn(request_id::with_request_id))
        .with_state(state)
}
