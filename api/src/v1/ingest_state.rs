//! What the two calls work with.

use std::sync::Arc;

use web::state::AppState;

use super::call_group::{CallGroup, Calls};
use super::receipt::ReceiptCall;
use super::result::ResultCall;
use super::taken_alone::TakenAlone;

/// As handlers have it: each layer of a router clones the state of its routes for each request.
pub type SharedState = Arc<IngestState>;

/// What handlers work with, and what commits the calls of many clients together.
pub struct IngestState {
    pub(super) app: AppState,
    pub(super) receipts: Calls<ReceiptCall>,
    pub(super) results: Calls<ResultCall>,
    pub(super) alone: TakenAlone,
}

impl IngestState {
    #[must_use]
    pub fn new(app: &AppState) -> Self {
        let alone = TakenAlone::new(app.pool.clone());
        let (receipts, results) = (CallGroup::start(app, &alone), CallGroup::start(app, &alone));
        Self { app: app.clone(), receipts, results, alone }
    }
}
