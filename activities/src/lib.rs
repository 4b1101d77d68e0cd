//! The activities: everything that a watch has done for it.
//!
//! Each activity may run more than once, because a worker can die after any of its steps. So each
//! is one or more transactions with the event's lock, keyed by an id that does not change between
//! runs, and whatever leaves the house (a callback, a mail, a message to Slack or a webhook) carries a stable id
//! too.

pub mod alerts;
pub mod bulk;
pub mod callbacks;
mod decide;
pub mod deps;
pub mod destinations;
pub mod endpoints;
pub mod extension_request;
pub mod extensions;
pub mod http;
mod manual_result;
pub mod mentions;
pub mod notices;
mod observed;
pub mod probes;
pub mod records;
pub mod retention;
mod signing;
pub mod silences;
mod state;
pub mod test_message;
pub mod waiting;

pub use alerts::Alerts;
pub use bulk::BulkReprocesses;
pub use callbacks::Callbacks;
pub use deps::Deps;
pub use endpoints::Endpoints;
pub use extensions::Extensions;
pub use probes::Probes;
pub use records::Records;
pub use retention::Retentions;
