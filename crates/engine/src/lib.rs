//! The client side of Temporal: connecting lazily, and dispatching committed outbox messages.
//!
//! Nothing here is needed to accept a receipt. A message stays in the outbox until Temporal has it:
//! the relay looks immediately after a commit and every second, on every instance.

pub mod audit_chain;
mod backlog;
mod bulk;
mod claim;
pub mod connect;
mod credentials;
pub mod deadlines;
mod dispatch;
pub mod environment;
pub mod erasure;
pub mod extension;
mod gather;
pub mod health;
mod pace;
mod parking;
pub mod partitions;
pub mod policies;
mod pressure;
mod probe;
pub mod reconcile;
pub mod relay;
mod restarts;
pub mod retention;
pub mod runs;
pub mod sealing;
pub mod settings;
pub mod setup;
mod stalls;
pub mod sweep;
pub mod version;
pub mod watch;

pub use backlog::{BacklogSeen, TasksWaiting};
pub use connect::{Engine, EngineError};
pub use health::Monitor;
pub use relay::Relay;
pub use runs::WatchRun;
pub use settings::{TemporalSettings, is_server_named};
pub use version::WorkerVersion;
pub use workflows::names::workflow_id;
