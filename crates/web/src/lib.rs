//! The transport of the API and the console: connections, requests, errors. No page and no route.
//!
//! A request passes, in this order: [`serve`] (connections, deadlines, drain), [`request_id`]
//! (every request gets an id), [`response`] (every response of the API has the contract's shape),
//! [`extract`] (what a request may look like), [`rate_limit`], and then its handler, in another
//! crate. Whatever fails on the way is an [`error::ApiError`]: it leaves its mark on the response,
//! and the layer that serves the path writes it, [`response`] as JSON and the console as a page.
//!
//! Handlers work with [`state::AppState`], of which [`admission`] knows whose a key is. What many
//! of them write concurrently is committed together: [`group_commit`]. That requests are taken at all
//! is said by [`heartbeat`].

pub mod admission;
pub mod body_room;
pub mod client;
pub mod error;
pub mod extract;
pub mod foreign_requests;
pub mod group_commit;
pub mod heartbeat;
pub mod host;
pub mod random;
pub mod rate_limit;
pub mod repair_check;
pub mod request_id;
pub mod response;
pub mod serve;
pub mod slack_answer;
pub mod state;
pub mod test_message;
pub mod trial;
