//! Forms that are shown again: what was wrong, beside the field that it is about. And forms of what is kept, which somebody
//! else may change while one stands open: what is sent as it was shown stays as it is by then.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Display;

use axum::http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use web::error::ApiError;

use super::error_page::sentence;

/// The hidden field of a form that says with what it was shown.
const SHOWN: &str = "shown";

/// What that field holds.
pub(crate) fn as_shown(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// Whether a form that was sent says that it was shown with this text in this field.
pub(crate) fn was_shown(sent: &BTreeMap<String, String>, field: &str, text: &str) -> bool {
    let shown = sent.get(SHOWN).map_or("", String::as_str);
    form_urlencoded::parse(shown.as_bytes()).any(|(name, shown)| name == field && shown == text)
}

/// What was sent, but what holds now in each field that was sent as it was shown. Of a form that does not say how it was
/// shown, all is taken as it was sent.
pub(crate) fn read_changes<T: DeserializeOwned>(
    mut sent: BTreeMap<String, String>,
    now: &[(&str, &str)],
) -> Result<T, ApiError> {
    let shown = sent.insert(SHOWN.to_owned(), as_shown(now)).unwrap_or_default();
    for (name, shown) in form_urlencoded::parse(shown.as_bytes()) {
        // A box that is not ticked is not sent.
        let is_untouched = sent.get(&*name).map_or("", String::as_str) == shown;
        if let Some((_, now)) = now.iter().find(|(of, _)| is_untouched && *of == name) {
            sent.insert(name.into_owned(), (*now).to_owned());
        }
    }
    let fields: Map<_, _> =
        sent.into_iter().map(|(name, text)| (name, Value::from(text))).collect();
    serde_json::from_value(Value::Object(fields)).map_err(ApiError::internal)
}

/// A field as it was sent, with what is wrong with it: of a form that stands on a page beside others.
#[derive(Debug, Clone, Default)]
pub(crate) struct Field {
    pub(crate) text: String,
    pub(crate) problem: Option<String>,
}

impl Field {
    /// One that breaks a rule; what is wrong becomes a sentence.
    pub(crate) fn rejected(text: impl Into<String>, why: impl Display) -> Self {
        Self { text: text.into(), problem: Some(sentence(&why.to_string())) }
    }

    /// With which status its page is shown: like any other, or again.
    pub(crate) fn status(&self) -> StatusCode {
        if self.problem.is_none() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY }
    }

    /// One that is shown as it was sent, or as it is kept.
    pub(crate) fn kept(text: impl Into<String>) -> Self {
        Self { text: text.into(), problem: None }
    }
}

/// What is wrong with a form, field by field.
#[derive(Debug, Clone, Default)]
pub struct FormErrors(Vec<(Cow<'static, str>, String)>);

impl FormErrors {
    /// Notes what is wrong with a field, as a sentence without its subject: `must have …`.
    pub fn note(&mut self, field: impl Into<Cow<'static, str>>, why: impl Display) {
        self.0.push((field.into(), sentence(&why.to_string())));
    }

    /// What is wrong with a field.
    #[must_use]
    pub fn of(&self, field: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| *name == field).map(|(_, why)| why.as_str())
    }

    /// Whether everything is right.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// With which status the form is shown: as a page like any other, or again.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        if self.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY }
    }

    /// The value, or the error noted in its place.
    pub fn take<T>(&mut self, field: &'static str, read: Result<T, impl Display>) -> Option<T> {
        read.map_err(|why| self.note(field, why)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_as_it_was_shown_is_what_it_is_by_then() {
        let shown = as_shown(&[("name", "Shop & more"), ("url", "https://a"), ("box", "on")]);
        let now = [("name", "Shop & more"), ("url", "https://b"), ("box", "on")];
        let read = |sent: &[(&str, &str)]| {
            let sent = sent.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
            let read = read_changes::<BTreeMap<String, String>>(sent.collect(), &now);
            let read = read.expect("texts");
            assert_eq!(read["shown"], as_shown(&now), "it comes again as it is now");
            ["name", "url", "box"].map(|name| read.get(name).cloned().unwrap_or_default())
        };
        let sent = [("shown", shown.as_str()), ("name", "Shop"), ("url", "https://a")];
        assert_eq!(read(&sent), ["Shop", "https://b", ""]);
        let sent = [("shown", shown.as_str()), ("url", "https://c"), ("box", "on")];
        assert_eq!(read(&sent), ["", "https://c", "on"]);
        assert_eq!(read(&[("name", "Shop"), ("url", "https://a")]), ["Shop", "https://a", ""]);
    }

    #[test]
    fn each_field_has_its_own_sentence() {
        let mut errors = FormErrors::default();
        assert_eq!(errors.take("name", Ok::<_, &str>(7)), Some(7));
        assert!(errors.is_empty());
        assert_eq!(errors.take::<()>("name", Err("must be short")), None);
        assert_eq!(errors.of("name"), Some("Must be short."));
        assert_eq!(errors.of("other"), None);
    }
}
