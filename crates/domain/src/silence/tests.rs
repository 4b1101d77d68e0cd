use proptest::prelude::*;
use time::macros::datetime;

use super::*;

/// A Thursday, half past two in the afternoon.
const NOW: OffsetDateTime = datetime!(2026-11-26 14:30 UTC);

fn ago(hours: i64) -> OffsetDateTime {
    NOW - Duration::hours(hours)
}

/// Counts of so many weeks up to the hour of the newest receipt, as the hour of the day and the week
/// before now have it.
fn history(
    weeks: i64,
    last_at: OffsetDateTime,
    count: impl Fn(u8, i64) -> i64,
) -> BTreeMap<OffsetDateTime, i64> {
    let hours = (0..weeks * 7 * 24).map(|n| hour_of(NOW) - Duration::hours(n));
    let hours = hours.filter(|hour| *hour <= last_at);
    let counted = hours.map(|hour| (hour, count(hour.hour(), (NOW - hour).whole_weeks())));
    counted.filter(|(_, count)| *count > 0).collect()
}

fn flow(last_at: OffsetDateTime, hours: &BTreeMap<OffsetDateTime, i64>) -> Flow<'_> {
    Flow { is_whole: false, last_at, quiet_since: last_at, hours, interruptions: &[] }
}

fn learned(last_at: OffsetDateTime, hours: &BTreeMap<OffsetDateTime, i64>) -> Option<Usual> {
    ExpectedReceipts::Learned.judge(&flow(last_at, hours), NOW)
}

fn within(hours: i32) -> ExpectedReceipts {
    ExpectedReceipts::Within(ExpectedHours::new(hours).expect("hours"))
}

/// Open from nine to half past six or so.
fn by_day(hour: u8) -> i64 {
    if (9..19).contains(&hour) { 12 } else { 0 }
}

#[test]
fn a_project_is_silent_when_the_hours_are_over_however_it_was_before() {
    let nothing = BTreeMap::new();
    for (hours, passed, silent) in [(1, 1, true), (2, 1, false), (6, 6, true), (720, 719, false)] {
        let whole = Flow { is_whole: true, ..flow(ago(passed), &nothing) };
        let usual = within(hours).judge(&whole, NOW);
        assert_eq!(usual.is_some(), silent, "{hours} {passed}");
    }
    let whole = Flow { is_whole: true, ..flow(ago(10_000), &nothing) };
    assert_eq!(ExpectedReceipts::Off.judge(&whole, NOW), None);
}

#[test]
fn an_event_type_is_judged_by_hours_that_it_has_kept_to_for_a_week() {
    let silent = |last_at, hours: &BTreeMap<_, _>, n| within(n).judge(&flow(last_at, hours), NOW);
    let steady = history(3, ago(3), |_, _| 1);
    assert_eq!(
        silent(ago(3), &steady, 3).map(|usual| usual.to_string()).as_deref(),
        Some("at least one every 3 hours")
    );
    assert_eq!(silent(ago(3), &steady, 4), None, "not yet");
    let rare = history(3, ago(30), |hour, _| i64::from(hour == 8));
    assert_eq!(silent(ago(30), &rare, 6), None, "it never kept to that");
    assert!(silent(ago(30), &rare, 24).is_some());
    let young = history(1, ago(3), |_, _| 1);
    assert_eq!(silent(ago(3), &young, 3), None, "no week is known");
    assert_eq!(silent(ago(192), &history(8, ago(192), |_, _| 1), 192), None, "eight days or more");
    assert_eq!(silent(ago(3), &BTreeMap::new(), 3), None);
}

#[test]
fn one_pause_of_the_last_week_is_forgiven_and_two_are_not() {
    let mut hours = history(3, ago(3), |_, _| 1);
    let mut pause = |day: i64| {
        let from = hour_of(NOW) - Duration::days(day);
        hours.retain(|hour, _| *hour < from || *hour > from + Duration::hours(5));
        within(3).judge(&flow(ago(3), &hours), NOW).is_some()
    };
    assert!(pause(9), "it is over");
    assert!(pause(5));
    assert!(!pause(3));
}

#[test]
fn learned_is_silent_after_two_busy_hours_without_twelve_receipts() {
    let last_at = datetime!(2026-11-26 11:58 UTC);
    let hours = history(6, last_at, |hour, _| by_day(hour));
    assert_eq!(learned(last_at, &hours), Some(Usual::PerHour(12)));
    let last_at = datetime!(2026-11-26 12:00:01 UTC);
    assert_eq!(learned(last_at, &hours), None, "one whole hour went by");
    let slow = history(6, ago(10), |_, _| 1);
    assert_eq!(learned(ago(10), &slow), None, "nine are missing");
    let slow = history(6, ago(13), |_, _| 1);
    assert_eq!(learned(ago(13), &slow), Some(Usual::PerHour(1)));
}

#[test]
fn learned_expects_nothing_at_night() {
    let evening = datetime!(2026-11-25 18:59 UTC);
    let hours = history(6, evening, |hour, _| by_day(hour));
    let at = |now| ExpectedReceipts::Learned.judge(&flow(evening, &hours), now);
    for hour in 0..10 {
        assert_eq!(at(datetime!(2026-11-26 00:59 UTC) + Duration::hours(hour)), None, "{hour}");
    }
    assert_eq!(at(datetime!(2026-11-26 11:00 UTC)), Some(Usual::PerHour(12)));
}

#[test]
fn an_hour_is_busy_where_it_was_in_three_of_its_last_four_weeks() {
    let last_at = ago(20);
    let in_weeks = |weeks: &'static [i64]| {
        let hours = history(
            7,
            last_at,
            move |_, week| {
                if weeks.contains(&week) || week > 4 { 5 } else { 0 }
            },
        );
        learned(last_at, &hours)
    };
    assert_eq!(in_weeks(&[0, 1, 2, 3, 4]), Some(Usual::PerHour(5)));
    assert_eq!(in_weeks(&[0, 1, 3, 4]), Some(Usual::PerHour(5)), "one was a holiday");
    assert_eq!(in_weeks(&[0, 3, 4]), None);
}

#[test]
fn one_loud_week_makes_no_expectation() {
    let last_at = ago(20);
    let hours = history(6, last_at, |_, week| if week == 2 { 1_000 } else { 0 });
    assert_eq!(learned(last_at, &hours), None);
    let hours = history(6, last_at, |_, week| if week == 2 { 1_000 } else { 2 });
    assert_eq!(learned(last_at, &hours), Some(Usual::PerHour(2)));
}

#[test]
fn before_four_whole_weeks_are_known_nothing_is_expected() {
    let last_at = ago(5);
    assert_eq!(learned(last_at, &history(4, last_at, |_, _| 50)), None);
    assert_eq!(learned(last_at, &history(5, last_at, |_, _| 50)), Some(Usual::PerHour(50)));
    assert_eq!(learned(last_at, &BTreeMap::new()), None);
}

#[test]
fn what_stopped_weeks_ago_is_not_missed_today() {
    let stopped = |days: i64| learned(ago(24 * days), &history(8, ago(24 * days), |_, _| 50));
    assert!(stopped(6).is_some());
    assert_eq!(stopped(22), None);
}

#[test]
fn an_outage_and_its_grace_count_for_nothing() {
    let hours = history(6, ago(4), |_, _| 12);
    let interrupted = |began_ago: i64, until_ago: i64| Interruption {
        began_at: NOW - Duration::minutes(began_ago),
        until: NOW - Duration::minutes(until_ago),
    };
    let judged = |expected: ExpectedReceipts, interruptions: &[Interruption]| {
        let whole = Flow { is_whole: true, interruptions, ..flow(ago(4), &hours) };
        expected.judge(&whole, NOW).is_some()
    };
    let all = [interrupted(240, 120), interrupted(180, 60)];
    assert!(judged(within(4), &[]) && judged(ExpectedReceipts::Learned, &[]));
    assert!(judged(within(1), &all) && !judged(within(2), &all), "one hour is left");
    assert!(!judged(ExpectedReceipts::Learned, &all));
    let brief = [interrupted(50, 49)];
    assert!(judged(ExpectedReceipts::Learned, &brief), "the hours before are enough");
    assert!(!judged(within(4), &brief), "a minute is missing");
    assert!(judged(within(4), &[interrupted(500, 300)]), "it was before");
}

#[test]
fn event_types_have_their_time_again_after_a_silence_of_the_project() {
    let hours = history(6, ago(9), |_, _| 12);
    let again = |hours_ago: i64| Flow { quiet_since: ago(hours_ago), ..flow(ago(9), &hours) };
    for expected in [within(3), ExpectedReceipts::Learned] {
        assert!(expected.judge(&again(9), NOW).is_some());
        assert!(expected.judge(&again(4), NOW).is_some());
        assert!(expected.judge(&again(1), NOW).is_none());
    }
}

#[test]
fn a_flow_is_named_by_its_event_type() {
    assert_eq!(describe_flow(Some("invoice.paid")), "receipts of invoice.paid");
    assert_eq!(describe_flow(None), "receipts");
    assert_eq!(Usual::PerHour(12).to_string(), "usually 12 an hour");
}

proptest! {
    /// What a store looks at no earlier than `soonest` is found no later than without that.
    #[test]
    fn nothing_is_silent_before_its_soonest(
        hours in 1_i32..=720, minutes in 0_i64..50_000, whole in any::<bool>(), rate in 1_i64..100,
    ) {
        let last_at = NOW - Duration::minutes(minutes);
        let counts = history(7, last_at, |_, _| rate);
        let flow = Flow { is_whole: whole, ..flow(last_at, &counts) };
        for expected in [within(hours), ExpectedReceipts::Learned] {
            if expected.judge(&flow, NOW).is_some() {
                prop_assert!(expected.soonest().is_some_and(|soonest| NOW - last_at >= soonest));
            }
        }
    }
}
