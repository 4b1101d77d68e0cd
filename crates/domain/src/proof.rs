//! The proof link: a read-only page of one incident, for a reader who cannot sign in.

mod steps;
mod visibility;

pub use steps::{ProofSubject, Step, heading, steps};
pub use visibility::{Milestone, VisibleEvent, visible_events};

/// How long a proof link holds unless its creator says otherwise, in days.
pub const DEFAULT_DAYS: i32 = 7;
/// The longest life of a proof link, in days.
pub const MAX_DAYS: i32 = 365;

/// A proof link cannot hold that long. The text continues a sentence that begins with the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number from 1 to {MAX_DAYS}")]
pub struct InvalidDays;

/// Checks for how many days a proof link shall hold.
///
/// # Errors
/// When it is less than one day or more than a year.
pub fn check_days(days: i32) -> Result<(), InvalidDays> {
    if (1..=MAX_DAYS).contains(&days) { Ok(()) } else { Err(InvalidDays) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_holds_from_one_day_to_a_year() {
        for days in [1, DEFAULT_DAYS, 365] {
            assert_eq!(check_days(days), Ok(()), "{days}");
        }
        for days in [i32::MIN, -1, 0, 366, i32::MAX] {
            assert_eq!(check_days(days), Err(InvalidDays), "{days}");
        }
        assert_eq!(InvalidDays.to_string(), "must be a whole number from 1 to 365");
    }
}
