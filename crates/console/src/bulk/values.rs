//! The form that starts a bulk reprocess.

use domain::bulk::BulkSettings;
use domain::incident::check_note;
use serde::Deserialize;

use crate::form::FormErrors;

/// What was typed.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub(super) struct StartValues {
    pub(super) note: String,
    pub(super) canary: String,
    pub(super) per_minute: String,
    pub(super) stop_percent: String,
}

impl Default for StartValues {
    fn default() -> Self {
        let BulkSettings { canary, per_minute, stop_percent } = BulkSettings::default();
        Self {
            note: String::new(),
            canary: canary.to_string(),
            per_minute: per_minute.to_string(),
            stop_percent: stop_percent.to_string(),
        }
    }
}

impl StartValues {
    /// The settings and the note, or what is wrong with each field.
    pub(super) fn read(&self, errors: &mut FormErrors) -> Option<(BulkSettings, String)> {
        let note = self.note.trim().replace("\r\n", "\n");
        if let Err(why) = check_note(&note) {
            errors.note("note", why);
        }
        // What is no number is out of bounds.
        let number = |text: &str| text.trim().parse().unwrap_or(i32::MIN);
        let settings = BulkSettings {
            canary: number(&self.canary),
            per_minute: number(&self.per_minute),
            stop_percent: number(&self.stop_percent),
        };
        for wrong in settings.check().err().into_iter().flatten() {
            errors.note(wrong.field, wrong);
        }
        errors.is_empty().then_some((settings, note))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_that_is_wrong_is_named() {
        let mut errors = FormErrors::default();
        let values = StartValues {
            note: " ".to_owned(),
            canary: "some".to_owned(),
            per_minute: "0".to_owned(),
            stop_percent: "101".to_owned(),
        };
        assert_eq!(values.read(&mut errors), None);
        for field in ["note", "canary", "per_minute", "stop_percent"] {
            assert!(errors.of(field).is_some(), "{field}");
        }
        assert_eq!(errors.of("per_minute"), Some("Must be a whole number from 1 to 600."));
        let note = "the disk has room\r\nagain".to_owned();
        let right = StartValues { note, ..StartValues::default() };
        let read = right.read(&mut FormErrors::default());
        let expected = (BulkSettings::default(), "the disk has room\nagain".to_owned());
        assert_eq!(read, Some(expected));
    }
}
