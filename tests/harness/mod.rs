//! The harness of the stories: real engines, one world per test.
//!
//! One Postgres and one Temporal serve the whole run. They live while any test uses them and end
//! with the last one, so that a run leaves no process, port or folder behind. Each test gets a
//! [`World`] of its own: a database, a task queue, an API, a worker, a repair endpoint and a
//! mailbox. Pages are viewed in a real [`browser`], shared and ended in the same way.

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a story that cannot go on ends here"
)]

pub mod binary;
pub mod browser;
pub mod conformance;
pub mod console;
pub mod dev;
pub mod engines;
pub mod example_worker;
pub mod extension_worker;
pub mod gallery;
pub mod html_page;
pub mod leaks;
pub mod mailbox;
mod messages;
pub mod nginx;
pub mod pgbouncer;
mod projects;
pub mod receiver;
pub mod scripted;
pub mod settings;
pub mod temporal;
pub mod wait;
pub mod way;
pub mod world;

pub use receiver::Receiver;
pub use wait::{eventually, eventually_within, until_dispatched, until_lock_wait};
pub use world::{World, WorldOptions};

use std::sync::LazyLock;

static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
    // An earlier choice of the same provider is as good.
    let _chosen = rustls::crypto::ring::default_provider().install_default();
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.enable_all().build().expect("a runtime")
});

/// Runs one story. All stories share a runtime, because they share the engines.
pub fn run<T>(story: impl Future<Output = T>) -> T {
    RUNTIME.block_on(story)
}
