//! What a project's own weeks show.

use e2e::{World, run};

use super::{PAID, expect, look, open, receive, receive_hourly, silent};

/// The same hours of so many weeks before.
async fn weeks(
    world: &e2e::World,
    weeks: std::ops::RangeInclusive<i32>,
    hours: std::ops::RangeInclusive<i32>,
    receipts: i64,
) {
    for week in weeks {
        let before = week * 7 * 24;
        receive_hourly(world, PAID, before + hours.start()..=before + hours.end(), receipts).await;
    }
}

#[test]
fn learned_notices_busy_hours_that_stay_empty_and_says_what_is_usual() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        expect(&world, "learned").await;
        weeks(&world, 1..=5, 1..=4, 12).await;
        receive(&world, PAID, "5 hours").await;
        assert_eq!(look(&world).await, 1);
        let silence = open(&world).await.remove(0);
        assert_eq!(
            (silence.event_type, silence.usual.to_string().as_str()),
            (None, "usually 12 an hour")
        );
        let mails = world.mailbox.wait_for(1).await;
        let text = mails[0].replace("=\r\n", "");
        assert!(text.contains("usually 12 an hour"), "{text}");
    });
}

#[test]
fn learned_expects_nothing_in_hours_that_are_always_empty() {
    run(async {
        let world = World::start_without_worker().await;
        expect(&world, "learned").await;
        weeks(&world, 1..=5, 9..=14, 12).await;
        receive(&world, PAID, "8 hours").await;
        look(&world).await;
        assert_eq!(silent(&world).await, [], "it is night");
    });
}

#[test]
fn learned_expects_nothing_before_four_weeks_are_known() {
    run(async {
        let world = World::start_without_worker().await;
        expect(&world, "learned").await;
        weeks(&world, 1..=3, 1..=4, 12).await;
        receive(&world, PAID, "5 hours").await;
        look(&world).await;
        assert_eq!(silent(&world).await, []);
        weeks(&world, 5..=5, 1..=4, 12).await;
        look(&world).await;
        assert_eq!(silent(&world).await, [None], "the fourth was a holiday");
    });
}
