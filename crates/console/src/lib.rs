//! The operators' console: pages rendered here, forms that work without scripts.
//!
//! [`access`] decides who may open which page before its handler runs, and a page cannot be added
//! without saying so. A handler reads the store, fills a template and returns it; a change is a
//! POST that commits, sets a flash message for the next page, and responds with 303, so that
//! reloading repeats nothing. What fails on the way is an [`web::error::ApiError`], which
//! [`error_page`] shows as a page. No page loads anything from another host, and none needs a script.

pub mod access;
pub mod account;
pub mod alerting;
pub mod assets;
pub mod audit;
pub mod badge;
pub mod bulk;
mod charts;
mod clients;
mod comments;
mod compress;
pub mod destinations;
pub mod erasures;
pub mod error_page;
pub mod event;
pub mod events;
pub mod extensions;
pub mod facts;
pub mod form;
pub mod go;
pub mod incident;
pub mod incidents;
pub mod integration_test;
pub mod keys;
pub mod known_browser;
pub mod layout;
pub mod listing;
pub mod login;
mod newest;
pub mod overview;
pub mod overview_cache;
pub mod page;
pub mod password;
pub mod password_queue;
pub mod people;
pub mod projects;
pub mod proof;
pub mod reference;
pub mod retention;
pub mod same_origin;
pub mod saved_filters;
pub mod session;
pub mod settings;
pub mod sign_in;
pub mod snapshot;
pub mod state;
pub mod test_shop;
pub mod timeline_view;
pub mod view;
mod warnings;
pub mod when;

use axum::Router;
use axum::response::Redirect;

use self::access::{Access, Pages};
use self::state::ConsoleState;

/// What adds the pages of each part.
const PARTS: &[fn(Pages) -> Pages] = &[
    incidents::add,
    incident::add,
    bulk::add,
    comments::add,
    events::add,
    event::add,
    snapshot::add,
    projects::add,
    keys::add,
    destinations::add,
    alerting::add,
    extensions::add,
    erasures::add,
    integration_test::add,
    account::add,
    people::add,
    retention::add,
    audit::add,
    overview::add,
    view::add,
    proof::add,
    reference::add,
    saved_filters::add,
    go::add,
];

/// Every page, with who may open it.
#[must_use]
pub fn pages(state: &ConsoleState) -> Pages {
    let pages = Pages::new(state.clone())
        .get("/", Access::Viewer, async || Redirect::to("/incidents"))
        .get("/sign-in", Access::Anyone, sign_in::form)
        .post("/sign-in", Access::Anyone, sign_in::submit)
        .post("/sign-out", Access::Viewer, sign_in::leave)
        .get("/assets/{file}", Access::Anyone, assets::get)
        .get("/clients/{file}", Access::Anyone, clients::get);
    PARTS.iter().fold(pages, |pages, add| add(pages))
}

/// The console, ready to be merged beside the API.
pub fn router(state: &ConsoleState) -> Router {
    let routes = pages(state).into_router().fallback(error_page::nothing_here);
    error_page::pages(routes).with_state(state.clone())
}
