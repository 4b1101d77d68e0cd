//! What pages warn of: destinations that nothing arrives at, receipts that do not come, and telling that waits.

mod broken;
pub(crate) mod held;
mod silent;

use domain::ids::ProjectId;
use domain::project::Mode;
use web::error::ApiError;

use self::broken::{Broken, list_broken};
use self::silent::{Silences, list_silent};
use crate::state::ConsoleState;

/// What is said above a page of a project, or of all of a mode.
#[derive(Default)]
pub(crate) struct Warnings {
    pub(crate) broken: Vec<Broken>,
    pub(crate) silent: Silences,
}

impl Warnings {
    pub(crate) async fn load(
        state: &ConsoleState,
        project_id: Option<ProjectId>,
        mode: Mode,
    ) -> Result<Self, ApiError> {
        Ok(Self {
            broken: list_broken(state, project_id, mode).await?,
            silent: list_silent(state, project_id, mode).await?,
        })
    }
}
