//! Every path of the service: the API's, the console's and, where it is on, the test shop's, beside each other.

use axum::Router;
use axum::middleware::from_fn;
use console::state::ConsoleState;
use web::request_id::with_request_id;

/// The service, ready for [`web::serve::serve`].
pub fn router(state: &ConsoleState) -> Router {
    let routes = api::router(&state.shared).merge(console::router(state));
    let routes = match &state.console.test_shop {
        Some(shop) => routes.merge(shop.routes.clone()),
        None => routes,
    };
    routes.layer(from_fn(with_request_id))
}
