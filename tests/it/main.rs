//! The stories, on real engines.

#![expect(clippy::expect_used, reason = "a story that cannot go on ends here")]

mod activities_twice;
mod api;
mod architecture;
mod dev;
mod happy_path;
mod histories;
mod incident;
mod migrations;
mod outage;
mod plans;
mod reprocess;
mod slack;
mod store;
mod workflow;
