//! Projects: the list, a new one, and one project with its settings and signing secrets.
//!
//! Everything that belongs to a project is searched for among that project's things: an id of
//! another project's thing is not found, with the same text as an id that does not exist.

mod archive;
mod checklist;
mod forms;
mod head;
mod headers;
mod list;
mod names;
mod new;
mod overview;
mod policies;
mod policy_values;
mod secrets;
mod settings;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use domain::ids::ProjectId;
use store::projects::{Project, find_project};
use web::error::ApiError;

use super::access::{Access, Pages};
use crate::state::ConsoleState;

pub use head::{Head, Tab};

pub fn add(pages: Pages) -> Pages {
    pages
        .get("/projects", Access::Viewer, list::show)
        .post("/projects", Access::Admin, new::create)
        .get("/projects/new", Access::Admin, new::form)
        .get("/projects/{project_id}", Access::Viewer, overview::show)
        .post("/projects/{project_id}", Access::Admin, overview::save)
        .post("/projects/{project_id}/archive", Access::Admin, archive::archive)
        .post("/projects/{project_id}/restore", Access::Admin, archive::restore)
        .post("/projects/{project_id}/names", Access::Admin, names::declare)
        .post("/projects/{project_id}/names/remove", Access::Admin, names::remove)
        .post("/projects/{project_id}/callback-headers", Access::Admin, headers::set)
        .post("/projects/{project_id}/callback-headers/remove", Access::Admin, headers::remove)
        .get("/projects/{project_id}/policies", Access::Viewer, policies::show)
        .post("/projects/{project_id}/policies", Access::Admin, policies::set)
        .post("/projects/{project_id}/policies/off", Access::Admin, policies::turn_off)
        .post("/projects/{project_id}/policies/reset", Access::Operator, policies::reset)
        .post("/projects/{project_id}/secret/rotate", Access::Admin, secrets::rotate)
        .post("/projects/{project_id}/secrets/{secret_id}/revoke", Access::Admin, secrets::revoke)
}

/// The project that a path names; `not_found` if there is none.
pub struct PathProject(pub Project);

impl FromRequestParts<ConsoleState> for PathProject {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ConsoleState) -> Result<Self, ApiError> {
        let path =
            RawPathParams::from_request_parts(parts, state).await.map_err(|_| no_project())?;
        let named = path.iter().find(|(name, _)| *name == "project_id");
        let id: Option<ProjectId> = named.and_then(|(_, id)| id.parse().ok());
        let project = find_project(&state.pool, id.ok_or_else(no_project)?).await?;
        project.map(Self).ok_or_else(no_project)
    }
}

fn no_project() -> ApiError {
    ApiError::not_found("there is no such project")
}
