//! How a project's people are told of incidents, where something else is wanted than each message immediately.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use time::Duration;

use crate::ids::DestinationId;
use crate::maintenance::read_minutes;
use crate::quiet_hours::QuietHours;

/// How many steps an escalation has at most.
pub const MAX_STEPS: usize = 3;

/// What a project says of it. Of one that says nothing everything is told immediately, and nothing again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertRules {
    /// When telling waits, each day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet_hours: Option<QuietHours>,
    /// How often people are told again of incidents that nobody acknowledges.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remind_every: Option<RuleTime>,
    /// After how long without that the next destination is told, once for each step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalate_after: Option<RuleTime>,
    /// These destinations, in order; they are not told before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub escalate_to: Vec<DestinationId>,
    /// After how long people are told again of what was acknowledged and still stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub come_back_after: Option<RuleTime>,
}

/// A time of a rule, in minutes: 5 minutes to 7 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct RuleTime(i32);

/// The time of a rule is not written in a way that is known. The text continues a sentence that begins with the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be off, or a time from 5m to 7d such as 30m, 4h or 1d")]
pub struct InvalidTime;

/// Why rules do not fit together. The text continues a sentence that begins with the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRules {
    #[error("needs escalate_to: name the destinations that are told then, in order")]
    NoSteps,
    #[error("needs escalate_after: say after how long the first of them is told")]
    NoTime,
    #[error("may name at most 3 destinations, each once")]
    Steps,
    #[error("names a destination that this project does not have; see its destinations")]
    Unknown,
    #[error("names every destination of the project; leave one that is told at once")]
    Everyone,
}

impl InvalidRules {
    /// What it is about.
    #[must_use]
    pub const fn field(self) -> &'static str {
        match self {
            Self::NoSteps => "escalate_after",
            Self::NoTime | Self::Steps | Self::Unknown | Self::Everyone => "escalate_to",
        }
    }
}

impl RuleTime {
    /// # Errors
    /// When it is less than 5 minutes or more than 7 days.
    pub fn new(minutes: i32) -> Result<Self, InvalidTime> {
        (5..=7 * 24 * 60).contains(&minutes).then_some(Self(minutes)).ok_or(InvalidTime)
    }

    #[must_use]
    pub const fn minutes(self) -> i32 {
        self.0
    }

    #[must_use]
    pub fn duration(self) -> Duration {
        Duration::minutes(self.0.into())
    }
}

impl fmt::Display for RuleTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            minutes if minutes % (24 * 60) == 0 => write!(f, "{}d", minutes / (24 * 60)),
            minutes if minutes % 60 == 0 => write!(f, "{}h", minutes / 60),
            minutes => write!(f, "{minutes}m"),
        }
    }
}

impl FromStr for RuleTime {
    type Err = InvalidTime;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let minutes = read_minutes(text).and_then(|minutes| i32::try_from(minutes).ok());
        Self::new(minutes.ok_or(InvalidTime)?)
    }
}

impl From<RuleTime> for String {
    fn from(time: RuleTime) -> Self {
        time.to_string()
    }
}

impl TryFrom<String> for RuleTime {
    type Error = InvalidTime;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl AlertRules {
    /// Whether anything is told again.
    #[must_use]
    pub const fn tells_again(&self) -> bool {
        self.remind_every.is_some()
            || self.escalate_after.is_some()
            || self.come_back_after.is_some()
    }

    /// What does not fit together; whether destinations are there is the store's to check.
    #[must_use]
    pub fn check(&self) -> Option<InvalidRules> {
        let steps = &self.escalate_to;
        let twice = steps.iter().enumerate().any(|(n, step)| steps[..n].contains(step));
        match (self.escalate_after, steps.len()) {
            (Some(_), 0) => Some(InvalidRules::NoSteps),
            (None, 1..) => Some(InvalidRules::NoTime),
            (_, count) if count > MAX_STEPS || twice => Some(InvalidRules::Steps),
            (Some(_) | None, _) => None,
        }
    }

    /// Each rule as a phrase, for people.
    #[must_use]
    pub fn phrases(&self) -> Vec<String> {
        self.phrases_with(DestinationId::to_string)
    }

    /// The same, with what each destination is called.
    #[must_use]
    pub fn phrases_with(&self, name: impl Fn(&DestinationId) -> String) -> Vec<String> {
        let steps = self.escalate_to.iter().map(name).collect::<Vec<_>>().join(", then ");
        let phrases = [
            self.quiet_hours.as_ref().map(|hours| format!("quiet hours {hours}")),
            self.remind_every.map(|time| format!("reminders every {time} until acknowledged")),
            self.escalate_after.map(|time| format!("escalation after {time} to {steps}")),
            self.come_back_after
                .map(|time| format!("acknowledged incidents come back after {time}")),
        ];
        phrases.into_iter().flatten().collect()
    }
}

/// Up to which of other steps people were told, by up to which of these they were: none, the first, the second and so on.
/// What was told before comes first; whoever is behind somebody new is told once more.
#[must_use]
pub fn steps_told(before: &[DestinationId], after: &[DestinationId]) -> Vec<i32> {
    let told_of = |steps: usize| {
        let told = &before[..steps.min(before.len())];
        let still = after.iter().take_while(|step| told.contains(step)).count();
        i32::try_from(still).unwrap_or(i32::MAX)
    };
    (0..=MAX_STEPS).map(told_of).collect()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_time_is_a_number_with_its_unit() {
        for (text, written) in
            [("30m", "30m"), ("60m", "1h"), ("24H", "1d"), (" 90m ", "90m"), ("7d", "7d")]
        {
            assert_eq!(
                text.parse::<RuleTime>().map(|time| time.to_string()),
                Ok(written.to_owned())
            );
        }
        for wrong in ["", "4m", "8d", "30", "-30m", "off", "99999999999h"] {
            assert_eq!(wrong.parse::<RuleTime>(), Err(InvalidTime), "{wrong}");
        }
    }

    #[test]
    fn an_escalation_has_a_time_and_steps() {
        let step = |n| DestinationId::from_uuid(Uuid::from_u128(n));
        let time = RuleTime::new(30).ok();
        for (escalate_after, steps, wrong) in [
            (None, vec![], None),
            (time, vec![step(1), step(2), step(3)], None),
            (time, vec![], Some(InvalidRules::NoSteps)),
            (None, vec![step(1)], Some(InvalidRules::NoTime)),
            (time, vec![step(1), step(1)], Some(InvalidRules::Steps)),
            (time, vec![step(1), step(2), step(3), step(4)], Some(InvalidRules::Steps)),
        ] {
            let rules = AlertRules { escalate_after, escalate_to: steps, ..AlertRules::default() };
            assert_eq!(rules.check(), wrong, "{rules:?}");
        }
    }

    #[test]
    fn an_escalation_says_what_its_steps_are_called() {
        let steps = [1, 2].map(|n| DestinationId::from_uuid(Uuid::from_u128(n)));
        let escalate_after = RuleTime::new(30).ok();
        let rules =
            AlertRules { escalate_after, escalate_to: steps.to_vec(), ..AlertRules::default() };
        let ids = format!("escalation after 30m to {}, then {}", steps[0], steps[1]);
        assert_eq!(rules.phrases(), [ids]);
        let name = |id: &DestinationId| if *id == steps[0] { "bob" } else { "alice" }.to_owned();
        assert_eq!(rules.phrases_with(name), ["escalation after 30m to bob, then alice"]);
    }

    #[test]
    fn who_was_told_is_known_though_steps_change() {
        let step = |n| DestinationId::from_uuid(Uuid::from_u128(n));
        let before = [step(1), step(2), step(3)];
        for (after, told) in [
            (&before[..], [0, 1, 2, 3]),
            (&[step(2), step(3)], [0, 0, 1, 2]),
            (&[step(1), step(3)], [0, 1, 1, 2]),
            (&[step(1), step(4), step(2)], [0, 1, 1, 1]),
            (&[step(2), step(1)], [0, 0, 2, 2]),
            (&[], [0; 4]),
        ] {
            assert_eq!(steps_told(&before, after), told, "{after:?}");
        }
        assert_eq!(steps_told(&before[..1], &[step(1)]), [0, 1, 1, 1]);
    }
}
