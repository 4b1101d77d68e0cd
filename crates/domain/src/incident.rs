//! The incident: a customer paid and the effect did not come.

use crate::text_enum::text_enum;

text_enum! {
    /// The state of an incident.
    IncidentState {
        Open = "open",
        Acknowledged = "acknowledged",
        Reprocessing = "reprocessing",
        Resolved = "resolved",
    }
}

text_enum! {
    /// Why an incident was opened.
    Reason { MissingResult = "missing_result", FailedResult = "failed_result" }
}

text_enum! {
    /// How an incident ended.
    Resolution {
        Reprocessed = "reprocessed",
        LateSuccess = "late_success",
        Manual = "manual",
        Superseded = "superseded",
    }
}

/// The longest note of a person, in characters, as long as an app's error message.
pub const MAX_NOTE: usize = 2_000;

/// A note says nothing or too much. The text continues a sentence that begins with the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must have 1 to {MAX_NOTE} characters")]
pub struct InvalidNote;

/// Checks a note that a person writes for the timeline.
///
/// # Errors
/// When it is blank or too long, or holds a NUL, which the database cannot.
pub fn check_note(note: &str) -> Result<(), InvalidNote> {
    let good = !note.trim().is_empty() && note.chars().count() <= MAX_NOTE && !note.contains('\0');
    if good { Ok(()) } else { Err(InvalidNote) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_says_something_and_not_too_much() {
        assert_eq!(check_note("refunded by hand"), Ok(()));
        assert_eq!(check_note(&"é".repeat(2_000)), Ok(()));
        for note in ["", "  ", "a\0b", &"x".repeat(2_001)] {
            assert_eq!(check_note(note), Err(InvalidNote), "{note:?}");
        }
        assert_eq!(InvalidNote.to_string(), "must have 1 to 2000 characters");
    }
}
