//! When people are told again of incidents of a cause that they were told of before.
//!
//! Reminders are about what nobody acknowledges: one each time that the rule's time has passed since the last message about
//! it. An escalation counts from when it began to wait, one step each time. What was acknowledged comes back when it has
//! stood for the rule's time, and again after as long. One message stands for all incidents of the cause.

use time::Duration;

use crate::alert_rules::AlertRules;
use crate::text_enum::text_enum;

text_enum! {
    /// Why people are told again.
    ReminderReason {
        Reminder = "reminder",
        Escalated = "escalated",
        CameBack = "came_back",
        SnoozeOver = "snooze_over",
        Resolved = "resolved",
    }
}

text_enum! {
    /// What ended a snooze.
    SnoozeEnd {
        Time = "time",
        NextOfCause = "next_of_cause",
        Resolved = "resolved",
        Operator = "operator",
    }
}

/// How the incidents of a cause stand, but for those that are snoozed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wait {
    /// Whether one is open, and for how long that has been so; none where it has just been noticed.
    pub open: Option<Duration>,
    /// How long ago the last message about what is open was written.
    pub since_told: Duration,
    /// Up to which step it was escalated.
    pub step: usize,
    /// Whether one was acknowledged for as long as the rule says.
    pub has_stale: bool,
    /// How long ago people were told of that.
    pub since_came_back: Option<Duration>,
}

/// What is due of a cause.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Due {
    /// The next step, or a reminder.
    pub open: Option<ReminderReason>,
    pub came_back: bool,
}

impl Due {
    #[must_use]
    pub fn decide(rules: &AlertRules, wait: Wait) -> Self {
        let next = wait.step + 1;
        let escalates = rules.escalate_after.is_some_and(|after| {
            let steps = i32::try_from(next).unwrap_or(i32::MAX);
            next <= rules.escalate_to.len()
                && wait.open.is_some_and(|waited| waited >= after.duration() * steps)
        });
        let reminds = rules
            .remind_every
            .is_some_and(|every| wait.open.is_some() && wait.since_told >= every.duration());
        let open = match (escalates, reminds) {
            (true, _) => Some(ReminderReason::Escalated),
            (false, true) => Some(ReminderReason::Reminder),
            (false, false) => None,
        };
        let came_back = rules.come_back_after.is_some_and(|after| {
            wait.has_stale && wait.since_came_back.is_none_or(|passed| passed >= after.duration())
        });
        Self { open, came_back }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::alert_rules::RuleTime;
    use crate::ids::DestinationId;

    fn rules() -> AlertRules {
        let step = |n| DestinationId::from_uuid(Uuid::from_u128(n));
        AlertRules {
            remind_every: RuleTime::new(30).ok(),
            escalate_after: RuleTime::new(60).ok(),
            escalate_to: vec![step(1), step(2)],
            come_back_after: RuleTime::new(120).ok(),
            ..AlertRules::default()
        }
    }

    fn minutes(minutes: i64) -> Duration {
        Duration::minutes(minutes)
    }

    #[test]
    fn what_nobody_acknowledges_is_told_again_and_to_the_next_step_by_step() {
        use ReminderReason::{Escalated, Reminder};
        for (waited, told, step, due) in [
            (Some(29), 29, 0, None),
            (Some(30), 30, 0, Some(Reminder)),
            (Some(60), 30, 0, Some(Escalated)),
            (Some(89), 29, 1, None),
            (Some(90), 30, 1, Some(Reminder)),
            (Some(119), 29, 1, None),
            (Some(120), 30, 1, Some(Escalated)),
            (Some(600), 30, 2, Some(Reminder)),
            (Some(600), 3, 2, None),
            (None, 600, 0, None),
        ] {
            let open = waited.map(minutes);
            let wait = Wait { open, since_told: minutes(told), step, ..Wait::default() };
            assert_eq!(Due::decide(&rules(), wait).open, due, "{wait:?}");
            assert_eq!(Due::decide(&AlertRules::default(), wait), Due::default(), "off");
        }
    }

    #[test]
    fn what_was_acknowledged_and_stands_comes_back_each_time() {
        for (has_stale, since, due) in [
            (false, None, false),
            (true, None, true),
            (true, Some(119), false),
            (true, Some(120), true),
        ] {
            let since_came_back = since.map(minutes);
            let wait = Wait { has_stale, since_came_back, ..Wait::default() };
            assert_eq!(Due::decide(&rules(), wait), Due { open: None, came_back: due }, "{wait:?}");
        }
    }
}
