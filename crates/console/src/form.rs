//! Forms that are shown again: what was wrong, beside the field that it is about.

use std::borrow::Cow;
use std::fmt::Display;

use axum::http::StatusCode;

use super::error_page::sentence;

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
    fn each_field_has_its_own_sentence() {
        let mut errors = FormErrors::default();
        assert_eq!(errors.take("name", Ok::<_, &str>(7)), Some(7));
        assert!(errors.is_empty());
        assert_eq!(errors.take::<()>("name", Err("must be short")), None);
        assert_eq!(errors.of("name"), Some("Must be short."));
        assert_eq!(errors.of("other"), None);
    }
}
