//! How much goes to one destination at a time, and that it keeps no other waiting.

use domain::ids::{AlertId, EventId};
use e2e::world::{BOB, receipt};
use e2e::{World, run};
use serde_json::json;
use store::alert_claims::{AlertClaim, claim_alert};
use store::destinations::Target;

use super::{alert_slack, change, world};

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
async fn of_charlie(world: &World) -> AlertId {
    let (id, key) = world.add_project("CometCart").await;
    world.add_destination_to(id, &Target::Email(BOB.to_owned()), BOB).await;
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
        let world = world().await;
        world.alert_bob().await;
        let mut flood = Vec::new();
        for number in 0..60 {
            let code = if number % 2 == 0 { "db_write_failed" } else { "timeout" };
            flood.push(opened(&world, &format!("evt_{number}"), code).await);
        }
        let other = of_charlie(&world).await;
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
        let world = world().await;
        let slack = alert_slack(&world).await;
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

#[test]
fn mails_wait_for_no_pace() {
    run(async {
        let world = world().await;
        world.alert_bob().await;
        for code in ["a", "b", "c"] {
            let id = opened(&world, &format!("evt_{code}"), code).await;
            assert_eq!(claim(&world, id).await, "sends");
        }
    });
}
