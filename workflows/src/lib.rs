//! Deterministic orchestration, and nothing else.
//!
//! A workflow here may wait, choose and call activities. It cannot do IO, read a clock or draw a
//! random number, because this package's manifest holds nothing that could. What it knows of the
//! world comes from its input, from signals and from activities, all of which are in its history.

pub mod activity_contract;
mod background_activities;
pub mod bulk_reprocess;
mod callback_end;
mod details;
pub mod effect_watch;
mod extension_call;
mod manual;
pub mod names;
pub mod options;
mod progress_poll;
pub mod retention;
mod signal_input;
pub mod signals;
mod watch_input;
pub mod watch_probe;

pub use bulk_reprocess::BulkReprocess;
pub use effect_watch::EffectWatch;
pub use retention::Retention;
pub use watch_probe::WatchProbe;
