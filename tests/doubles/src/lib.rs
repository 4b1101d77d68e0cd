//! Servers of others that the tests of several packages send to. They know nothing of the product.

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test that cannot go on ends here"
)]

mod authority;
mod deaf;
pub mod discord;
pub mod http_server;
pub mod mail_server;
pub mod pagerduty;
pub mod slack;
pub mod tls_front;

pub use authority::Authority;
pub use deaf::Deaf;
