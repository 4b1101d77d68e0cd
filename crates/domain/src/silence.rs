//! When receipts are expected, and when their absence is a silence.
//!
//! A project says what it expects: nothing, at least one receipt in so many hours, or what its own
//! last weeks show. Two kinds of flow are judged: the project's, which is all its receipts, and
//! that of each event type. The rules are in `docs/silence.md`; they rather stay quiet than call a
//! slow night a silence. Times in which our own API was away, and the graces after them, count for
//! nothing.

mod expected;

use std::collections::BTreeMap;

use time::{Duration, OffsetDateTime, UtcOffset};

pub use self::expected::{ExpectedHours, ExpectedReceipts, InvalidExpectation};

/// How long counts of receipts are kept: what the rules look back to, and a week.
pub const HISTORY: Duration = Duration::weeks(8);
/// Among how many weeks before it an hour's usual count is found.
const WEEKS: usize = 4;
/// In how many of them it had receipts, where it counts as busy.
const BUSY_WEEKS: usize = 3;
/// So many receipts must be missing where the project's own weeks are what is expected.
const MISSING: i64 = 12;
/// In so many whole busy hours at least.
const BUSY_HOURS: usize = 2;
/// What is older than this is not counted as missing.
const LOOK_BACK: Duration = Duration::WEEK;
/// The shortest stretch in which an event type must have kept to a number of hours.
const STEADY: Duration = Duration::WEEK;
/// How many times the number of hours that stretch is, where that is longer.
const STEADY_TIMES: i32 = 7;
/// How many longer pauses it may have had.
const PAUSES: usize = 1;

/// A time in which apps could not report, or need not have yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interruption {
    pub began_at: OffsetDateTime,
    /// The end of the outage's grace.
    pub until: OffsetDateTime,
}

/// What of a flow counts.
#[derive(Debug, Clone)]
pub struct Flow<'a> {
    /// Whether it is the project's, and no single event type's.
    pub is_whole: bool,
    /// Its newest receipt.
    pub last_at: OffsetDateTime,
    /// Since when none is counted as missing: since that receipt, or since the last silence of the
    /// whole project ended, whose event types are given their time again, or the project was restored.
    pub quiet_since: OffsetDateTime,
    /// How many receipts came in which hour of the clock, by the hour's begin; hours without any
    /// are left out.
    pub hours: &'a BTreeMap<OffsetDateTime, i64>,
    /// In order, and none within another.
    pub interruptions: &'a [Interruption],
}

/// What usually comes, where that is known: what a silence is measured by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usual {
    /// At least one in so many hours.
    OneIn(ExpectedHours),
    /// So many in each hour that was missed, on average.
    PerHour(i64),
}

impl Usual {
    /// The hours, or the receipts of one; the other is none.
    #[must_use]
    pub const fn parts(self) -> (Option<i32>, Option<i64>) {
        match self {
            Self::OneIn(hours) => (Some(hours.get()), None),
            Self::PerHour(receipts) => (None, Some(receipts)),
        }
    }
}

impl std::fmt::Display for Usual {
    /// As in `usually 12 an hour`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OneIn(hours) => write!(f, "at least one every {hours}"),
            Self::PerHour(receipts) => write!(f, "usually {receipts} an hour"),
        }
    }
}

/// Which receipts stopped or came again, as in `receipts of invoice.paid`.
#[must_use]
pub fn describe_flow(event_type: Option<&str>) -> String {
    match event_type {
        Some(event_type) => format!("receipts of {event_type}"),
        None => "receipts".to_owned(),
    }
}

impl ExpectedReceipts {
    /// Whether a flow is silent by now, and what it is measured by.
    #[must_use]
    pub fn judge(self, flow: &Flow<'_>, now: OffsetDateTime) -> Option<Usual> {
        match self {
            Self::Off => None,
            Self::Within(hours) => flow.misses_one_in(hours, now).then_some(Usual::OneIn(hours)),
            Self::Learned => flow.misses_the_usual(now).map(Usual::PerHour),
        }
    }

    /// How soon after its newest receipt a flow may be silent; none where it never is.
    #[must_use]
    pub fn soonest(self) -> Option<Duration> {
        match self {
            Self::Off => None,
            Self::Within(hours) => Some(hours.duration()),
            Self::Learned => Some(Duration::hours(2)),
        }
    }
}

impl Flow<'_> {
    fn misses_one_in(&self, hours: ExpectedHours, now: OffsetDateTime) -> bool {
        let quiet = now - self.quiet_since - self.interrupted(self.quiet_since, now);
        quiet >= hours.duration() && (self.is_whole || self.is_steady(hours))
    }

    /// For how long it was interrupted between two moments.
    fn interrupted(&self, from: OffsetDateTime, until: OffsetDateTime) -> Duration {
        let mut counted = from;
        let mut sum = Duration::ZERO;
        for one in self.interruptions {
            let (began, ended) = (one.began_at.max(counted), one.until.min(until));
            if ended > began {
                sum += ended - began;
                counted = ended;
            }
        }
        sum
    }

    /// Whether it kept to a number of hours in the stretch before its newest receipt, but for a
    /// pause. What was not received yet when the stretch began did not.
    fn is_steady(&self, hours: ExpectedHours) -> bool {
        let stretch = STEADY.max(hours.duration() * STEADY_TIMES);
        if stretch >= HISTORY {
            return false;
        }
        let last = hour_of(self.last_at);
        let Some((first, _)) = self.hours.range(..=last - stretch).next_back() else {
            return false;
        };
        let received = self.hours.range(first..=&last).map(|(hour, _)| *hour);
        let next = received.clone().skip(1).chain(std::iter::once(last));
        received.zip(next).filter(|(one, next)| *next - *one > hours.duration()).count() <= PAUSES
    }

    /// How many receipts an hour it misses, where it misses enough of them.
    fn misses_the_usual(&self, now: OffsetDateTime) -> Option<i64> {
        let (&known_since, _) = self.hours.first_key_value()?;
        let mut hour = next_hour(self.quiet_since.max(now - LOOK_BACK));
        let mut missed = Vec::new();
        while hour + Duration::HOUR <= now {
            let end = hour + Duration::HOUR;
            if self.interrupted(hour, end).is_zero() {
                missed.extend(self.usual_count(hour, known_since));
            }
            hour = end;
        }
        let sum: i64 = missed.iter().sum();
        let hours = i64::try_from(missed.len()).unwrap_or(i64::MAX);
        let is_silent = missed.len() >= BUSY_HOURS && sum >= MISSING;
        is_silent.then(|| (sum + hours / 2) / hours)
    }

    /// The lower median of the same hour of the four weeks before, where that hour is a busy one.
    fn usual_count(&self, hour: OffsetDateTime, known_since: OffsetDateTime) -> Option<i64> {
        let mut before = [0; WEEKS];
        let mut week = hour;
        for count in &mut before {
            week -= Duration::WEEK;
            *count = self.hours.get(&week).copied().unwrap_or(0);
        }
        before.sort_unstable();
        let busy = before.iter().filter(|count| **count > 0).count() >= BUSY_WEEKS;
        (busy && known_since <= week).then_some(before[(WEEKS - 1) / 2])
    }
}

/// The begin of the hour of the clock, in UTC, that a moment is in.
const fn hour_of(moment: OffsetDateTime) -> OffsetDateTime {
    moment.to_offset(UtcOffset::UTC).truncate_to_hour()
}

/// The first hour of the clock that begins at a moment or after it.
fn next_hour(moment: OffsetDateTime) -> OffsetDateTime {
    let hour = hour_of(moment);
    if hour == moment { hour } else { hour + Duration::HOUR }
}

#[cfg(test)]
mod tests;
