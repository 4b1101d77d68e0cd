//! What a receiver's `Retry-After` asks for, in both forms of RFC 9110, section 10.2.3.

use std::time::{Duration, SystemTime};

use domain::callback::MAX_RETRY_AFTER;
use time::OffsetDateTime;

/// How long to wait, or `None` for anything that is not a time from now on.
///
/// The value is a whole number of seconds or an HTTP date, which is compared with `now`. No wait is
/// longer than [`MAX_RETRY_AFTER`].
#[must_use]
pub fn retry_after(value: &str, now: OffsetDateTime) -> Option<Duration> {
    let value = value.trim();
    let wait = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit still ask for a long wait.
        Duration::from_secs(value.parse().unwrap_or(u64::MAX))
    } else {
        let at = httpdate::parse_http_date(value).ok()?;
        at.duration_since(SystemTime::from(now)).ok()?
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-21 14:32:09 UTC);

    #[test]
    fn seconds_and_dates_are_understood() {
        for (value, seconds) in [
            ("0", 0),
            ("120", 120),
            (" 7 ", 7),
            ("21600", 21_600),
            ("Sat, 21 Nov 2026 14:33:09 GMT", 60),
            ("Saturday, 21-Nov-26 14:33:09 GMT", 60),
            ("Sat Nov 21 14:33:09 2026", 60),
            ("Sat, 21 Nov 2026 14:32:09 GMT", 0),
        ] {
            assert_eq!(retry_after(value, NOW), Some(Duration::from_secs(seconds)), "{value}");
        }
    }

    #[test]
    fn no_wait_is_longer_than_six_hours() {
        for value in ["21601", "99999999999999999999999", "Sun, 21 Nov 2027 14:33:09 GMT"] {
            assert_eq!(retry_after(value, NOW), Some(MAX_RETRY_AFTER), "{value}");
        }
    }

    #[test]
    fn anything_else_is_no_request() {
        for value in ["", "-1", "+5", "1.5", "soon", "1e3", "５", "Sat, 21 Nov 2026 14:32:08 GMT"]
        {
            assert_eq!(retry_after(value, NOW), None, "{value}");
        }
    }
}
