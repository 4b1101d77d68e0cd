//! Reading the input of a signal that somebody may have typed.
//!
//! Nothing here fails: what cannot be read becomes a note that says what stood there and what would be right.
//! An input that is no object is rejected as a whole, one field that makes no sense is ignored by itself.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use temporalio_common::data_converters::RawValue;

/// The longest part of an input that a note repeats, in characters.
const MAX_SHOWN: usize = 100;

/// What of a signal's input was not understood.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct InputNotes {
    /// Why the input as a whole cannot be read; then nothing is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejected: Option<String>,
    /// The fields that were ignored, each with the cure.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignored: Vec<String>,
}

impl InputNotes {
    /// Whether everything was understood.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The input of one signal while it is read.
pub(crate) struct SignalInput {
    /// What was typed; null where nothing was, or it is no JSON.
    pub(crate) body: Value,
    /// What was not understood so far.
    pub(crate) notes: InputNotes,
}

impl SignalInput {
    /// Reads an input; `example` shows how a right one looks. No input at all is an empty one.
    pub(crate) fn read(input: &RawValue, example: &str) -> Self {
        let data = input.payloads.first().map(|payload| payload.data.as_slice());
        let Some(data) = data.filter(|data| !data.is_empty()) else {
            return Self { body: Value::Null, notes: InputNotes::default() };
        };
        let (body, why) = match serde_json::from_slice(data) {
            Ok(body @ Value::Object(_)) => (body, None),
            Ok(body) => {
                let shown = show(&body.to_string());
                (body, Some(format!("the input is {shown}; write {example}")))
            }
            Err(_) => {
                let shown = show(&String::from_utf8_lossy(data));
                (Value::Null, Some(format!("the input is no JSON: {shown}; write {example}")))
            }
        };
        Self { body, notes: InputNotes { rejected: why, ignored: Vec::new() } }
    }

    /// What the outbox sends, if it is that.
    pub(crate) fn recorded<T: DeserializeOwned>(&self) -> Option<T> {
        self.body.is_object().then(|| serde_json::from_value(self.body.clone()).ok())?
    }

    /// A field that is a text.
    pub(crate) fn text(&mut self, field: &str) -> Option<String> {
        self.take(field, "write a text")
    }

    /// A field of any type; one that is something else is ignored.
    pub(crate) fn take<T: DeserializeOwned>(&mut self, field: &str, cure: &str) -> Option<T> {
        let value = self.body.get(field).filter(|value| !value.is_null())?;
        let taken = serde_json::from_value(value.clone()).ok();
        if taken.is_none() {
            let shown = show(&value.to_string());
            self.notes.ignored.push(format!("{field} is {shown}; {cure}"));
        }
        taken
    }

    /// Notes every field that is neither among these nor the one that only the API sends.
    pub(crate) fn ignore_all_but(&mut self, fields: &[&str], of_api: Option<&str>) {
        let known = |name: &str| fields.contains(&name) || of_api == Some(name);
        let named = self.body.as_object().into_iter().flatten().map(|(name, _)| name);
        let unknown = named
            .filter(|name| !known(name))
            .map(|name| format!("{} is unknown; the fields are {}", show(name), fields.join(", ")));
        self.notes.ignored.extend(unknown);
    }
}

/// What was typed, on one line and not too long.
fn show(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match line.char_indices().nth(MAX_SHOWN) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line,
    }
}
