//! What the two calls work with.

use web::state::AppState;

use super::call_group::{CallGroup, Calls};
use super::receipt::ReceiptCall;
use super::result::ResultCall;

/// What handlers work with, and what commits the calls of many clients together.
#[derive(Clone)]
pub struct IngestState {
    pub(super) app: AppState,
    pub(super) receipts: Calls<ReceiptCall>,
    pub(super) results: Calls<ResultCall>,
}

impl IngestState {
    #[must_use]
    pub fn new(app: &AppState) -> Self {
        Self { app: app.clone(), receipts: CallGroup::start(app), results: CallGroup::start(app) }
    }
}
