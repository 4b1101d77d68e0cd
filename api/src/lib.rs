//! The JSON API: the two calls of apps, the automation API of operators, its document, what Slack sends, and health.
//!
//! [`router`] has every path; what a request passes before it comes here is [`web`]'s. Pages for
//! people are in a crate of their own, which knows nothing of this one.

pub mod health;
mod router;
mod slack;
pub mod v1;

pub use router::router;
