//! The console, page by page, as operators of each role meet it.

mod access;
mod account;
mod audit;
mod broken;
mod events;
mod incident;
mod incidents;
mod overview;
mod people;
mod proof;
mod sign_in;
