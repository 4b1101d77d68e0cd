//! The forms of the page, to be shown again with what was typed.

use domain::proof::DEFAULT_DAYS;

use super::next::NextAction;
use crate::form::Field;

/// What was typed into the forms of the page.
#[derive(Debug, Default)]
pub(crate) struct IncidentForms {
    /// The note of a reprocess or an acknowledgement.
    pub(super) note: Field,
    /// The note of a resolution.
    pub(super) resolve: Field,
    /// How long a proof link opens.
    pub(super) days: Field,
    /// For how long it is snoozed, as chosen.
    pub(super) snooze_for: String,
    /// The same, as typed.
    pub(super) snooze: Field,
    pub(super) comment: Field,
    /// Why nothing was changed.
    pub(super) rejection: Option<String>,
}

impl IncidentForms {
    /// The note beside Reprocess and Acknowledge.
    pub(super) fn with_note(note: Field) -> Self {
        Self { note, ..Self::default() }
    }

    /// The note of a resolution.
    pub(super) fn with_resolution(resolve: Field) -> Self {
        Self { resolve, ..Self::default() }
    }

    /// A comment.
    pub(crate) fn with_comment(comment: Field) -> Self {
        Self { comment, ..Self::default() }
    }

    /// As the page shows them. A note whose form it has no more, because another operator was faster, is in the field for
    /// a comment, so that it can still be said.
    pub(super) fn shown(mut self, next: &NextAction) -> Self {
        if self.days.text.is_empty() && self.days.problem.is_none() {
            self.days.text = DEFAULT_DAYS.to_string();
        }
        let notes = [(next.takes_note(), &mut self.note), (!next.over, &mut self.resolve)];
        for (has_form, note) in notes {
            if !has_form && !note.text.trim().is_empty() {
                let why = self.rejection.take().or(note.problem.take()).unwrap_or_default();
                self.rejection =
                    Some(format!("{why} What you typed is in the field for a comment."));
                self.comment = Field::kept(std::mem::take(&mut note.text));
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_whose_form_is_gone_can_be_said_as_a_comment() {
        let sent = || IncidentForms {
            rejection: Some("It was resolved.".to_owned()),
            ..IncidentForms::with_resolution(Field::kept("by a refund"))
        };
        let over = NextAction { over: true, ..NextAction::default() };
        let shown = sent().shown(&over);
        assert_eq!((shown.resolve.text.as_str(), shown.comment.text.as_str()), ("", "by a refund"));
        assert!(shown.rejection.is_some_and(|text| text.ends_with("in the field for a comment.")));
        let shown = sent().shown(&NextAction::default());
        assert_eq!((shown.resolve.text.as_str(), shown.comment.text.as_str()), ("by a refund", ""));
        assert_eq!(shown.days.text, DEFAULT_DAYS.to_string());
    }
}
