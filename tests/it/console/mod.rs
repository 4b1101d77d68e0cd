//! The console, page by page, as operators of each role meet it.

mod access;
mod account;
mod alive;
mod audit;
mod broken;
mod causes;
mod charts;
mod check_repair;
mod commenting;
mod destinations;
mod erasures;
mod events;
mod heavy;
mod incident;
mod incidents;
mod inert;
mod integration_test;
mod keyboard;
mod keys;
mod looks;
mod overview;
mod owning;
mod people;
mod placed;
mod projects;
mod proof;
mod rejected;
mod retention;
mod samples;
mod saved_filters;
mod script_free;
mod sign_in;
mod snapshot;
mod strict;
mod test_shop;
mod view;
mod walk;

/// What a stranger might write, hoping that a page would run it.
const HOSTILE: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
