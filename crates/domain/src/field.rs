//! Reading the fields of a request, collecting every field error.
//!
//! A caller learns of all bad fields in one response. [`Fields`] reads one JSON object; each reader
//! returns `None` for an absent or a bad field and remembers why, so a parser is a flat list of
//! reads followed by one [`Fields::finish`].

use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::identifier::{MAX_IDENTIFIER, check_id};
use crate::moment;

/// One field of a request and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The field's name as the caller wrote it.
    pub field: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl FieldError {
    /// An error of `field`.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// A JSON object that is being read, and the field errors found so far.
#[derive(Debug)]
pub struct Fields<'a> {
    object: &'a Map<String, Value>,
    errors: Vec<FieldError>,
    blank_is_absent: bool,
}

impl<'a> Fields<'a> {
    /// Starts to read an object.
    #[must_use]
    pub fn new(object: &'a Map<String, Value>) -> Self {
        Self { object, errors: Vec::new(), blank_is_absent: false }
    }

    /// Starts to read what an app reports. Text without a visible character counts as absent: it is
    /// what many languages make of a value that they do not have.
    #[must_use]
    pub fn for_report(object: &'a Map<String, Value>) -> Self {
        Self { object, errors: Vec::new(), blank_is_absent: true }
    }

    /// Remembers a field error.
    pub fn reject(&mut self, field: &str, message: impl Into<String>) {
        self.errors.push(FieldError::new(field, message));
    }

    /// The raw value; JSON `null` counts as absent.
    #[must_use]
    pub fn value(&self, field: &str) -> Option<&'a Value> {
        self.object.get(field).filter(|value| match value {
            Value::Null => false,
            Value::String(text) => !(self.blank_is_absent && text.trim().is_empty()),
            _ => true,
        })
    }

    /// Any text.
    pub fn text(&mut self, field: &str) -> Option<&'a str> {
        if let Value::String(text) = self.value(field)? {
            return Some(text);
        }
        self.reject(field, "must be a string");
        None
    }

    /// An identifier: 1 to 255 characters, each of which is seen.
    /// White space around it is no part of it. A JSON number is taken where every reader of JSON
    /// reads the same one.
    pub fn identifier(&mut self, field: &str) -> Option<String> {
        self.identifier_of(field, MAX_IDENTIFIER)
    }

    /// An identifier of 1 to `max` characters.
    pub fn identifier_of(&mut self, field: &str, max: usize) -> Option<String> {
        let read = match self.value(field)? {
            Value::String(text) => {
                let text = text.trim();
                check_id(text, max).map(|()| text.to_owned()).map_err(|why| why.to_string())
            }
            Value::Number(number) => exact(number),
            _ => Err("must be a string".to_owned()),
        };
        read.map_err(|message| self.reject(field, message)).ok()
    }

    /// A name that something looks up.
    pub fn named<T, E: std::fmt::Display>(
        &mut self,
        field: &str,
        find: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(field)?;
        find(text).map_err(|why| self.reject(field, why.to_string())).ok()
    }

    /// A value of a fixed list, whatever its capitals and the white space around it.
    pub fn choice<T>(&mut self, field: &str) -> Option<T>
    where
        T: std::str::FromStr<Err = crate::text_enum::UnknownText>,
    {
        let text = self.text(field)?.trim().to_ascii_lowercase();
        text.parse()
            .map_err(|error: crate::text_enum::UnknownText| self.reject(field, error.to_string()))
            .ok()
    }

    /// A whole number within bounds, both included. As in JSON Schema `118.0` is one.
    pub fn whole_number(&mut self, field: &str, min: i64, max: i64) -> Option<i64> {
        let value = self.value(field)?;
        let number = read_whole(value).filter(|number| (min..=max).contains(number));
        if number.is_none() {
            self.reject(field, format!("must be a whole number from {min} to {max}"));
        }
        number
    }

    /// Yes or no.
    pub fn truth(&mut self, field: &str) -> Option<bool> {
        let value = self.value(field)?;
        if value.as_bool().is_none() {
            self.reject(field, "must be true or false");
        }
        value.as_bool()
    }

    /// A moment in UTC, as [`moment::read`] reads it.
    pub fn moment(&mut self, field: &str) -> Option<OffsetDateTime> {
        let value = self.value(field)?;
        moment::read(value).map_err(|why| self.reject(field, why)).ok()
    }

    /// Says that a required field is absent, unless the field was there and already rejected.
    pub fn require<T>(&mut self, field: &str, value: Option<T>) -> Option<T> {
        if value.is_none() && !self.errors.iter().any(|error| error.field == field) {
            self.reject(field, "is required");
        }
        value
    }

    /// The parsed value, or every field error that was found.
    ///
    /// # Errors
    /// When any field was rejected. A missing value without a rejection cannot happen, because
    /// every required field went through [`Fields::require`]; should it, the caller still gets an
    /// error.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Vec<FieldError>> {
        match value {
            Some(value) if self.errors.is_empty() => Ok(value),
            _ => Err(self.errors),
        }
    }
}

/// The largest integer that every reader of JSON reads exactly: 2^53 - 1.
/// <https://www.rfc-editor.org/rfc/rfc8259#section-6>
const MAX_EXACT: u64 = (1 << 53) - 1;

/// An id that was sent as a number.
fn exact(number: &serde_json::Number) -> Result<String, String> {
    match number.as_u64() {
        Some(id) if id <= MAX_EXACT => Ok(id.to_string()),
        Some(_) => Err(format!(
            "is a number above {MAX_EXACT} (2^53 - 1), which JSON has changed in many languages; send the exact id as a string, such as the admin_graphql_api_id of a Shopify object"
        )),
        None => Err("must be a string, or a whole number from 0 to 2^53 - 1".to_owned()),
    }
}

/// Whole numbers that some languages write with a point. No more than what is exact comes as text without an exponent.
fn read_whole(value: &Value) -> Option<i64> {
    let pointed = || value.is_f64().then(|| value.to_string())?.strip_suffix(".0")?.parse().ok();
    value.as_i64().or_else(pointed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_ids_where_they_are_exact() {
        let read = |value: Value| {
            let object = Map::from_iter([("id".to_owned(), value)]);
            let mut fields = Fields::new(&object);
            let id = fields.identifier("id");
            fields.finish(id).map_err(|errors| errors[0].message.clone())
        };
        assert_eq!(read(820_982_911_946_154_u64.into()), Ok("820982911946154".to_owned()));
        assert_eq!(read(9_007_199_254_740_991_u64.into()), Ok("9007199254740991".to_owned()));
        let lost = read(9_007_199_254_740_992_u64.into()).expect_err("lost");
        assert!(lost.contains("admin_graphql_api_id"), "{lost}");
        for other in [Value::from(-1), Value::from(1.5), Value::from(1e300), Value::from(true)] {
            assert!(read(other).is_err());
        }
        assert!(read("a\u{fffd}".into()).expect_err("broken").contains("unpaired surrogate"));
        assert_eq!(
            read("gid://shopify/Order/9007199254740993".into()).as_deref(),
            Ok("gid://shopify/Order/9007199254740993")
        );
    }

    #[test]
    fn a_whole_number_is_one_with_a_point_too() {
        let read = |text: &str| {
            let object = serde_json::from_str(&format!("{{\"days\":{text}}}")).expect("JSON");
            let mut fields = Fields::new(&object);
            fields.whole_number("days", 0, 365)
        };
        for (text, number) in
            [("118", Some(118)), ("118.0", Some(118)), ("1.18e2", Some(118)), ("-0.0", Some(0))]
        {
            assert_eq!(read(text), number, "{text}");
        }
        for other in ["1.5", "366.0", "-1.0", "1e300", "\"118\"", "true", "[]"] {
            assert_eq!(read(other), None, "{other}");
        }
    }

    #[test]
    fn white_space_around_an_identifier_is_no_part_of_it_and_blank_reports_are_absent() {
        let read = |text: &str, report: bool| {
            let object = Map::from_iter([("id".to_owned(), text.into())]);
            let mut fields =
                if report { Fields::for_report(&object) } else { Fields::new(&object) };
            let id = fields.identifier("id");
            (id, fields.errors.len())
        };
        for text in ["evt_1", " evt_1", "evt_1 ", "\tevt_1\r\n", "\u{a0}evt_1\u{3000}"] {
            assert_eq!(read(text, true), (Some("evt_1".to_owned()), 0), "{text:?}");
        }
        assert_eq!(read("Zoë  Müller ", true).0.as_deref(), Some("Zoë  Müller"));
        for text in ["evt\n1", "evt_1\0", "\u{feff}evt_1", "evt\t1"] {
            assert_eq!(read(text, true), (None, 1), "{text:?}");
        }
        for text in ["", " ", "\t\n"] {
            assert_eq!((read(text, true), read(text, false)), ((None, 0), (None, 1)), "{text:?}");
        }
    }
}
