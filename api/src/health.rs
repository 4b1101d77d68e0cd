//! `/healthz`: the process lives. `/readyz`: receipts can be accepted.
//!
//! Receipts need the database only, so Temporal being away is `degraded`, not unready: a load
//! balancer that took the API out then would lose receipts for nothing.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};
use std::time::Duration;
use store::pool;

use crate::state::AppState;

const PATIENCE: Duration = Duration::from_secs(2);

/// `GET /healthz`.
pub async fn healthz() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// `GET /readyz`.
pub async fn readyz(State(state): State<AppState>) -> (StatusCode, Json<Value>) {
    let (database, temporal) = tokio::join!(
        answers(async { matches!(pool::is_writable(&state.pool).await, Ok(true)) }),
        answers(async { state.engine.check().await.is_ok() }),
    );
    let (code, status) = match (database, temporal) {
        (true, true) => (StatusCode::OK, "ok"),
        (true, false) => (StatusCode::OK, "degraded"),
        (false, _) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
    };
    let part = |up: bool, down: &'static str| if up { "ok" } else { down };
    let body = json!({
        "status": status,
        "database": part(database, "unavailable"),
        "temporal": part(temporal, "degraded"),
    });
    (code, Json(body))
}

async fn answers(check: impl Future<Output = bool>) -> bool {
    tokio::time::timeout(PATIENCE, check).await.unwrap_or(false)
}
