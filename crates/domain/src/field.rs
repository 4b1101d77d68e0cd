//! Reading the fields of a request, collecting every mistake.
//!
//! A caller learns of all bad fields at once. [`Fields`] reads one JSON object; each reader returns
//! `None` for an absent or a bad field and remembers why, so a parser is a flat list of reads
//! followed by one [`Fields::finish`].

use serde_json::{Map, Value};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

/// One field of a request and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FieldError {
    /// The field's name as the caller wrote it.
    pub field: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl FieldError {
    /// A mistake in `field`.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// A JSON object that is being read, and the mistakes found so far.
#[derive(Debug)]
pub struct Fields<'a> {
    object: &'a Map<String, Value>,
    errors: Vec<FieldError>,
}

impl<'a> Fields<'a> {
    /// Starts to read an object.
    #[must_use]
    pub fn of(object: &'a Map<String, Value>) -> Self {
        Self { object, errors: Vec::new() }
    }

    /// Remembers a mistake.
    pub fn refuse(&mut self, field: &str, message: impl Into<String>) {
        self.errors.push(FieldError::new(field, message));
    }

    /// The raw value; JSON `null` counts as absent.
    #[must_use]
    pub fn value(&self, field: &str) -> Option<&'a Value> {
        self.object.get(field).filter(|value| !value.is_null())
    }

    /// Any text.
    pub fn text(&mut self, field: &str) -> Option<&'a str> {
        if let Value::String(text) = self.value(field)? {
            return Some(text);
        }
        self.refuse(field, "must be a string");
        None
    }

    /// An identifier: 1 to 255 characters without control, zero-width or direction-changing ones.
    pub fn identifier(&mut self, field: &str) -> Option<String> {
        let text = self.text(field)?;
        match check_identifier(text) {
            Ok(()) => Some(text.to_owned()),
            Err(message) => {
                self.refuse(field, message);
                None
            }
        }
    }

    /// A value of a fixed list.
    pub fn choice<T>(&mut self, field: &str) -> Option<T>
    where
        T: std::str::FromStr<Err = crate::text_enum::UnknownText>,
    {
        let text = self.text(field)?;
        text.parse()
            .map_err(|error: crate::text_enum::UnknownText| self.refuse(field, error.to_string()))
            .ok()
    }

    /// A whole number within bounds, both included.
    pub fn whole_number(&mut self, field: &str, min: i64, max: i64) -> Option<i64> {
        let value = self.value(field)?;
        let number = value.as_i64().filter(|number| (min..=max).contains(number));
        if number.is_none() {
            self.refuse(field, format!("must be a whole number from {min} to {max}"));
        }
        number
    }

    /// Yes or no.
    pub fn truth(&mut self, field: &str) -> Option<bool> {
        let value = self.value(field)?;
        if value.as_bool().is_none() {
            self.refuse(field, "must be true or false");
        }
        value.as_bool()
    }

    /// A moment with its zone, as RFC 3339 writes it, in UTC. RFC 3339 has the years 0 to 9999; a
    /// moment that leaves them in UTC could neither be stored nor written back.
    pub fn moment(&mut self, field: &str) -> Option<OffsetDateTime> {
        let text = self.text(field)?;
        let moment = OffsetDateTime::parse(text, &Rfc3339)
            .ok()
            .and_then(|moment| moment.checked_to_offset(UtcOffset::UTC))
            .filter(|moment| (0..=9999).contains(&moment.year()));
        if moment.is_none() {
            self.refuse(
                field,
                "must be an RFC 3339 time with its zone, such as 2026-11-21T14:02:09Z",
            );
        }
        moment
    }

    /// Says that a required field is absent, unless the field was there and already refused.
    pub fn require<T>(&mut self, field: &str, value: Option<T>) -> Option<T> {
        if value.is_none() && !self.errors.iter().any(|error| error.field == field) {
            self.refuse(field, "is required");
        }
        value
    }

    /// The parsed value, or every mistake that was found.
    ///
    /// # Errors
    /// When any field was refused. A missing value without a refusal cannot happen, because every
    /// required field went through [`Fields::require`]; should it, the caller still gets an error.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Vec<FieldError>> {
        match value {
            Some(value) if self.errors.is_empty() => Ok(value),
            _ => Err(self.errors),
        }
    }
}

/// Checks text that names something and is shown to people later.
///
/// # Errors
/// The reason, ready to be shown beside the field's name.
pub fn check_identifier(text: &str) -> Result<(), &'static str> {
    if text.trim().is_empty() || text.chars().count() > 255 {
        return Err("must have 1 to 255 characters");
    }
    if text.chars().any(is_invisible) {
        return Err("must not contain control, zero-width or text-direction characters");
    }
    Ok(())
}

/// Characters that make two different identifiers look alike, or that a sink could obey.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{061C}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_that_deceive_are_refused() {
        for bad in ["", "  ", "a\0b", "a\nb", "user\u{202E}1", "user\u{200B}1", &"x".repeat(256)] {
            assert!(check_identifier(bad).is_err(), "{bad:?}");
        }
        for good in ["user_456", "Zoë Müller", "注文-1", &"é".repeat(255)] {
            assert!(check_identifier(good).is_ok(), "{good:?}");
        }
    }
}
