//! How much goes to one destination at a time, and that it keeps no other waiting.

use std::time::Duration;

use activities::waiting;
use domain::ids::{AlertId, EventId};
use e2e::world::{BOB, receipt};
use e2e::{World, run};
use serde_json::json;
use store::alert_claims::{AlertClaim, claim_alert};
use store::destination_health;
use store::destinations::{Target, list_destinations};

use super::{change, fail_many, pass};

async fn pending(world: &World, event_id: EventId) -> Vec<AlertId> {
    store::alerts::list_pending(&world.pool, event_id).await.expect("a list")
}

/// An incident whose alert nobody has seen to yet.
async fn opened(world: &World, provider_event_id: &str, code: &str) -> AlertId {
    let event_id = world.receipt(provider_event_id).await;
    world.result(event_id, "failed", json!({ "error_code": code })).await;
    pending(world, event_id).await.remove(0)
}

/// What a worker decides about an alert when its turn comes.
async fn claim(world: &World, id: AlertId) -> &'static str {
    let mut tx = world.pool.begin().await.expect("a transaction");
    let claimed = claim_alert(&mut tx, id).await.expect("a database");
    tx.commit().await.expect("a commit");
    match claimed {
        AlertClaim::Send(_) => "sends",
        AlertClaim::Folded(_) => "leaves it to its cause",
        AlertClaim::Paced => "waits for a second",
        AlertClaim::LeftAlone => "waits",
        AlertClaim::Held => "is held back",
        AlertClaim::Ended
        | AlertClaim::Busy
        | AlertClaim::GiveUp(..)
        | AlertClaim::Supersede(_) => "ends",
    }
}

/// The one alert of charlie's project, whose incident opened after all of alice's.
async fn of_charlie(world: &World, target: &Target, shown: &str) -> AlertId {
    let (id, key) = world.add_project("CometCart").await;
    world.add_destination_to(id, target, shown).await;
    let (_, taken) = world.post_as(&key, "/api/v1/receipt", &receipt("evt_c"), "1").await;
    let event_id: EventId = taken["event_id"].as_str().and_then(|id| id.parse().ok()).expect("one");
    let failed = json!({ "event_id": event_id, "status": "failed" });
    let (status, _) = world.post_as(&key, "/api/v1/result", &failed, "2").await;
    assert_eq!(status, 202);
    pending(world, event_id).await.remove(0)
}

fn count(decided: &[&str], what: &str) -> usize {
    decided.iter().filter(|one| **one == what).count()
}

#[test]
fn a_flood_of_one_project_keeps_no_alert_of_another_waiting() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        let mut flood = Vec::new();
        for number in 0..60 {
            let code = if number % 2 == 0 { "db_write_failed" } else { "timeout" };
            flood.push(opened(&world, &format!("evt_{number}"), code).await);
        }
        let other = of_charlie(&world, &Target::Email(BOB.to_owned()), BOB).await;
        let mut decided = Vec::new();
        for id in &flood[..20] {
            decided.push(claim(&world, *id).await);
        }
        assert_eq!(count(&decided, "sends"), 2, "one of each cause");
        assert_eq!(count(&decided, "leaves it to its cause"), 18);
        assert_eq!(claim(&world, other).await, "sends");

        change(&world, "UPDATE destinations SET every_incident = true").await;
        let mut decided = Vec::new();
        for id in &flood[20..] {
            decided.push(claim(&world, *id).await);
        }
        assert_eq!(count(&decided, "sends"), 14, "16 are under way");
        assert_eq!(count(&decided, "waits"), 26);
    });
}

#[test]
fn slack_gets_a_message_a_second_and_mail_as_many_as_there_are() {
    run(async {
        let world = World::start_without_worker().await;
        let slack = world.alert_slack().await;
        let (first, second) =
            (opened(&world, "evt_1", "a").await, opened(&world, "evt_2", "b").await);
        assert_eq!(claim(&world, first).await, "sends");
        assert_eq!(claim(&world, second).await, "waits for a second");
        change(&world, "UPDATE destinations SET next_send_at = clock_timestamp()").await;
        assert_eq!(claim(&world, second).await, "sends");
        let third = opened(&world, "evt_3", "c").await;
        activities::alerts::deliver(&world.deps(), third).await.expect("a database");
        assert_eq!(slack.received().len(), 1, "it waited for its turn");
    });
}

/// Sixty more destinations that lead where charlie's does, each with an alert that waits.
const CROWD: &str = "
    INSERT INTO destinations SELECT (jsonb_populate_record(d, jsonb_build_object('id', md5('d' || n)::uuid))).*
    FROM destinations d CROSS JOIN generate_series(1, 60) AS n WHERE d.next_send_at IS NULL;
    INSERT INTO alerts SELECT (jsonb_populate_record(a, jsonb_build_object('id', md5('a' || n)::uuid, 'destination_id', md5('d' || n)::uuid))).*
    FROM alerts a JOIN destinations d ON d.id = a.destination_id CROSS JOIN generate_series(1, 60) AS n
    WHERE d.next_send_at IS NULL";

/// Moves the moment of the next message for each destination that got one.
async fn next_in(world: &World, interval: &str) {
    let next = format!(
        "UPDATE destinations SET next_send_at = clock_timestamp() + interval '{interval}' WHERE next_send_at IS NOT NULL"
    );
    change(world, &next).await;
}

#[test]
fn a_database_whose_clock_was_set_back_keeps_no_message_from_a_channel() {
    run(async {
        let world = World::start_without_worker().await;
        let _slack = world.alert_slack().await;
        let (first, second) =
            (opened(&world, "evt_1", "a").await, opened(&world, "evt_2", "b").await);
        assert_eq!(claim(&world, first).await, "sends");
        next_in(&world, "2 hours").await;
        assert_eq!(claim(&world, second).await, "sends");
    });
}

#[test]
fn two_projects_in_one_channel_take_turns() {
    run(async {
        let world = World::start_without_worker().await;
        let slack = world.alert_slack().await;
        let (first, second) =
            (opened(&world, "evt_1", "a").await, opened(&world, "evt_2", "b").await);
        let target = Target::Slack(slack.url().to_owned());
        let charlie = of_charlie(&world, &target, "127.0.0.1").await;
        assert_eq!(claim(&world, first).await, "sends");
        next_in(&world, "1 minute").await;
        assert_eq!(claim(&world, charlie).await, "waits for a second", "Slack counts both");

        // So many wait that what happens here takes no second of their turns.
        change(&world, CROWD).await;
        next_in(&world, "0 seconds").await;
        assert_eq!(claim(&world, second).await, "waits for a second", "it lets others pass");
        assert_eq!(claim(&world, charlie).await, "sends");
        next_in(&world, "-2 minutes").await;
        assert_eq!(claim(&world, second).await, "sends");
        next_in(&world, "1 minute").await;
        let elsewhere = Target::Slack(format!("{}other", slack.url()));
        let other = of_charlie(&world, &elsewhere, "127.0.0.1").await;
        assert_eq!(claim(&world, other).await, "sends", "another channel");
    });
}

#[test]
fn what_slack_asks_of_one_holds_for_its_channel_and_old_rows_learn_where_they_lead() {
    run(async {
        let world = World::start_without_worker().await;
        let slack = world.alert_slack().await;
        let target = Target::Slack(slack.url().to_owned());
        let charlie = of_charlie(&world, &target, "127.0.0.1").await;
        let own = list_destinations(&world.pool, Some(world.project.id)).await.expect("a list");
        let asked = Some(Duration::from_mins(1));
        destination_health::note_failure(&world.pool, own[0].id, 0, asked, "ratelimited")
            .await
            .expect("a database");
        assert_eq!(claim(&world, charlie).await, "waits");

        change(&world, "UPDATE destinations SET paced_by = NULL").await;
        activities::alerts::deliver(&world.deps(), charlie).await.expect("a database");
        assert_eq!(slack.received().len(), 1, "a row of the release before is paced alone");
        let known = "SELECT count(*) FROM destinations WHERE paced_by IS NOT NULL";
        let known: i64 = sqlx::query_scalar(known).fetch_one(&world.pool).await.expect("a count");
        assert_eq!(known, 1, "from its first message on it is known where it leads");
    });
}

#[test]
fn mails_wait_for_no_pace() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        for code in ["a", "b", "c"] {
            let id = opened(&world, &format!("evt_{code}"), code).await;
            assert_eq!(claim(&world, id).await, "sends");
        }
    });
}

#[test]
fn a_project_whose_rules_cannot_be_read_keeps_no_message_of_another_waiting() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        fail_many(&world, 0..10).await;
        let later = "INSERT INTO alert_rules (project_id, quiet_hours, remind_every)
            SELECT id, '22:00-07:00 Mars/Olympus', 30 FROM projects;
            INSERT INTO alert_holds (id, project_id, destination_id, reason)
            SELECT gen_random_uuid(), project_id, id, 'quiet_hours' FROM destinations";
        change(&world, later).await;
        let charlie = of_charlie(&world, &Target::Email(BOB.to_owned()), BOB).await;
        pass(&world, "1 minute").await;
        let deps = world.deps();
        let listed = waiting::list_destinations(&deps).await.expect("a list");
        for id in listed {
            // The project's own messages wait until its rules can be read.
            let _own = waiting::send_to(&deps, id, Duration::ZERO).await;
        }
        assert_eq!(claim(&world, charlie).await, "ends", "it was sent");
        activities::notices::enqueue_due(&deps).await.expect("reminders of others");
    });
}
