//! Outages of our own API, and what they mean for deadlines.
//!
//! While no API takes requests, an app cannot report, so what falls due then says nothing about the
//! app. Each API says every [`BEAT`] that it takes requests, whatever became of the others; a gap of
//! [`OUTAGE`] between two such heartbeats is an outage. It is followed by a grace as long as the gap,
//! within [`SHORTEST_GRACE`] and [`LONGEST_GRACE`], in which apps catch up. A deadline in the outage
//! or in its grace is judged when the grace ends. The deadline itself does not move.
//!
//! Whoever judges may be the first to notice: while the gap lasts nothing is due, and the earliest
//! end of its grace grows with it. An API that never returns keeps nothing from being judged for
//! longer than [`LONGEST_WAIT`] after the gap was noticed. A worker that is late needs no grace: what
//! counts is when something was due, not when that was looked at.

use time::{Duration, OffsetDateTime};

/// How often an API says that it takes requests.
pub const BEAT: Duration = Duration::seconds(5);
/// From this gap between two heartbeats on it is an outage.
pub const OUTAGE: Duration = Duration::seconds(15);
/// The shortest grace.
pub const SHORTEST_GRACE: Duration = Duration::minutes(1);
/// The longest grace.
pub const LONGEST_GRACE: Duration = Duration::minutes(30);
/// How long a deadline may wait for an outage that lasts, or for outages that follow each other.
pub const LONGEST_WAIT: Duration = Duration::hours(6);
/// A heartbeat that is older is missing: what is due now waits to see whether it is an outage.
pub const MISSING: Duration = Duration::seconds(8);
/// How soon it is looked again then.
const LOOK_AGAIN: Duration = Duration::seconds(5);

/// The grace after a gap between two heartbeats; `None` where that is no outage.
#[must_use]
pub fn grace(gap: Duration) -> Option<Duration> {
    (gap >= OUTAGE).then(|| gap.clamp(SHORTEST_GRACE, LONGEST_GRACE))
}

/// The newest heartbeat of all APIs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heartbeat {
    pub beat_at: OffsetDateTime,
    /// Whether the API that wrote it has ended in order since.
    pub ended: bool,
    /// Where the gap since is noted as an outage: until when a deadline waits for its end.
    pub latest_at: Option<OffsetDateTime>,
}

/// A deadline, and when it is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    pub due_at: OffsetDateTime,
    /// When it is judged, or looked at again: `due_at` where no outage touches it.
    pub judged_at: OffsetDateTime,
}

impl Deadline {
    /// A deadline that no outage touches.
    #[must_use]
    pub const fn undisturbed(due_at: OffsetDateTime) -> Self {
        Self { due_at, judged_at: due_at }
    }

    /// When a deadline that has passed is judged. `after_outages` is when the noted outages that are
    /// over let it be judged, if one of them touches it.
    #[must_use]
    pub fn passed(
        due_at: OffsetDateTime,
        after_outages: Option<OffsetDateTime>,
        heartbeat: Option<Heartbeat>,
        now: OffsetDateTime,
    ) -> Self {
        let judged_at = after_outages.map_or(due_at, |after| after.max(due_at));
        let in_gap = heartbeat.filter(|newest| judged_at >= newest.beat_at);
        let open_until = in_gap.and_then(|newest| newest.open_until(now));
        Self { due_at, judged_at: open_until.map_or(judged_at, |until| judged_at.max(until)) }
    }

    /// How many seconds after it was due it is judged, a part counting whole.
    #[must_use]
    pub fn grace_seconds(&self) -> Option<i32> {
        let later = (self.judged_at - self.due_at).whole_milliseconds();
        let seconds = (later + 999) / 1_000;
        (later > 0).then(|| i32::try_from(seconds).unwrap_or(i32::MAX))
    }
}

impl Heartbeat {
    /// Until when at least nothing that falls due after this heartbeat is judged; `None` where it is
    /// young enough.
    fn open_until(&self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        let gap = now - self.beat_at;
        match grace(gap) {
            Some(grace) => {
                let until = now + grace;
                Some(self.latest_at.map_or(until, |latest| latest.min(until)))
            }
            None if gap >= MISSING || self.ended => {
                Some((self.beat_at + OUTAGE).min(now + LOOK_AGAIN))
            }
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-21 14:32:09 UTC);

    fn ago(seconds: i64) -> OffsetDateTime {
        NOW - Duration::seconds(seconds)
    }

    fn beat(seconds_ago: i64) -> Heartbeat {
        Heartbeat { beat_at: ago(seconds_ago), ended: false, latest_at: None }
    }

    /// How many seconds from now a deadline is judged that passed so many seconds ago.
    fn judged_in(due_ago: i64, heartbeat: impl Into<Option<Heartbeat>>) -> i64 {
        let deadline = Deadline::passed(ago(due_ago), None, heartbeat.into(), NOW);
        (deadline.judged_at - NOW).whole_seconds()
    }

    #[test]
    fn a_grace_is_as_long_as_its_gap_from_one_minute_to_thirty() {
        for (gap, wanted) in [
            (0, None),
            (14, None),
            (15, Some(60)),
            (60, Some(60)),
            (61, Some(61)),
            (1_800, Some(1_800)),
            (86_400, Some(1_800)),
        ] {
            let grace = grace(Duration::seconds(gap)).map(Duration::whole_seconds);
            assert_eq!(grace, wanted, "{gap}");
        }
    }

    #[test]
    fn while_apis_beat_or_before_any_ever_did_a_deadline_is_judged_when_it_is_due() {
        for heartbeat in [None, Some(beat(0)), Some(beat(5)), Some(beat(7))] {
            for due_ago in [0, 3, 600] {
                assert_eq!(judged_in(due_ago, heartbeat), -due_ago, "{heartbeat:?}");
            }
        }
    }

    #[test]
    fn a_gap_that_lasts_keeps_what_fell_into_it_and_nothing_of_before() {
        for (gap, due_ago, wanted) in [
            (8, 0, 5),
            (8, 8, 5),
            (12, 1, 3),
            (14, 0, 1),
            (15, 0, 60),
            (20, 20, 60),
            (20, 21, -21),
            (600, 10, 600),
            (7_200, 7_000, 1_800),
            (7_200, 7_300, -7_300),
        ] {
            assert_eq!(judged_in(due_ago, beat(gap)), wanted, "{gap} {due_ago}");
        }
    }

    #[test]
    fn an_api_that_ended_in_order_is_waited_for_from_then_on() {
        let ended = |seconds| Heartbeat { ended: true, ..beat(seconds) };
        assert_eq!(judged_in(0, ended(0)), 5);
        assert_eq!(judged_in(0, ended(13)), 2);
        assert_eq!(judged_in(1, ended(0)), -1, "it was due before");
    }

    #[test]
    fn an_api_that_never_returns_is_not_waited_for_for_ever() {
        let noticed = |latest| Heartbeat { latest_at: Some(ago(latest)), ..beat(50_000) };
        assert_eq!(judged_in(40_000, noticed(-20)), 20, "soon");
        let over = Deadline::passed(ago(40_000), None, Some(noticed(100)), NOW);
        assert_eq!((over.judged_at, over.grace_seconds()), (ago(100), Some(39_900)));
        let later = Deadline::passed(ago(50), None, Some(noticed(100)), NOW);
        assert_eq!(later, Deadline::undisturbed(ago(50)));
    }

    #[test]
    fn an_outage_that_is_over_is_followed_by_its_grace_and_by_the_next_outage() {
        let until = |seconds: i64| Some(NOW + Duration::seconds(seconds));
        let judged =
            |after, heartbeat| Deadline::passed(ago(90), after, Some(heartbeat), NOW).judged_at;
        assert_eq!(judged(until(30), beat(2)), NOW + Duration::seconds(30));
        assert_eq!(judged(until(-30), beat(2)), ago(30));
        assert_eq!(judged(until(-30), beat(20)), ago(30), "it was due before that gap");
        assert_eq!(judged(until(-10), beat(20)), NOW + Duration::seconds(60));
        assert_eq!(judged(until(600), beat(20)), NOW + Duration::seconds(600));
    }

    #[test]
    fn a_part_of_a_second_counts_whole_and_none_is_none() {
        let later = |milliseconds| Deadline {
            due_at: NOW,
            judged_at: NOW + Duration::milliseconds(milliseconds),
        };
        assert_eq!(Deadline::undisturbed(NOW).grace_seconds(), None);
        assert_eq!(later(1).grace_seconds(), Some(1));
        assert_eq!(later(60_000).grace_seconds(), Some(60));
        assert_eq!(later(60_001).grace_seconds(), Some(61));
    }

    proptest! {
        /// What is looked at when it was said to be judged is judged then, or the gap lasts.
        #[test]
        fn no_deadline_is_judged_before_it_is_due_nor_looked_at_in_a_hurry(
            gap in 0_i64..100_000, due_ago in 0_i64..100_000, ended in any::<bool>(),
        ) {
            let heartbeat = Heartbeat { ended, ..beat(gap) };
            let deadline = Deadline::passed(ago(due_ago), None, Some(heartbeat), NOW);
            prop_assert!(deadline.judged_at >= deadline.due_at);
            let wait = deadline.judged_at - NOW;
            prop_assert!(wait <= LONGEST_GRACE);
            prop_assert!(wait <= Duration::ZERO || wait >= Duration::SECOND);
        }
    }
}
