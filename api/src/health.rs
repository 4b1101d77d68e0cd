//! `/healthz`: the process lives. `/readyz`: receipts can be accepted, and what else is not well.
//!
//! Receipts need the database only. Everything else being away is `degraded`, not unready: a load
//! balancer that took the API out then would lose receipts for nothing. Both are open to everyone
//! and show no address and no secret; the checks themselves are [`engine::health`]'s.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use engine::health::{Check, HealthReport};
use serde::Serialize;
use serde_json::{Value, json};
use web::state::AppState;

/// The response of `/readyz`.
#[derive(Serialize)]
pub struct Readiness {
    status: &'static str,
    database: &'static str,
    temporal: &'static str,
    checks: Vec<Check>,
}

/// `GET /healthz`.
pub async fn healthz() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// `GET /readyz`.
pub async fn readyz(State(state): State<AppState>) -> (StatusCode, Json<Readiness>) {
    let report = state.health.report().await;
    let is_ready = report.accepts_receipts();
    respond(report, is_ready)
}

/// The response about a process that is ready, or is not.
pub fn respond(report: HealthReport, is_ready: bool) -> (StatusCode, Json<Readiness>) {
    let code = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(Readiness::new(report, is_ready)))
}

impl Readiness {
    fn new(report: HealthReport, is_ready: bool) -> Self {
        let part = |up: bool, down: &'static str| if up { "ok" } else { down };
        let status = match (is_ready, report.all_is_well()) {
            (true, true) => "ok",
            (true, false) => "degraded",
            (false, _) => "unavailable",
        };
        Self {
            status,
            database: part(report.database(), "unavailable"),
            temporal: part(report.temporal(), "degraded"),
            checks: report.checks,
        }
    }
}
