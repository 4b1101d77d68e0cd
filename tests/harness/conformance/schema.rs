//! What of a value is not as a schema of the document says.
//!
//! Knows what the schemas of responses are made of; any other keyword is a fault, so that none goes unnoticed. So is a field
//! that the schema of an object does not name: JSON Schema lets it pass, and who reads the document never hears of it.

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Keywords that are checked, and those that say nothing of a response: the form of a text is of requests.
const KNOWN: [&str; 15] = [
    "$ref",
    "additionalProperties",
    "allOf",
    "description",
    "enum",
    "example",
    "format",
    "items",
    "minimum",
    "oneOf",
    "pattern",
    "properties",
    "propertyNames",
    "required",
    "type",
];

/// What of a value is not as the schema says, each with its place.
pub(super) fn faults<'a>(document: &'a Value, schema: &'a Value, value: &Value) -> Vec<String> {
    let mut check = Check { document, found: Vec::new() };
    check.value(schema, value, "");
    check.found
}

/// What a reference leads to, or the thing itself.
pub(super) fn resolve<'a>(document: &'a Value, thing: &'a Value) -> &'a Value {
    let Some(reference) = thing["$ref"].as_str() else { return thing };
    let place = reference.strip_prefix('#').expect("a reference into the document");
    document.pointer(place).expect("a reference that leads somewhere")
}

struct Check<'a> {
    document: &'a Value,
    found: Vec<String>,
}

impl<'a> Check<'a> {
    /// A value as a whole: an object has no other fields than those that are named.
    fn value(&mut self, schema: &'a Value, value: &Value, at: &str) {
        self.part(schema, value, at);
        let Some((names, object)) = self.names(schema).zip(value.as_object()) else { return };
        for name in object.keys().filter(|name| !names.contains(&name.as_str())) {
            self.fault(at, &format!("has no field {name}"));
        }
    }

    /// What one schema says of a value that another one may say more of.
    fn part(&mut self, schema: &'a Value, value: &Value, at: &str) {
        let schema = resolve(self.document, schema);
        for keyword in schema.as_object().into_iter().flat_map(Map::keys) {
            if !KNOWN.contains(&keyword.as_str()) {
                self.fault(at, &format!("has the keyword {keyword}, which nothing checks"));
            }
        }
        for part in listed(&schema["allOf"]) {
            self.part(part, value, at);
        }
        self.one_of(schema, value, at);
        self.alone(schema, value, at);
        self.inside(schema, value, at);
    }

    fn one_of(&mut self, schema: &'a Value, value: &Value, at: &str) {
        let forms = listed(&schema["oneOf"]);
        let fits = |form: &&'a Value| faults(self.document, form, value).is_empty();
        if !forms.is_empty() && forms.iter().filter(fits).count() != 1 {
            self.fault(at, &format!("does not have one of the forms: {value}"));
        }
    }

    /// What is said of a value without what is inside it.
    fn alone(&mut self, schema: &'a Value, value: &Value, at: &str) {
        let kinds = match &schema["type"] {
            Value::String(one) => vec![one.as_str()],
            several => listed(several).iter().filter_map(Value::as_str).collect(),
        };
        if !kinds.is_empty() && !kinds.iter().any(|kind| is_of_kind(kind, value)) {
            self.fault(at, &format!("is one of {kinds:?}, not {value}"));
        }
        let choices = listed(&schema["enum"]);
        if !choices.is_empty() && !choices.contains(value) {
            self.fault(at, &format!("is one of {choices:?}, not {value}"));
        }
        if schema["format"].as_str().is_some_and(|format| !has_format(format, value)) {
            self.fault(at, &format!("is {}, not {value}", schema["format"]));
        }
        let least = schema["minimum"].as_i64();
        if least.zip(value.as_i64()).is_some_and(|(least, number)| number < least) {
            self.fault(at, &format!("is {} at least, not {value}", schema["minimum"]));
        }
    }

    /// What is said of fields and items.
    fn inside(&mut self, schema: &'a Value, value: &Value, at: &str) {
        for item in listed(value) {
            self.value(&schema["items"], item, &format!("{at}[]"));
        }
        let Some(object) = value.as_object() else { return };
        for name in listed(&schema["required"]).iter().filter_map(Value::as_str) {
            if !object.contains_key(name) {
                self.fault(at, &format!("needs the field {name}"));
            }
        }
        for (name, field) in object {
            let described = &schema["properties"][name.as_str()];
            let described =
                if described.is_null() { &schema["additionalProperties"] } else { described };
            if !described.is_null() {
                self.value(described, field, &format!("{at}.{name}"));
            }
        }
    }

    /// The fields that an object may have; `None` where it may have any.
    fn names(&self, schema: &'a Value) -> Option<Vec<&'a str>> {
        let schema = resolve(self.document, schema);
        let parts = listed(&schema["allOf"]);
        let own = schema["properties"].as_object();
        if own.is_none() && parts.is_empty() || !schema["additionalProperties"].is_null() {
            return None;
        }
        let mut names: Vec<_> = own.into_iter().flat_map(Map::keys).map(String::as_str).collect();
        for part in parts {
            names.extend(self.names(part)?);
        }
        Some(names)
    }

    fn fault(&mut self, at: &str, what: &str) {
        self.found.push(format!("the body{at} {what}"));
    }
}

fn listed(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn is_of_kind(kind: &str, value: &Value) -> bool {
    match kind {
        "array" => value.is_array(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "null" => value.is_null(),
        "object" => value.is_object(),
        "string" => value.is_string(),
        _ => false,
    }
}

/// Whether a text or a number has its format. Moments are in UTC.
fn has_format(format: &str, value: &Value) -> bool {
    match format {
        _ if value.is_null() => true,
        "date-time" => value.as_str().is_some_and(|text| {
            text.ends_with('Z') && OffsetDateTime::parse(text, &Rfc3339).is_ok()
        }),
        "int32" => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        "int64" => value.is_i64() || value.is_u64(),
        _ => false,
    }
}
