//! Maintenance windows, and whether a project's people are told now.

use std::str::FromStr;

use time::{Duration, OffsetDateTime};

use crate::ids::MaintenanceId;
use crate::quiet_hours::QuietHours;
use crate::text_enum::text_enum;

text_enum! {
    /// Why people are not told for a while.
    HoldReason {
        Maintenance = "maintenance",
        QuietHours = "quiet_hours",
    }
}

impl HoldReason {
    /// In the middle of a sentence.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Maintenance => "maintenance",
            Self::QuietHours => "quiet hours",
        }
    }
}

/// The longest that a window may last.
const LONGEST_MINUTES: i64 = 7 * 24 * 60;

/// How long a maintenance window lasts unless it is ended before: 1 minute to 7 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowLength(i32);

/// The length of a window is not written in a way that is known. The text continues a sentence that begins with the
/// field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a time from 1m to 7d, such as 10m, 2h or 1d")]
pub struct InvalidLength;

impl WindowLength {
    #[must_use]
    pub fn duration(self) -> Duration {
        Duration::minutes(self.0.into())
    }

    #[must_use]
    pub const fn minutes(self) -> i32 {
        self.0
    }
}

impl FromStr for WindowLength {
    type Err = InvalidLength;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let minutes = read_minutes(text).filter(|it| (1..=LONGEST_MINUTES).contains(it));
        minutes.and_then(|it| i32::try_from(it).ok()).map(Self).ok_or(InvalidLength)
    }
}

/// A whole number with its unit, such as `10m`, `2h` or `1d`, in minutes.
pub(crate) fn read_minutes(text: &str) -> Option<i64> {
    let text = text.trim().to_ascii_lowercase();
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let minutes = match unit {
        "m" => 1,
        "h" => 60,
        "d" => 24 * 60,
        _ => return None,
    };
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    number.parse::<i64>().ok().filter(|_| is_number)?.checked_mul(minutes)
}

/// A window that lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunningWindow {
    pub id: MaintenanceId,
    pub ends_at: OffsetDateTime,
}

/// That people are not told now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    pub reason: HoldReason,
    /// The window, where it is one.
    pub maintenance_id: Option<MaintenanceId>,
    /// When people are told again, unless another window begins by then.
    pub until: OffsetDateTime,
}

impl Hold {
    /// Whether a project's people are not told at a moment. A maintenance is named before quiet hours, because somebody
    /// began it; where it ends in quiet hours, people are told when these end.
    #[must_use]
    pub fn decide(
        hours: Option<&QuietHours>,
        window: Option<RunningWindow>,
        now: OffsetDateTime,
    ) -> Option<Self> {
        if let Some(window) = window.filter(|window| now < window.ends_at) {
            let RunningWindow { id, ends_at } = window;
            return Some(Self {
                reason: HoldReason::Maintenance,
                maintenance_id: Some(id),
                until: hours.and_then(|hours| hours.end(ends_at)).unwrap_or(ends_at),
            });
        }
        let until = hours?.end(now)?;
        Some(Self { reason: HoldReason::QuietHours, maintenance_id: None, until })
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_length_is_a_number_with_its_unit() {
        for (text, minutes) in [("10m", 10), (" 2H ", 120), ("7d", 10_080), ("1m", 1)] {
            assert_eq!(
                text.parse::<WindowLength>().map(WindowLength::minutes),
                Ok(minutes),
                "{text}"
            );
        }
        for wrong in [
            "",
            "m",
            "10",
            "0m",
            "8d",
            "-1h",
            "+1h",
            "1.5h",
            "90s",
            "10 m",
            "1w",
            "é",
            "99999999999999d",
        ] {
            assert_eq!(wrong.parse::<WindowLength>(), Err(InvalidLength), "{wrong}");
        }
    }

    #[test]
    fn a_window_is_named_before_quiet_hours_and_ends_by_itself() {
        let hours: QuietHours = "22:00-07:00 UTC".parse().expect("hours");
        let id = MaintenanceId::from_uuid(Uuid::from_u128(1));
        let window = Some(RunningWindow { id, ends_at: datetime!(2026-07-01 23:00 UTC) });
        let held = |now| Hold::decide(Some(&hours), window, now);
        let before = held(datetime!(2026-07-01 21:00 UTC)).expect("a maintenance");
        assert_eq!((before.reason, before.maintenance_id), (HoldReason::Maintenance, Some(id)));
        assert_eq!(before.until, datetime!(2026-07-02 07:00 UTC), "it ends in quiet hours");
        let by_day = Hold::decide(None, window, datetime!(2026-07-01 21:00 UTC));
        assert_eq!(by_day.map(|hold| hold.until), window.map(|window| window.ends_at));
        let after = held(datetime!(2026-07-01 23:00 UTC)).expect("quiet hours");
        assert_eq!(
            (after.reason, after.until),
            (HoldReason::QuietHours, datetime!(2026-07-02 07:00 UTC))
        );
        assert_eq!(held(datetime!(2026-07-02 07:00 UTC)), None);
        assert_eq!(Hold::decide(None, None, datetime!(2026-07-01 23:00 UTC)), None);
    }
}
