//! The console, page by page, as operators of each role meet it.

mod access;
mod account;
mod broken;
mod events;
mod incident;
mod incidents;
mod people;
mod sign_in;
