//! Every SQL string of sendpromptly.
//!
//! Postgres is the truth. Functions here are free functions over an executor; the caller owns the
//! transaction. Files named after a table read and write that table; [`transitions`] are the few
//! changes that span several of them, each of which takes the event's row lock, asks
//! `domain::verdict` what may happen, and writes the change, its audit entry, its alerts and its
//! message to Temporal together. [`operator_actions`] are those that operators take, and
//! [`administration`] does the same for what people change about the installation. A process that
//! dies half-way leaves nothing half-done.
//!
//! What a column holds is said once, in `sqlx.toml`: every query reads ids and states as what they
//! are, not as bits and text.

pub mod administration;
pub mod alert_claims;
pub mod alert_digests;
pub mod alert_holds;
pub mod alert_rules;
pub mod alerts;
pub mod api_keys;
pub mod attempts;
pub mod audit;
pub mod audit_chain;
pub mod backfill;
pub mod bulk;
pub mod callback_headers;
pub mod cause_messages;
pub mod cause_threads;
pub mod cause_waits;
pub mod comments;
pub mod declared_names;
pub mod destination_health;
pub mod destination_secrets;
pub mod destinations;
pub mod environments;
pub mod erasure;
pub mod error;
pub mod event_state;
pub mod events;
pub mod extension_calls;
pub mod extensions;
mod fault;
pub mod figures;
pub mod flows;
pub mod gauges;
pub mod health;
pub mod idempotency;
pub mod incident_hours;
pub mod incidents;
pub mod key_holders;
pub mod maintenance;
pub mod mentions;
pub mod notices;
pub mod operator_actions;
pub mod operator_tokens;
pub mod operators;
pub mod outages;
pub mod outbox;
pub mod owners;
pub mod page;
pub mod partitions;
pub mod policies;
pub mod policy_plans;
pub mod pool;
pub mod privileges;
pub mod progress;
pub mod projects;
pub mod proof_links;
pub mod proposals;
pub mod receipt_hours;
pub mod reference_keys;
pub mod reminders;
pub mod reprocesses;
pub mod results;
pub mod retention;
mod roll_ups;
pub mod saved_filters;
pub mod seal;
pub mod sealed_values;
pub mod search;
pub mod sessions;
pub mod set_back;
pub mod sign_ins;
pub mod signing_secrets;
pub mod silences;
pub mod slack_presses;
mod snapshot_keys;
pub mod snapshots;
pub mod snoozes;
pub mod timeline;
pub mod transitions;
pub mod waiting;
pub mod watch_checks;
pub mod watch_probes;

pub use error::{ChangeError, StoreError};
pub use fault::Fault;
pub use pool::{PgConnection, PgPool};
pub use seal::MasterKey;

/// The macros read the types of columns from here without telling cargo, which must build again
/// when one changes.
const _: &str = include_str!("../sqlx.toml");

/// One column of many rows, for a statement that writes or reads them all.
pub(crate) fn column<'a, R, T>(rows: &'a [R], of: impl Fn(&'a R) -> T) -> Vec<T> {
    rows.iter().map(of).collect()
}

/// What an insert that may meet an existing row did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Insertion<T> {
    /// The row is new.
    Inserted(T),
    /// An equal row was there before.
    Existing(T),
}
