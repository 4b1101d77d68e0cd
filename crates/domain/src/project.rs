//! The project: one monitored payment flow.

use crate::identifier::{InvalidIdentifier, check_label};
use crate::text_enum::text_enum;

text_enum! {
    /// Whether a project watches real money.
    Mode { Test = "test", Live = "live" }
}

/// How long a project waits for a result unless it says otherwise.
pub const DEFAULT_TIMEOUT_MINUTES: i32 = 30;
/// The longest wait for a result, in minutes: a week.
pub const MAX_TIMEOUT_MINUTES: i32 = 10_080;

/// A wait for a result is too short or too long. The text continues a sentence that begins with the
/// field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number from 1 to {MAX_TIMEOUT_MINUTES}")]
pub struct InvalidTimeout;

/// Checks a project's name.
///
/// # Errors
/// The reason, ready to be shown beside the field's name.
pub fn check_name(name: &str) -> Result<(), InvalidIdentifier> {
    check_label(name)
}

/// How many incidents are not resolved, as in `1 incident that is not resolved`.
#[must_use]
pub fn unresolved_phrase(unresolved: i64) -> String {
    match unresolved {
        0 => "no incident that is not resolved".to_owned(),
        1 => "1 incident that is not resolved".to_owned(),
        many => format!("{many} incidents that are not resolved"),
    }
}

/// Checks how long a project waits for a result.
///
/// # Errors
/// When it is less than a minute or more than a week.
pub fn check_timeout(minutes: i32) -> Result<(), InvalidTimeout> {
    if (1..=MAX_TIMEOUT_MINUTES).contains(&minutes) { Ok(()) } else { Err(InvalidTimeout) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_timeouts_outside_their_rules_are_rejected() {
        for name in ["", " ", "a\nb", &"x".repeat(256)] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
        assert_eq!(check_name(&"é".repeat(255)), Ok(()));
        for minutes in [i32::MIN, -1, 0, 10_081, i32::MAX] {
            assert_eq!(check_timeout(minutes), Err(InvalidTimeout), "{minutes}");
        }
        assert_eq!((check_timeout(1), check_timeout(10_080)), (Ok(()), Ok(())));
        assert_eq!(unresolved_phrase(1), "1 incident that is not resolved");
        assert_eq!(unresolved_phrase(214), "214 incidents that are not resolved");
        assert_eq!(InvalidTimeout.to_string(), "must be a whole number from 1 to 10080");
    }
}
