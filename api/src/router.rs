//! Every path of the API.

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use web::response::json_api;
use web::state::AppState;

use crate::{health, slack, v1};

/// Every path of the API, with the contract's errors and headers.
pub fn router(state: &AppState) -> Router {
    let ingest = Arc::new(v1::IngestState::new(state));
    let calls = v1::calls().split_for_parts().0.with_state(ingest);
    let routes = Router::new()
        .route("/api/openapi.json", get(v1::reference::openapi))
        .route("/api/extensions/{contract}/{file}", get(v1::extension_contract::get))
        .route("/slack/actions", post(slack::act))
        .merge(v1::automation().split_for_parts().0)
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz));
    json_api(routes.with_state(state.clone()).merge(calls))
}
