//! The stories, on real engines.

#![expect(clippy::expect_used, reason = "a story that cannot go on ends here")]

mod activities_twice;
mod api;
mod architecture;
mod automation;
mod browser;
mod bursts;
mod callback_headers;
mod clients;
mod clients_live;
mod console;
mod database;
mod declare;
mod destinations;
mod dev;
mod dev_extension;
mod dispatch;
mod doctor;
mod documents;
mod extensions;
mod happy_path;
mod histories;
mod incident;
mod mail_tls;
mod metrics;
mod migrations;
mod outage;
mod plans;
mod policies;
mod private_host;
mod proxy;
mod reconcile;
mod replay;
mod reprocess;
mod settings;
mod slack;
mod store;
mod temporal_tools;
mod traces;
mod unclaimed;
mod verifying;
mod watcher;
mod webhook;
mod worker_versions;
mod workflow;
