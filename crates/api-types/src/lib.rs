//! The JSON of the API: what is sent to it and what it responds with, each once, for the routes that
//! write it, the command line's `--json`, tests, and clients.
//!
//! The names of the fields and their order are public: fields are only added.
pub mod ingest;
