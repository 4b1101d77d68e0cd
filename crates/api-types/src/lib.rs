//! The JSON of the API: what is sent to it and what it responds with, each once, for the routes that
//! write it, the command line's `--json`, tests, and clients.
//!
//! The names of the fields and their order are public: fields are only added. With the feature
//! `openapi` each type also describes itself, under the name that the OpenAPI document has had from
//! the start; a comment here is a text of that document.
pub mod error;
pub mod ingest;
