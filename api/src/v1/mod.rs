//! Version 1: the two calls of apps, and the automation API of operators.
//!
//! Apps send [`receipt`]s and [`result`]s with a project's key. Operators, or their scripts, work
//! on everything below `/api/v1/projects` with an operator's token: [`caller`] knows who asks and
//! what they may do. The OpenAPI document is made of the very routes and types that serve the
//! requests.

pub mod alerting;
mod api_client;
mod archive;
pub mod audit;
mod bounds;
pub mod bulk;
pub mod bulk_sets;
mod call_group;
pub mod caller;
pub mod causes;
pub mod comments;
pub mod declared_names;
pub mod destinations;
pub mod erasures;
pub mod events;
pub mod extension_contract;
pub mod extensions;
mod filters;
pub mod incidents;
mod ingest;
mod ingest_body;
mod ingest_state;
pub mod keys;
pub mod owners;
pub mod paging;
mod parameters;
mod policies;
mod previous_release;
pub mod projects;
pub mod proof_links;
pub mod receipt;
pub mod receipts;
pub mod reference;
mod rejections;
pub mod reprocesses;
pub mod responses;
pub mod result;
mod routes;
mod silences;
pub mod snoozes;
mod taken_alone;

pub use ingest_state::{IngestState, SharedState};
pub use routes::{automation, calls};
