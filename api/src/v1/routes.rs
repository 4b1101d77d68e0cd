//! Every path that the document describes, with what it says of the whole.

use api_types::error::ErrorResponse;
use api_types::ingest::ReceiptsErrorResponse;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi, openapi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use web::state::AppState;

use super::ingest_state::SharedState;
use super::{
    alerting, archive, audit, bulk, bulk_sets, causes, comments, declared_names, destinations,
    erasures, events, extensions, filters, incidents, keys, owners, policies, projects,
    proof_links, receipt, receipts, reprocesses, result, silences, snoozes,
};

/// What the document says of the whole.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "sendpromptly API",
        version = "1",
        description = "The calls of apps, and below `/api/v1/projects` and `/api/v1/bulk-sets` what operators do in the console, for scripts. An app sends its project's key as `Authorization: Bearer sk_…`; a script sends an operator token, made in the console under your account, as `Authorization: Bearer op_…`, and may do what its owner may do. Lists that grow, of incidents, causes, events, audit entries and what a bulk reprocess is about, are paged by `cursor`; the others come whole, or the newest where they say so. Every error has the shape `ErrorBody`; that of a list of receipts says beside it what became of each.",
    ),
    components(schemas(ErrorResponse, ReceiptsErrorResponse)),
    modifiers(&Security),
    tags((name = "calls", description = "The calls of apps. They take more than is said here: docs/api.md says all.")),
    security(("operator_token" = [])),
)]
struct Document;

/// The calls of apps, with their description.
#[must_use]
pub fn calls() -> OpenApiRouter<SharedState> {
    OpenApiRouter::new()
        .routes(routes!(receipt::post))
        .routes(routes!(receipts::post))
        .routes(routes!(result::post))
}

/// Everything that takes an operator's token, with its description.
#[must_use]
pub fn automation() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(projects::list, projects::create))
        .routes(routes!(projects::show, projects::update))
        .routes(routes!(archive::archive))
        .routes(routes!(archive::restore))
        .routes(routes!(
            declared_names::list_declared,
            declared_names::declare,
            declared_names::remove
        ))
        .routes(routes!(silences::list))
        .routes(routes!(alerting::show_rules, alerting::change_rules))
        .routes(routes!(alerting::list, alerting::start))
        .routes(routes!(alerting::end))
        .routes(routes!(policies::list))
        .routes(routes!(policies::set))
        .routes(routes!(policies::reset))
        .routes(routes!(causes::list))
        .routes(routes!(filters::list))
        .merge(bulk_reprocesses())
        .merge(sets_of_bulks())
        .routes(routes!(erasures::list, erasures::create))
        .routes(routes!(erasures::show))
        .merge(incident_routes())
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

fn incident_routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(incidents::list))
        .routes(routes!(incidents::show))
        .routes(routes!(incidents::acknowledge))
        .routes(routes!(owners::assign, owners::release))
        .routes(routes!(comments::add_to_incident))
        .routes(routes!(comments::list_of_cause, comments::add_to_cause))
        .routes(routes!(incidents::resolve))
        .routes(routes!(snoozes::show, snoozes::create, snoozes::remove))
        .routes(routes!(reprocesses::list, reprocesses::create))
        .routes(routes!(proof_links::list, proof_links::create))
        .routes(routes!(proof_links::revoke))
}

fn bulk_reprocesses() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(bulk::list, bulk::create))
        .routes(routes!(bulk::show))
        .routes(routes!(bulk::items))
        .routes(routes!(bulk::start))
        .routes(routes!(bulk::pause))
        .routes(routes!(bulk::resume))
        .routes(routes!(bulk::cancel))
}

fn sets_of_bulks() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(bulk_sets::create))
        .routes(routes!(bulk_sets::show))
        .routes(routes!(bulk_sets::start))
        .routes(routes!(bulk_sets::pause))
        .routes(routes!(bulk_sets::resume))
        .routes(routes!(bulk_sets::cancel))
}

/// The scheme of the calls.
pub(super) const API_KEY: &str = "api_key";

/// Adds the key and the token to the document.
struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        for (name, description) in [
            (API_KEY, "A project's key, sk_test_… or sk_live_…."),
            ("operator_token", "An operator token, op_…, made in the console under your account."),
        ] {
            let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
            let scheme = scheme.description(Some(description)).build();
            components.add_security_scheme(name, SecurityScheme::Http(scheme));
        }
    }
}
