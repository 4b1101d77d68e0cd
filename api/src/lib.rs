//! The HTTP side of sendpromptly.
//!
//! A request passes, in this order: [`serve`] (connections, deadlines, drain), [`request_id`]
//! (every request gets an id), [`answer`] (every answer of the API has the contract's shape),
//! [`extract`] (what a request may look like), [`rate_limit`], and then its handler. Whatever fails
//! on the way is an [`error::ApiError`]. Pages for people are the [`console`]'s, beside the API.

pub mod answer;
pub mod auth;
pub mod console;
mod days;
pub mod error;
pub mod extract;
pub mod health;
pub mod rate_limit;
pub mod request_id;
pub mod router;
pub mod serve;
pub mod state;
pub mod v1;
