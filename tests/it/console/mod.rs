//! The console, page by page, as operators of each role meet it.

mod access;
mod broken;
mod events;
mod incident;
mod incidents;
mod sign_in;
