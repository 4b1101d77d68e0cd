//! The store on a real Postgres: every transition, every table that carries a promise, every race.

mod audit;
mod callback;
mod constraints;
mod forgotten;
mod idempotency;
mod outbox;
mod races;
mod receipts;
mod reprocess;
mod resolve;
mod results;
mod sealed;
mod search;
pub mod shop;
mod silence;
