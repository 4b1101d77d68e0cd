//! What a project expects of its receipts, as it is written: `off`, `learned`, `6h` or `2d`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use time::Duration;

use crate::project::Mode;
use crate::text_column::text_column;

/// What a project expects of its receipts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum ExpectedReceipts {
    /// Nothing: no silence is noticed.
    Off,
    /// At least one in so many hours.
    Within(ExpectedHours),
    /// What the same hours of its last four weeks had.
    Learned,
}

/// A number of hours, 1 to 720.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpectedHours(i32);

/// What is expected is not written in a way that is known. The text continues a sentence that
/// begins with the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be off, learned, or a time from 1h to 30d such as 6h or 2d")]
pub struct InvalidExpectation;

const LONGEST_HOURS: i32 = 30 * 24;

impl ExpectedHours {
    /// # Errors
    /// When it is less than an hour or more than 30 days.
    pub fn new(hours: i32) -> Result<Self, InvalidExpectation> {
        (1..=LONGEST_HOURS).contains(&hours).then_some(Self(hours)).ok_or(InvalidExpectation)
    }

    #[must_use]
    pub const fn get(self) -> i32 {
        self.0
    }

    #[must_use]
    pub fn duration(self) -> Duration {
        Duration::hours(self.0.into())
    }
}

impl fmt::Display for ExpectedHours {
    /// As in `every 6 hours`: without the number where it is one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("hour"),
            hours if hours % 24 == 0 && hours > 24 => write!(f, "{} days", hours / 24),
            hours => write!(f, "{hours} hours"),
        }
    }
}

impl ExpectedReceipts {
    /// What a project expects that says nothing else: where real money is watched, what its own
    /// weeks show.
    #[must_use]
    pub const fn usual(mode: Mode) -> Self {
        match mode {
            Mode::Test => Self::Off,
            Mode::Live => Self::Learned,
        }
    }

    /// It as a sentence without a full stop, for people.
    #[must_use]
    pub fn sentence(self) -> String {
        match self {
            Self::Off => "nothing; silence is not noticed".to_owned(),
            Self::Within(hours) => format!("at least one every {hours}"),
            Self::Learned => "as many as in the last four weeks".to_owned(),
        }
    }
}

impl fmt::Display for ExpectedReceipts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Learned => f.write_str("learned"),
            Self::Within(ExpectedHours(hours)) => write!(f, "{hours}h"),
        }
    }
}

impl FromStr for ExpectedReceipts {
    type Err = InvalidExpectation;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim().to_ascii_lowercase();
        let number = |digits: &str| {
            let is_one = digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse::<i32>().ok().filter(|_| is_one).ok_or(InvalidExpectation)
        };
        match text.as_str() {
            "off" => return Ok(Self::Off),
            "learned" => return Ok(Self::Learned),
            _ => {}
        }
        let hours = if let Some(days) = text.strip_suffix('d') {
            number(days)?.checked_mul(24).ok_or(InvalidExpectation)?
        } else {
            number(text.strip_suffix('h').ok_or(InvalidExpectation)?)?
        };
        ExpectedHours::new(hours).map(Self::Within)
    }
}

impl TryFrom<String> for ExpectedReceipts {
    type Error = InvalidExpectation;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ExpectedReceipts> for String {
    fn from(expected: ExpectedReceipts) -> Self {
        expected.to_string()
    }
}

text_column!(ExpectedReceipts);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_hours_are_kept_as_hours() {
        for (text, kept, sentence) in [
            ("off", "off", "nothing; silence is not noticed"),
            (" Learned ", "learned", "as many as in the last four weeks"),
            ("1h", "1h", "at least one every hour"),
            ("6H", "6h", "at least one every 6 hours"),
            ("1d", "24h", "at least one every 24 hours"),
            ("30d", "720h", "at least one every 30 days"),
            ("025h", "25h", "at least one every 25 hours"),
        ] {
            let expected: ExpectedReceipts = text.parse().expect(text);
            assert_eq!(expected.to_string(), kept);
            assert_eq!(kept.parse(), Ok(expected));
            assert_eq!(expected.sentence(), sentence);
        }
    }

    #[test]
    fn what_is_no_expectation_says_what_would_be_one() {
        for text in ["", "6", "h", "0h", "-1h", "+1h", "1.5h", "721h", "31d", "99999999999h", "on"]
        {
            let rejected = text.parse::<ExpectedReceipts>().expect_err(text);
            assert_eq!(
                rejected.to_string(),
                "must be off, learned, or a time from 1h to 30d such as 6h or 2d"
            );
        }
        assert!("2147483647d".parse::<ExpectedReceipts>().is_err());
    }

    #[test]
    fn only_where_real_money_is_watched_silence_is_noticed_by_itself() {
        assert_eq!(ExpectedReceipts::usual(Mode::Live), ExpectedReceipts::Learned);
        assert_eq!(ExpectedReceipts::usual(Mode::Test), ExpectedReceipts::Off);
    }
}
