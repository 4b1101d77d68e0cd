//! Version 1: the two calls of apps, and the automation API of operators.
//!
//! Apps send [`receipt`]s and [`result`]s with a project's key. Operators, or their scripts, work on
//! everything below `/api/v1/projects` with an operator's token: [`caller`] knows who asks and what
//! they may do. The OpenAPI document is made of the very routes and types that answer.

pub mod audit;
pub mod caller;
pub mod declared_names;
pub mod destinations;
pub mod events;
pub mod incidents;
mod ingest;
pub mod keys;
pub mod paging;
mod previous_release;
pub mod projects;
pub mod proof_links;
pub mod receipt;
pub mod reference;
mod refusals;
pub mod reprocesses;
pub mod result;

use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::reference::Security;
use crate::state::AppState;

/// What the document says of the whole.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "sendpromptly automation API",
        version = "1",
        description = "What operators do in the console, for scripts. Send an operator token, made in the console under your account, as `Authorization: Bearer op_…`; it may do what its owner may do. Lists that grow, of incidents, events and audit entries, are paged by `cursor`; the others come whole. Every error has the shape `ErrorBody`. The two calls of apps are in docs/api.md.",
    ),
    components(schemas(reference::ErrorBody)),
    modifiers(&Security),
    security(("operator_token" = [])),
)]
struct Document;

/// Everything that takes an operator's token, with its description.
#[must_use]
pub fn automation() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(projects::list, projects::create))
        .routes(routes!(projects::show, projects::update))
        .routes(routes!(
            declared_names::list_declared,
            declared_names::declare,
            declared_names::remove
        ))
        .routes(routes!(incidents::list))
        .routes(routes!(incidents::show))
        .routes(routes!(incidents::acknowledge))
        .routes(routes!(incidents::resolve))
        .routes(routes!(reprocesses::list, reprocesses::create))
        .routes(routes!(proof_links::list, proof_links::create))
        .routes(routes!(proof_links::revoke))
        .routes(routes!(events::list))
        .routes(routes!(events::show))
        .routes(routes!(keys::list, keys::create))
        .routes(routes!(keys::revoke))
        .routes(routes!(destinations::list, destinations::add))
        .routes(routes!(destinations::remove))
        .routes(routes!(destinations::test))
        .routes(routes!(audit::list))
}
