//! The store on a real Postgres: every transition, every table that carries a promise, every race.

mod acknowledge;
mod administration;
mod audit;
mod audit_details;
mod callback;
mod constraints;
mod flash;
mod forgotten;
mod idempotency;
mod operator_tokens;
mod operators;
mod outbox;
pub mod people;
mod previous_release;
mod proof_links;
mod races;
mod receipts;
mod reprocess;
mod resolve;
mod results;
mod sealed;
mod search;
mod sessions;
pub mod shop;
mod sign_ins;
mod signing_secrets;
mod silence;
