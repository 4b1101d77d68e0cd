//! Quiet hours of a project: from when to when its people are not told, by the clock on their wall.
//!
//! They are written as `22:00-07:00 Europe/Berlin`, and the clock is that of the zone, whatever it is changed by: an
//! interval begins and ends at one moment each. A time that the clock shows twice is meant the first time; one that it
//! skips is the moment at which it skips it. So no night is told of twice, and none is quiet for an hour too long.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::text_column::text_column;

/// Daily hours in a time zone, over midnight where they end earlier than they begin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct QuietHours {
    from: Time,
    to: Time,
    zone: TimeZone,
}

/// Quiet hours are not written in a way that is known. The text continues a sentence that begins with the field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidQuietHours {
    #[error(
        "must be off, or two times of the day and a time zone, such as 22:00-07:00 Europe/Berlin"
    )]
    Form,
    #[error(
        "must end at another time than they begin; to be told nothing for days, start a maintenance"
    )]
    Empty,
    #[error(
        "names the time zone {0:?}, which there is not; write one such as Europe/Berlin, America/New_York or UTC"
    )]
    Zone(String),
}

impl QuietHours {
    /// When the quiet hours end that this moment lies in; none outside of them. The moment of their end lies outside.
    #[must_use]
    pub fn end(&self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        let now = Timestamp::from_nanosecond(now.unix_timestamp_nanos()).ok()?;
        let today = self.zone.to_datetime(now).date();
        let end = [today.yesterday().ok()?, today].into_iter().find_map(|day| {
            let (begin, end) = self.interval(day)?;
            (begin <= now && now < end).then_some(end)
        })?;
        OffsetDateTime::from_unix_timestamp_nanos(end.as_nanosecond()).ok()
    }

    /// The quiet hours that begin on a day.
    fn interval(&self, day: Date) -> Option<(Timestamp, Timestamp)> {
        let last = if self.to > self.from { day } else { day.tomorrow().ok()? };
        Some((self.moment(day, self.from)?, self.moment(last, self.to)?))
    }

    fn moment(&self, day: Date, time: Time) -> Option<Timestamp> {
        let ambiguous = self.zone.to_ambiguous_timestamp(day.to_datetime(time));
        match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => {
                ambiguous.earlier().ok()
            }
            AmbiguousOffset::Gap { .. } => {
                let after = ambiguous.later().ok()?;
                self.zone.preceding(after).next().map(|skip| skip.timestamp())
            }
        }
    }
}

impl fmt::Display for QuietHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clock = |time: Time| format!("{:02}:{:02}", time.hour(), time.minute());
        let zone = self.zone.iana_name().unwrap_or("UTC");
        write!(f, "{}-{} {zone}", clock(self.from), clock(self.to))
    }
}

impl FromStr for QuietHours {
    type Err = InvalidQuietHours;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (hours, zone) = text.trim().split_once(' ').ok_or(InvalidQuietHours::Form)?;
        let (from, to) = hours.split_once('-').ok_or(InvalidQuietHours::Form)?;
        let (from, to) = (read_clock(from)?, read_clock(to)?);
        if from == to {
            return Err(InvalidQuietHours::Empty);
        }
        let zone = zone.trim();
        let found = TimeZone::get(zone).ok().filter(|found| found.iana_name().is_some());
        let zone = found.ok_or_else(|| InvalidQuietHours::Zone(zone.chars().take(50).collect()))?;
        Ok(Self { from, to, zone })
    }
}

fn read_clock(text: &str) -> Result<Time, InvalidQuietHours> {
    let read = |digits: &str| {
        let is_number = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<i8>().ok().filter(|_| is_number)
    };
    let (hour, minute) = text.split_once(':').ok_or(InvalidQuietHours::Form)?;
    let (Some(hour), Some(minute)) = (read(hour), read(minute)) else {
        return Err(InvalidQuietHours::Form);
    };
    Time::new(hour, minute, 0, 0).map_err(|_| InvalidQuietHours::Form)
}

impl From<QuietHours> for String {
    fn from(hours: QuietHours) -> Self {
        hours.to_string()
    }
}

impl TryFrom<String> for QuietHours {
    type Error = InvalidQuietHours;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

text_column!(QuietHours);

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn hours(text: &str) -> QuietHours {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn hours_over_midnight_begin_on_one_day_and_end_on_the_next() {
        let night = hours("22:00-07:00 Europe/Berlin");
        let end = datetime!(2026-07-02 05:00 UTC);
        for (now, quiet) in [
            (datetime!(2026-07-01 19:59:59 UTC), None),
            (datetime!(2026-07-01 20:00 UTC), Some(end)),
            (datetime!(2026-07-01 23:30 UTC), Some(end)),
            (datetime!(2026-07-02 04:59:59 UTC), Some(end)),
            (end, None),
        ] {
            assert_eq!(night.end(now), quiet, "{now}");
        }
        let lunch = hours("12:00-13:30 UTC");
        assert_eq!(
            lunch.end(datetime!(2026-07-01 13:29 UTC)),
            Some(datetime!(2026-07-01 13:30 UTC))
        );
        assert_eq!(lunch.end(datetime!(2026-07-01 00:10 UTC)), None);
    }

    #[test]
    fn a_night_in_which_the_clock_is_put_forward_ends_by_the_clock_on_the_wall() {
        // 29 March 2026 in Berlin: after 01:59:59 comes 03:00.
        let night = hours("22:00-07:00 Europe/Berlin");
        let end = Some(datetime!(2026-03-29 05:00 UTC));
        assert_eq!(night.end(datetime!(2026-03-28 21:00 UTC)), end);
        assert_eq!(night.end(datetime!(2026-03-29 04:59:59 UTC)), end);
        assert_eq!(night.end(datetime!(2026-03-29 05:00 UTC)), None);
        // What is skipped is the moment of the change.
        let skipped = datetime!(2026-03-29 01:00 UTC);
        let until = hours("22:00-02:30 Europe/Berlin");
        assert_eq!(until.end(datetime!(2026-03-29 00:59:59 UTC)), Some(skipped));
        assert_eq!(until.end(skipped), None);
        let from = hours("02:30-04:00 Europe/Berlin");
        assert_eq!(from.end(datetime!(2026-03-29 00:59:59 UTC)), None);
        assert_eq!(from.end(skipped), Some(datetime!(2026-03-29 02:00 UTC)));
    }

    #[test]
    fn an_hour_that_the_clock_shows_twice_is_quiet_once() {
        // 25 October 2026 in Berlin: after 02:59:59 comes 02:00 again, at 01:00 UTC.
        let night = hours("22:00-07:00 Europe/Berlin");
        assert_eq!(
            night.end(datetime!(2026-10-25 05:30 UTC)),
            Some(datetime!(2026-10-25 06:00 UTC))
        );
        let until = hours("22:00-02:30 Europe/Berlin");
        let end = datetime!(2026-10-25 00:30 UTC);
        assert_eq!(until.end(datetime!(2026-10-25 00:29:59 UTC)), Some(end));
        for again in [end, datetime!(2026-10-25 01:15 UTC)] {
            assert_eq!(until.end(again), None, "{again}");
        }
        let from = hours("02:30-04:00 Europe/Berlin");
        let end = Some(datetime!(2026-10-25 03:00 UTC));
        for now in [datetime!(2026-10-25 00:30 UTC), datetime!(2026-10-25 01:10 UTC)] {
            assert_eq!(from.end(now), end, "{now}");
        }
    }

    #[test]
    fn they_are_written_as_they_are_read_and_what_is_wrong_is_named() {
        for (text, written) in [
            (" 22:00-07:00  europe/berlin ", "22:00-07:00 Europe/Berlin"),
            ("00:30-23:59 UTC", "00:30-23:59 UTC"),
            (
                "12:00-13:00 America/Argentina/Buenos_Aires",
                "12:00-13:00 America/Argentina/Buenos_Aires",
            ),
        ] {
            assert_eq!(hours(text).to_string(), written);
            assert_eq!(hours(written).to_string(), written);
        }
        for form in [
            "",
            "night",
            "22:00-07:00",
            "22-07 UTC",
            "24:00-07:00 UTC",
            "22:00-7:00 UTC",
            "+2:00-07:00 UTC",
        ] {
            assert_eq!(form.parse::<QuietHours>(), Err(InvalidQuietHours::Form), "{form}");
        }
        assert_eq!("07:00-07:00 UTC".parse::<QuietHours>(), Err(InvalidQuietHours::Empty));
        let nowhere = "22:00-07:00 Europe/Cologne".parse::<QuietHours>().expect_err("no zone");
        assert!(nowhere.to_string().contains("\"Europe/Cologne\""), "{nowhere}");
    }
}
