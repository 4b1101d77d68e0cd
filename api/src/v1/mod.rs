//! The two calls, in version 1.

mod ingest;
pub mod receipt;
pub mod result;
