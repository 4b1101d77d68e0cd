//! Since when a destination fails, as console, command line, health and metrics tell it.

use activities::test_message::send_test_message;
use domain::audit::Actor;
use e2e::{World, run};
use serde_json::json;

use super::{destinations, failed, states};

#[test]
#[expect(clippy::too_many_lines, reason = "one story, to be read as a whole")]
fn a_destination_fails_from_its_first_failure_until_it_takes_a_message_whatever_time_passes() {
    run(async {
        let world = World::start_without_worker().await;
        let slack = world.alert_slack().await;
        let list = async || {
            let (code, list) = world.cli(&["destination", "list"]).await.expect("a command");
            assert_eq!(code, 0, "{list}");
            list["data"][0].clone()
        };
        let works = list().await;
        assert_eq!((&works["failing_since"], &works["failed_attempts"]), (&json!(null), &json!(0)));
        slack.respond_with(&[500, 503]);
        let event_id = failed(&world, "evt_1").await;
        world.deliver_alerts(&[event_id]).await;
        let first = list().await;
        assert!(first["failing_since"].is_string(), "{first}");
        assert_eq!(first["failed_attempts"], 1);
        assert!(first["last_answer"].as_str().expect("why").contains("500"), "{first}");

        world.age_alerts("31 seconds").await;
        world.send_waiting().await;
        // A pause that is over makes nothing work again.
        world.age_alerts("2 hours").await;
        let second = list().await;
        assert_eq!(second["failing_since"], first["failing_since"]);
        assert_eq!(second["failed_attempts"], 2);
        assert!(second["last_answer"].as_str().expect("why").contains("503"), "{second}");
        let work = store::health::read_work(&world.pool).await.expect("a health");
        assert_eq!(work.failing_destinations, 1);
        assert!(work.failing_for.is_some());
        let failing = store::gauges::list_failing_destinations(&world.pool).await.expect("gauges");
        let [slack_fails] = failing.as_slice() else { panic!("{failing:?}") };
        assert_eq!(slack_fails.kind, "slack");
        sqlx::query("UPDATE destinations SET failing_since = now() - interval '47 minutes'")
            .execute(&world.pool)
            .await
            .expect("an older failure");
        let failing = store::gauges::list_failing_destinations(&world.pool).await.expect("gauges");
        assert!((2_820..2_880).contains(&failing[0].seconds), "{failing:?}");

        world.send_waiting().await;
        assert_eq!(states(&world).await, ["incident_opened delivered"]);
        let works = list().await;
        assert_eq!(
            (&works["failing_since"], &works["failed_attempts"], &works["last_answer"]),
            (&json!(null), &json!(0), &json!(null))
        );
        let failing = store::gauges::list_failing_destinations(&world.pool).await.expect("gauges");
        assert_eq!(failing[0].seconds, 0);
    });
}

#[test]
fn one_failure_after_which_nothing_was_tried_pages_nobody() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_slack().await;
        // A test message counts no failure; of one alert the next attempt is left out where it is out of date by then.
        for (failures, fails) in [(0, false), (1, false), (2, true)] {
            sqlx::query(
                "UPDATE destinations SET failing_since = now() - interval '1 hour', failures = $1",
            )
            .bind(failures)
            .execute(&world.pool)
            .await
            .expect("a destination that failed");
            let failing =
                store::gauges::list_failing_destinations(&world.pool).await.expect("gauges");
            assert_eq!(failing[0].seconds >= 3_600, fails, "{failures}: {failing:?}");
        }
    });
}

#[test]
fn what_a_destination_answered_is_told_to_others_where_test_messages_broke_it() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        let slack = world.alert_slack().await;
        slack.respond_with(&[404, 404]);
        let id = destinations(&world).await[1].id;
        for _ in 0..2 {
            let tested = send_test_message(&world.deps(), id, &Actor::System).await;
            assert!(tested.expect("a database").expect("a destination").outcome.is_err());
            world.age_alerts("11 minutes").await;
        }
        assert_eq!(world.send_notices().await, 1);
        let mail = world.mailbox.mails().remove(0).replace("=\r\n", "");
        assert!(mail.contains("It answered: 404 answer 404."), "{mail}");
    });
}
