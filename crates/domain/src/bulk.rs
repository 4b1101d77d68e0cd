//! A bulk reprocess: many incidents reprocessed at a pace, a few of them first. Or acknowledged, or
//! resolved, one after the other.
//!
//! It is a frozen list. Of a reprocess the first few, the *canary*, start immediately; the rest follow once all of
//! those succeeded, so many a minute. It pauses by itself when too many failed, and a person decides
//! whether it goes on. What is counted against it begins again then: who resumes has seen the
//! failures.

use serde::{Deserialize, Serialize};

use crate::incident::IncidentState;
use crate::text_enum::text_enum;

/// The most incidents of one bulk reprocess.
pub const MAX_ITEMS: i64 = 10_000;
/// The largest canary.
pub const MAX_CANARY: i32 = 100;
/// The fastest pace, in incidents a minute.
pub const MAX_PER_MINUTE: i32 = 600;
/// How many must have ended before a share of failures means anything.
const MIN_JUDGED: i64 = 5;
/// A pace that was not kept is caught up for so many seconds at most, so that no burst follows an
/// outage.
const CATCH_UP_SECONDS: f64 = 15.0;

text_enum! {
    /// What is done to each incident.
    BulkAction {
        Reprocess = "reprocess",
        Acknowledge = "acknowledge",
        Resolve = "resolve",
    }
}

impl BulkAction {
    /// Whether a canary goes first and a pace is kept: only a reprocess asks something of the app.
    #[must_use]
    pub const fn is_paced(self) -> bool {
        match self {
            Self::Reprocess => true,
            Self::Acknowledge | Self::Resolve => false,
        }
    }

    /// The states in which an incident allows it.
    #[must_use]
    pub const fn allowed_in(self) -> &'static [IncidentState] {
        match self {
            Self::Reprocess | Self::Resolve => &[IncidentState::Open, IncidentState::Acknowledged],
            Self::Acknowledge => &[IncidentState::Open],
        }
    }
}

text_enum! {
    BulkState {
        /// What would be reprocessed is frozen; nothing has started.
        Preview = "preview",
        Running = "running",
        /// By a person, or by itself: too many failed.
        Paused = "paused",
        /// Ended by a person; what had started goes on by itself.
        Canceled = "canceled",
        Done = "done",
    }
}

impl BulkState {
    /// Whether something may still start.
    #[must_use]
    pub const fn is_over(self) -> bool {
        match self {
            Self::Preview | Self::Running | Self::Paused => false,
            Self::Canceled | Self::Done => true,
        }
    }

    /// What is said of several that start together: one that runs or is paused counts more than one that is
    /// over. Those that stay a preview, because they have no incident, say nothing once others have started.
    #[must_use]
    pub fn of_set(states: &[Self]) -> Self {
        let first = [Self::Running, Self::Paused, Self::Canceled, Self::Done];
        first.into_iter().find(|state| states.contains(state)).unwrap_or(Self::Preview)
    }
}

text_enum! {
    ItemState {
        Waiting = "waiting",
        /// Its reprocess runs.
        Started = "started",
        Succeeded = "succeeded",
        Failed = "failed",
        /// It could not be done: resolved since, or reprocessed by someone else.
        Skipped = "skipped",
    }
}

/// What a person does to a bulk reprocess that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Steering {
    Pause,
    Resume,
    Cancel,
}

impl Steering {
    /// As signals, paths and commands name it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Cancel => "cancel",
        }
    }
}

/// How fast, and when it pauses by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkSettings {
    /// How many must succeed before the rest begins; none where this is 0.
    pub canary: i32,
    pub per_minute: i32,
    /// Pauses when so many of a hundred failed.
    pub stop_percent: i32,
}

impl Default for BulkSettings {
    fn default() -> Self {
        Self { canary: 3, per_minute: 30, stop_percent: 20 }
    }
}

/// A setting that makes no sense, with the field that holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number from {least} to {most}")]
pub struct InvalidBulkSetting {
    pub field: &'static str,
    least: i32,
    most: i32,
}

impl BulkSettings {
    /// Checks every setting.
    ///
    /// # Errors
    /// One for each that is out of its bounds.
    pub fn check(self) -> Result<(), Vec<InvalidBulkSetting>> {
        let bounds = [
            ("canary", self.canary, 0, MAX_CANARY),
            ("per_minute", self.per_minute, 1, MAX_PER_MINUTE),
            ("stop_percent", self.stop_percent, 1, 100),
        ];
        let wrong =
            bounds.into_iter().filter(|(_, value, least, most)| value < least || value > most);
        let wrong: Vec<_> = wrong
            .map(|(field, _, least, most)| InvalidBulkSetting { field, least, most })
            .collect();
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    /// How many may start by the pace, where `seconds_late` is how long ago the next one was to
    /// start; negative if that is to come.
    #[must_use]
    pub fn due(self, seconds_late: f64) -> i64 {
        #[expect(clippy::cast_possible_truncation, reason = "at most 600 a minute for 15 s")]
        let due = (self.caught_up(seconds_late) / self.apart()).floor() as i64 + 1;
        due.max(0)
    }

    /// In how many seconds the next one may start, once so many did.
    #[must_use]
    pub fn wait_after(self, starts: i64, seconds_late: f64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let starts = starts as f64;
        self.apart().mul_add(starts, -self.caught_up(seconds_late))
    }

    /// How late the next one is, by how long ago it was to start: the pace begins when the canary is over, so what that
    /// took is not caught up.
    #[must_use]
    pub fn late(self, counts: BulkCounts, seconds_late: f64) -> f64 {
        let canary = i64::from(self.canary);
        let is_canary = canary > 0 && counts.ended() + counts.started <= canary;
        if is_canary { seconds_late.min(0.0) } else { seconds_late }
    }

    /// Seconds between two starts.
    fn apart(self) -> f64 {
        60.0 / f64::from(self.per_minute.max(1))
    }

    fn caught_up(self, seconds_late: f64) -> f64 {
        seconds_late.min(CATCH_UP_SECONDS.max(self.apart()))
    }
}

/// How many incidents of a bulk reprocess are in each state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BulkCounts {
    pub waiting: i64,
    pub started: i64,
    pub succeeded: i64,
    pub failed: i64,
    pub skipped: i64,
}

impl BulkCounts {
    /// How many are in this state, to be set.
    pub const fn of_mut(&mut self, state: ItemState) -> &mut i64 {
        match state {
            ItemState::Waiting => &mut self.waiting,
            ItemState::Started => &mut self.started,
            ItemState::Succeeded => &mut self.succeeded,
            ItemState::Failed => &mut self.failed,
            ItemState::Skipped => &mut self.skipped,
        }
    }

    #[must_use]
    pub const fn ended(self) -> i64 {
        self.succeeded + self.failed
    }

    #[must_use]
    pub const fn total(self) -> i64 {
        self.waiting + self.started + self.succeeded + self.failed + self.skipped
    }
}

impl std::iter::Sum for BulkCounts {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            waiting: sum.waiting + one.waiting,
            started: sum.started + one.started,
            succeeded: sum.succeeded + one.succeeded,
            failed: sum.failed + one.failed,
            skipped: sum.skipped + one.skipped,
        })
    }
}

/// What had ended, and failed, when it was last resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SeenBefore {
    pub ended: i64,
    pub failed: i64,
}

/// What a bulk reprocess does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextStep {
    /// So many more start now, by the pace.
    Start(i64),
    /// So many more of the canary start now, whatever the pace is.
    StartCanary(i64),
    Wait,
    /// It pauses by itself: why.
    Pause(String),
    /// Nothing is left.
    End,
}

/// Judges what comes next, where the pace lets `due` start.
#[must_use]
pub fn judge(settings: BulkSettings, counts: BulkCounts, before: SeenBefore, due: i64) -> NextStep {
    let (failed, ended) = (counts.failed - before.failed, counts.ended() - before.ended);
    if counts.waiting == 0 && counts.started == 0 {
        return NextStep::End;
    }
    let (begun, canary) = (counts.ended() + counts.started, i64::from(settings.canary));
    if begun <= canary && canary > 0 {
        if failed > 0 {
            return NextStep::Pause(format!("{} of the first {begun} failed", counts.failed));
        }
        let missing = (canary - begun).min(counts.waiting);
        if missing > 0 {
            return NextStep::StartCanary(missing);
        }
        if counts.started > 0 {
            return NextStep::Wait;
        }
    }
    if failed > 0 && ended >= MIN_JUDGED && failed * 100 >= i64::from(settings.stop_percent) * ended
    {
        let since = if before.ended > 0 { " since it was resumed" } else { "" };
        return NextStep::Pause(format!("{failed} of {ended} failed{since}"));
    }
    match counts.waiting.min(due) {
        0 => NextStep::Wait,
        more => NextStep::Start(more),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: BulkSettings = BulkSettings { canary: 3, per_minute: 30, stop_percent: 20 };

    fn counts(waiting: i64, started: i64, succeeded: i64, failed: i64) -> BulkCounts {
        BulkCounts { waiting, started, succeeded, failed, skipped: 0 }
    }

    fn next(counts: BulkCounts, due: i64) -> NextStep {
        judge(SETTINGS, counts, SeenBefore::default(), due)
    }

    #[test]
    fn the_canary_starts_immediately_and_the_rest_waits_for_all_of_it() {
        assert_eq!(next(counts(10, 0, 0, 0), 1), NextStep::StartCanary(3));
        assert_eq!(next(counts(8, 1, 1, 0), 1), NextStep::StartCanary(1));
        assert_eq!(next(counts(7, 2, 1, 0), 9), NextStep::Wait);
        assert_eq!(next(counts(7, 0, 3, 0), 1), NextStep::Start(1));
        assert_eq!(next(counts(7, 0, 3, 0), 0), NextStep::Wait);
        assert_eq!(next(counts(6, 1, 3, 0), 4), NextStep::Start(4), "the canary is over");
        let none = BulkSettings { canary: 0, ..SETTINGS };
        assert_eq!(judge(none, counts(10, 0, 0, 0), SeenBefore::default(), 2), NextStep::Start(2));
    }

    #[test]
    fn one_failure_of_the_canary_pauses_and_who_resumes_has_seen_it() {
        let failed = counts(7, 1, 1, 1);
        assert_eq!(next(failed, 1), NextStep::Pause("1 of the first 3 failed".to_owned()));
        let seen = SeenBefore { ended: 2, failed: 1 };
        assert_eq!(judge(SETTINGS, failed, seen, 1), NextStep::Wait, "one of it still runs");
        assert_eq!(judge(SETTINGS, counts(7, 0, 2, 1), seen, 1), NextStep::Start(1));
        let all = NextStep::Pause("2 of the first 3 failed".to_owned());
        assert_eq!(judge(SETTINGS, counts(7, 0, 1, 2), seen, 1), all, "also what was seen");
    }

    #[test]
    fn a_share_of_failures_pauses_once_enough_have_ended() {
        assert_eq!(next(counts(5, 0, 3, 1), 1), NextStep::Start(1), "four say little");
        assert_eq!(next(counts(4, 0, 4, 1), 1), NextStep::Pause("1 of 5 failed".to_owned()));
        assert_eq!(next(counts(4, 0, 9, 2), 1), NextStep::Start(1), "18 of a hundred");
        let seen = SeenBefore { ended: 5, failed: 1 };
        assert_eq!(judge(SETTINGS, counts(4, 0, 4, 1), seen, 1), NextStep::Start(1));
        let again = NextStep::Pause("2 of 5 failed since it was resumed".to_owned());
        assert_eq!(judge(SETTINGS, counts(4, 0, 7, 3), seen, 1), again);
    }

    #[test]
    fn it_ends_when_nothing_waits_and_nothing_runs() {
        assert_eq!(next(counts(0, 1, 9, 0), 1), NextStep::Wait);
        assert_eq!(next(counts(0, 0, 9, 0), 1), NextStep::End);
        assert_eq!(next(BulkCounts { skipped: 3, ..counts(0, 0, 0, 0) }, 1), NextStep::End);
        assert_eq!(next(counts(0, 0, 1, 2), 1), NextStep::End, "a canary that was all of it");
        assert_eq!(next(counts(0, 1, 1, 0), 1), NextStep::Wait, "fewer than the canary");
    }

    #[test]
    fn the_pace_is_kept_and_an_outage_is_followed_by_no_burst() {
        let due = |settings: BulkSettings, late| {
            let due = settings.due(late);
            (due, settings.wait_after(due, late))
        };
        assert_eq!(due(SETTINGS, 0.0), (1, 2.0));
        assert_eq!(due(SETTINGS, -1.5), (0, 1.5));
        assert_eq!(due(SETTINGS, -3.0), (0, 3.0));
        assert_eq!(due(SETTINGS, 5.0), (3, 1.0));
        assert_eq!(due(SETTINGS, 3_600.0), due(SETTINGS, 15.0));
        let slow = BulkSettings { per_minute: 1, ..SETTINGS };
        assert_eq!(due(slow, 3_600.0), (2, 60.0), "the one that was due, and the next");
    }

    #[test]
    fn what_the_canary_took_is_not_caught_up() {
        let due = |settings: BulkSettings, counts, late| settings.due(settings.late(counts, late));
        assert_eq!(due(SETTINGS, counts(7, 1, 2, 0), 40.0), 1);
        assert_eq!(due(SETTINGS, counts(7, 0, 3, 0), 40.0), 1, "all of it succeeded");
        assert_eq!(due(SETTINGS, counts(6, 1, 3, 0), 40.0), 8, "the rest has begun");
        assert_eq!(due(SETTINGS, counts(7, 0, 3, 0), -1.5), 0);
        let none = BulkSettings { canary: 0, ..SETTINGS };
        assert_eq!(due(none, counts(10, 0, 0, 0), 40.0), 8);
    }

    #[test]
    fn several_are_as_far_as_the_one_that_is_not_over() {
        use BulkState::{Canceled, Done, Paused, Preview, Running};
        for (states, expected) in [
            (&[Preview, Preview][..], Preview),
            (&[Preview, Running], Running),
            (&[Done, Paused, Running], Running),
            (&[Done, Paused], Paused),
            (&[Done, Canceled, Preview], Canceled),
            (&[Preview, Done], Done),
            (&[], Preview),
        ] {
            assert_eq!(BulkState::of_set(states), expected, "{states:?}");
        }
        let sum: BulkCounts = [counts(1, 2, 3, 4), counts(5, 0, 0, 1)].into_iter().sum();
        assert_eq!(sum, counts(6, 2, 3, 5));
    }

    #[test]
    fn settings_out_of_their_bounds_are_named() {
        assert_eq!(BulkSettings::default().check(), Ok(()));
        let wrong = BulkSettings { canary: -1, per_minute: 601, stop_percent: 0 };
        let fields = wrong.check().expect_err("wrong");
        let told: Vec<_> = fields.iter().map(|it| (it.field, it.to_string())).collect();
        assert_eq!(told[1], ("per_minute", "must be a whole number from 1 to 600".to_owned()));
        assert_eq!(told.len(), 3);
    }
}
