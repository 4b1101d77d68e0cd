//! Reading the input of a signal that a user may have entered.
//!
//! Nothing here fails: what cannot be read becomes a note that says what was there and what would
//! be right. An input that is no object is rejected as a whole, one field that makes no sense is
//! ignored by itself. What is handed on is bounded, whatever was typed: an activity whose input is
//! too large would fail its watch.

use std::fmt;

use domain::ids::EventId;
use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use temporalio_common::data_converters::RawValue;

/// The longest part of an input that a note repeats, in characters.
const MAX_SHOWN: usize = 100;
/// How many fields are noted by name; a notes' list of any length would not fit into an activity's
/// input.
const MAX_IGNORED: usize = 10;
/// The longest text that is passed on, in characters: more than is kept of it.
const MAX_TEXT: usize = 10_000;

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
        let mut ignored = Vec::new();
        if let more @ 2.. = input.payloads.len() {
            ignored.push(format!("{more} inputs were given; only the first one counts"));
        }
        let reject =
            |what: &str, shown: &str| Some(format!("the input is {what}{shown}; write {example}"));
        let (body, why) = match serde_json::from_slice::<Value>(data) {
            Ok(Value::Object(_)) => (read_fields(data, &mut ignored), None),
            Ok(other) => (Value::Null, reject("", &show(&other.to_string()))),
            Err(_) => (Value::Null, reject("no JSON: ", &show(&String::from_utf8_lossy(data)))),
        };
        Self { body, notes: InputNotes { rejected: why, ignored } }
    }

    /// What the outbox sends, if it is that.
    pub(crate) fn recorded<T: DeserializeOwned>(&self) -> Option<T> {
        self.body.is_object().then(|| serde_json::from_value(self.body.clone()).ok())?
    }

    /// Rejects an input that names another event than the one whose watch is signalled. The field is
    /// taken out: a right one says nothing new.
    pub(crate) fn reject_other_event(&mut self, ours: EventId) {
        let named = self.body.as_object_mut().and_then(|body| body.remove("event_id"));
        let is_ours = |named: &Value| match named {
            Value::Null => true,
            Value::String(text) => {
                let text = text.trim();
                text.is_empty() || text.parse() == Ok(ours)
            }
            _ => false,
        };
        if let Some(other) = named.filter(|named| !is_ours(named)) {
            let shown = show(&other.to_string());
            self.notes.rejected = Some(format!(
                "event_id is {shown}, and this is the watch of {ours}; signal that event's own watch, or leave event_id out"
            ));
        }
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

    /// Notes every field that is neither among these nor one that the API's own calls have, and drops
    /// it.
    pub(crate) fn ignore_all_but(&mut self, fields: &[&str], of_api: &[&str]) {
        let Value::Object(body) = &mut self.body else { return };
        let known = |name: &str| fields.contains(&name) || of_api.contains(&name);
        let unknown: Vec<_> =
            body.keys().filter(|name| !known(name)).map(|name| show(name)).collect();
        body.retain(|name, _| known(name));
        for name in unknown.iter().take(MAX_IGNORED) {
            let note = format!("{name} is unknown; the fields are {}", fields.join(", "));
            self.notes.ignored.push(note);
        }
        if let more @ 1.. = unknown.len().saturating_sub(MAX_IGNORED) {
            self.notes.ignored.push(format!("{more} more fields are unknown"));
        }
    }
}

/// The fields of an object. Of one that is there twice the last counts, and that is noted.
fn read_fields(data: &[u8], ignored: &mut Vec<String>) -> Value {
    let Fields(fields) = serde_json::from_slice(data).unwrap_or_default();
    let mut body = Map::new();
    for (name, mut value) in fields {
        if let Value::String(text) = &mut value
            && let Some((cut, _)) = text.char_indices().nth(MAX_TEXT)
        {
            text.truncate(cut);
        }
        let shown = show(&name);
        if body.insert(name, value).is_some() && ignored.len() < MAX_IGNORED {
            ignored.push(format!("{shown} is there twice; the last one counts"));
        }
    }
    Value::Object(body)
}

/// An object as it was typed.
#[derive(Default)]
struct Fields(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Fields(fields))
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
