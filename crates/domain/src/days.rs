//! Days as people and scripts write them: `2026-11-21`, in UTC.

use time::macros::{format_description, time};
use time::{Date, OffsetDateTime};

/// A text that is no day, or one of a year that nothing here happened in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoDay;

/// When a day begins.
///
/// # Errors
/// When the text is no day.
pub fn begin_of(text: &str) -> Result<OffsetDateTime, NoDay> {
    read(text).map(midnight)
}

/// When a day is over; `None` for the last one that there is.
///
/// # Errors
/// When the text is no day.
pub fn end_of(text: &str) -> Result<Option<OffsetDateTime>, NoDay> {
    Ok(read(text)?.next_day().map(midnight))
}

fn read(text: &str) -> Result<Date, NoDay> {
    let day = Date::parse(text, format_description!("[year]-[month]-[day]")).map_err(|_| NoDay)?;
    if (1970..=9999).contains(&day.year()) { Ok(day) } else { Err(NoDay) }
}

fn midnight(day: Date) -> OffsetDateTime {
    day.with_time(time!(0:00)).assume_utc()
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn a_day_lasts_from_midnight_to_midnight_in_utc() {
        assert_eq!(begin_of("2026-11-21"), Ok(datetime!(2026-11-21 0:00 UTC)));
        assert_eq!(end_of("2026-12-31"), Ok(Some(datetime!(2027-01-01 0:00 UTC))));
        assert_eq!(end_of("9999-12-31"), Ok(None));
        for other in ["", "yesterday", "2026-02-30", "2026-11-21T00:00:00Z", "1969-12-31", "\0"] {
            assert_eq!(begin_of(other), Err(NoDay), "{other:?}");
        }
    }
}
