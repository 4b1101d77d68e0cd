//! Which projects a page is about: those of real money, or those of tests. Never both, so that no count mixes them.
//!
//! An operator chooses in the header, and it is remembered with them, in every browser. Who never chose sees real money
//! where there is some. An address that names a project or a mode says it itself.

use axum::Form;
use axum::extract::State;
use axum::response::Response;
use domain::ids::ProjectId;
use domain::project::Mode;
use serde::Deserialize;
use store::projects::{self, Project};
use store::{PgPool, StoreError, operators};
use web::error::ApiError;

use crate::access::{Access, Pages};
use crate::layout::Section;
use crate::page::go_to;
use crate::session::SignedIn;
use crate::state::ConsoleState;

#[must_use]
pub fn add(pages: Pages) -> Pages {
    pages.post("/view", Access::Viewer, choose)
}

/// The switch in the header.
#[derive(Debug, Clone, Copy)]
pub struct View {
    pub mode: Mode,
    /// Whether there is something to choose between.
    pub is_choice: bool,
}

impl View {
    pub(crate) async fn load(pool: &PgPool, signed_in: &SignedIn) -> Result<Self, StoreError> {
        let (live, test) = projects::list_modes(pool).await?;
        let usual = if live { Mode::Live } else { Mode::Test };
        let chosen = signed_in.session.view_mode.filter(|_| live && test);
        Ok(Self { mode: chosen.unwrap_or(usual), is_choice: live && test })
    }

    /// The mode of a page whose address may name one, or a project.
    pub(crate) fn mode_for(
        self,
        asked: Option<Mode>,
        project_id: Option<ProjectId>,
        projects: &[Project],
    ) -> Mode {
        let project = projects.iter().find(|project| Some(project.id) == project_id);
        asked.or_else(|| project.map(|project| project.mode)).unwrap_or(self.mode)
    }
}

/// The projects of a mode that are not archived.
pub(crate) async fn list_projects_of(
    pool: &PgPool,
    mode: Mode,
) -> Result<Vec<Project>, StoreError> {
    let mut projects = projects::list_in_use(pool, None).await?;
    projects.retain(|project| project.mode == mode);
    Ok(projects)
}

/// What was pressed, and in which part of the console.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ViewForm {
    mode: String,
    section: String,
}

/// `POST /view`: back to the part of the console that it was pressed in.
async fn choose(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Form(form): Form<ViewForm>,
) -> Result<Response, ApiError> {
    let mode: Mode =
        form.mode.parse().map_err(|_| ApiError::not_found("There is no such mode."))?;
    operators::choose_view(&state.pool, signed_in.session.operator_id, mode).await?;
    let back = Section::MAIN.iter().find(|(_, path, _)| *path == form.section);
    Ok(go_to(back.map_or("/incidents", |(_, path, _)| *path)))
}
