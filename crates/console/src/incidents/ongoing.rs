//! What goes on in the projects that the home is about and does not show in its list: that telling waits, and what is done
//! to many incidents.

use domain::ids::ProjectId;
use domain::project::Mode;
use store::projects::Project;
use store::{PgPool, StoreError};

use crate::bulk::{BulkUnderWay, list_under_way};
use crate::warnings::held::{HeldProject, list_held};

pub(super) struct Ongoing {
    /// Where telling waits now.
    pub(super) held: Vec<HeldProject>,
    /// What runs or is paused.
    pub(super) bulks: Vec<BulkUnderWay>,
}

impl Ongoing {
    pub(super) async fn load(
        pool: &PgPool,
        projects: &[Project],
        only: Option<ProjectId>,
        mode: Mode,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            held: list_held(pool, projects, only, mode).await?,
            bulks: list_under_way(pool, projects, only, mode).await?,
        })
    }
}
