//! The JSON of the API: what is sent to it and what it responds with, each once, for the routes that
//! write it, the command line's `--json`, tests, and clients.
//!
//! The names of the fields and their order are public: fields are only added. With the feature
//! `openapi` each type also describes itself, under the name that the OpenAPI document has had from
//! the start; a comment here is a text of that document.
//!
//! The server reads a request's fields one by one, to name every field error in one response, so a
//! `…Request` is only written here, and what makes it valid is the server's to say.

pub mod alerting;
pub mod audit;
pub mod bulk;
pub mod bulk_sets;
pub mod causes;
pub mod comments;
pub mod declared_names;
pub mod destinations;
pub mod erasures;
pub mod error;
pub mod events;
pub mod extensions;
pub mod filters;
pub mod incidents;
pub mod ingest;
pub mod keys;
pub mod list;
#[cfg(feature = "openapi")]
pub mod money;
pub mod policies;
pub mod projects;
pub mod proof_links;
pub mod reprocesses;
pub mod silences;
pub mod webhook;

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use serde::Serialize;
    use serde::de::DeserializeOwned;

    /// The response is written as this text, and read from it.
    pub(crate) fn is_json<T>(response: &T, json: &str)
    where
        T: Serialize + DeserializeOwned + PartialEq + Debug,
    {
        assert_eq!(serde_json::to_string(response).expect("JSON"), json);
        assert_eq!(serde_json::from_str::<T>(json).expect("a response"), *response);
    }
}
