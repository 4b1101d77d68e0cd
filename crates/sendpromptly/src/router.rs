//! Every path of the service: the API's and the console's, beside each other.

use axum::Router;
use axum::middleware::from_fn;
use console::state::ConsoleState;
use web::request_id::with_request_id;

/// The service, ready for [`web::serve::serve`].
pub fn router(state: &ConsoleState) -> Router {
    api::router(&state.shared).merge(console::router(state)).layer(from_fn(with_request_id))
}
