//! When to poll the progress of a callback, while its attempts are under way.
//!
//! All attempts are one activity, which reports nothing to the watch before it ends, and that may
//! be seven hours. So the watch asks the database shortly after each attempt was due, and queries
//! report attempts while they are made. A receiver that asks to wait longer is polled ever less
//! often, so that the history stays short.

use std::time::Duration;

use domain::callback::SCHEDULE;

/// The change that made watches poll. Those that began before it go on without.
pub(crate) const PATCH: &str = "look-at-callbacks";

/// An attempt takes at most 30 s.
const ATTEMPT: Duration = Duration::from_secs(40);
/// The schedule is moved by up to a tenth.
const JITTER: f64 = 1.1;

/// Remembers the result of the last poll.
#[derive(Debug, Default)]
pub(crate) struct ProgressPoll {
    made: u32,
    unchanged_polls: u32,
}

impl ProgressPoll {
    /// How long until the next poll of a callback of which so many attempts were made; `None` once
    /// the last of them is made.
    pub(crate) fn next(&mut self, made: u32) -> Option<Duration> {
        let planned = SCHEDULE.get(usize::try_from(made).ok()?)?;
        self.unchanged_polls = if made == self.made { self.unchanged_polls + 1 } else { 0 };
        self.made = made;
        Some(
            (planned.mul_f64(JITTER) + ATTEMPT)
                * 2_u32.pow(self.unchanged_polls.saturating_sub(1).min(8)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_look_follows_an_attempt() {
        let mut progress_poll = ProgressPoll::default();
        let looks: Vec<_> =
            (0..6).map(|made| progress_poll.next(made).map(|wait| wait.as_secs())).collect();
        let (first, second) = (Some(40), Some(106));
        assert_eq!(looks, [first, second, Some(700), Some(4_000), Some(23_800), None]);
    }

    #[test]
    fn a_long_wait_is_looked_at_ever_less_often() {
        let mut progress_poll = ProgressPoll::default();
        progress_poll.next(0);
        let looks: Vec<_> = (0..4).filter_map(|_| Some(progress_poll.next(1)?.as_secs())).collect();
        assert_eq!(looks, [106, 106, 212, 424]);
        assert_eq!(progress_poll.next(2).map(|wait| wait.as_secs()), Some(700));
    }
}
