//! What the two calls work with.

use axum::extract::FromRef;
use web::group_commit::GroupCommit;
use web::state::AppState;

use super::receipt_group::Receipts;

/// What handlers work with, and what commits the calls of many clients together.
#[derive(Clone)]
pub struct IngestState {
    pub(super) app: AppState,
    pub(super) receipts: GroupCommit<Receipts>,
}

impl IngestState {
    #[must_use]
    pub fn new(app: &AppState) -> Self {
        let (pool, detached) = (app.pool.clone(), app.detached.clone());
        let receipts = GroupCommit::new(Receipts::new(app.clone()), pool, detached);
        Self { app: app.clone(), receipts }
    }
}

impl FromRef<IngestState> for AppState {
    fn from_ref(state: &IngestState) -> Self {
        state.app.clone()
    }
}
