//! A value that a worker of another release may have written.
//!
//! During an upgrade workers of two releases work on the same watches. Temporal fails a whole watch
//! over an activity result that cannot be decoded, so every enum that travels between a watch and
//! its activities is wrapped: a text that this release does not know is kept as it came, and
//! written back as it came, so that a later release replays the same history without a difference.
//! The enums themselves stay strict, because the database and the API must not accept unknown
//! values.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A value of `T`, or whatever was in its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OrUnknown<T> {
    /// A value that this release knows.
    Known(T),
    /// What another release wrote.
    Unknown(Value),
}

impl<T> From<T> for OrUnknown<T> {
    fn from(value: T) -> Self {
        Self::Known(value)
    }
}

impl<T: PartialEq> PartialEq<T> for OrUnknown<T> {
    fn eq(&self, other: &T) -> bool {
        matches!(self, Self::Known(value) if value == other)
    }
}

impl<T: fmt::Display> fmt::Display for OrUnknown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(value) => value.fmt(f),
            Self::Unknown(Value::String(text)) => f.pad(text),
            Self::Unknown(other) => other.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::incident::IncidentState;

    #[test]
    fn what_is_unknown_is_kept_shown_and_written_back_as_it_came() {
        for (written, shown) in [
            (json!("open"), "open"),
            (json!("escalated"), "escalated"),
            (json!({ "level": 2 }), r#"{"level":2}"#),
            (json!(null), "null"),
        ] {
            let read: OrUnknown<IncidentState> =
                serde_json::from_value(written.clone()).expect("read");
            assert_eq!(read == IncidentState::Open, shown == "open");
            assert_eq!(read.to_string(), shown);
            assert_eq!(serde_json::to_value(&read).expect("written"), written);
        }
    }
}
