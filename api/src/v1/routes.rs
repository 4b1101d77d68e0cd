//! Every path of the automation API, with what its document says of the whole.

use api_types::error::ErrorResponse;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi, openapi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use web::state::AppState;

use super::{
    audit, declared_names, destinations, events, extensions, incidents, keys, policies, projects,
    proof_links, reprocesses,
};

/// What the document says of the whole.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "sendpromptly automation API",
        version = "1",
        description = "What operators do in the console, for scripts. Send an operator token, made in the console under your account, as `Authorization: Bearer op_…`; it may do what its owner may do. Lists that grow, of incidents, events and audit entries, are paged by `cursor`; the others come whole. Every error has the shape `ErrorBody`. The two calls of apps are in docs/api.md.",
    ),
    components(schemas(ErrorResponse)),
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
        .routes(routes!(policies::list))
        .routes(routes!(policies::set))
        .routes(routes!(policies::reset))
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
        .routes(routes!(destinations::update, destinations::remove))
        .routes(routes!(destinations::rotate_secret))
        .routes(routes!(destinations::test))
        .routes(routes!(extensions::list, extensions::add))
        .routes(routes!(extensions::show, extensions::remove))
        .routes(routes!(extensions::pause))
        .routes(routes!(extensions::resume))
        .routes(routes!(extensions::test))
        .routes(routes!(audit::list))
}

/// Adds the token to the document.
struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("An operator token, op_…, made in the console under your account."))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("operator_token", SecurityScheme::Http(scheme));
    }
}
