//! Who sends a message now, and who after that one died.

use std::time::Duration;

use activities::alerts::deliver;
use activities::waiting;
use domain::ids::EventId;
use e2e::{World, run, until_lock_wait};
use store::alert_claims::{AlertClaim, claim_alert};
use store::pool::Transaction;
use store::waiting::CLAIM;
use tokio::task::JoinHandle;

use super::{destinations, failed, states};

/// A worker that sends the event's one alert, until it is aborted.
async fn begin_delivery(world: &World, event_id: EventId) -> JoinHandle<()> {
    let pending = store::alerts::list_pending(&world.pool, event_id).await.expect("a list");
    let deps = world.deps();
    tokio::spawn(async move { deliver(&deps, pending[0]).await.expect("a database") })
}

/// How many attempts at the event's one alert people are shown.
async fn attempts(world: &World, event_id: EventId) -> i32 {
    let incident = world.incident(event_id).await.id;
    let alerts = store::alerts::list_for_incident(&world.pool, incident).await;
    alerts.expect("alerts")[0].attempts
}

#[test]
fn a_message_is_claimed_while_it_is_sent_and_no_longer_than_its_worker_lives() {
    run(async {
        let world = World::start_without_worker().await;
        let slack = world.alert_slack().await;
        slack.hang_next(Duration::from_secs(8));
        let event_id = failed(&world, "evt_1").await;
        let sending = begin_delivery(&world, event_id).await;
        slack.wait_for(1).await;
        assert_eq!(attempts(&world, event_id).await, 0, "one that is under way has not failed");
        // Its claim would run out here, if it were not renewed.
        world.age_alerts("10 seconds").await;
        tokio::time::sleep(CLAIM / 2).await;
        assert_eq!(world.send_waiting().await, [], "it is being sent");

        sending.abort();
        assert_eq!(world.send_waiting().await, [], "nobody knows yet that its worker died");
        world.age_alerts("10 seconds").await;
        assert_eq!(world.send_waiting().await.len(), 1);
        assert_eq!(slack.received().len(), 2, "the worker may have died before it sent");
        assert_eq!(states(&world).await, ["incident_opened delivered"]);
        assert_eq!(attempts(&world, event_id).await, 2);
    });
}

#[test]
fn a_worker_that_dies_around_a_message_lets_it_be_sent_again_once_under_the_same_id() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        let event_id = failed(&world, "evt_1").await;
        let id = store::alerts::list_pending(&world.pool, event_id).await.expect("a list")[0];
        // It dies with its claim, before or after the message.
        let mut tx = world.pool.begin().await.expect("a transaction");
        assert!(matches!(claim_alert(&mut tx, id).await, Ok(AlertClaim::Send(_))));
        tx.commit().await.expect("a commit");
        world.deliver_alerts(&[event_id]).await;
        assert_eq!(world.mailbox.recipients(), 0, "another may still be at it");
        world.age_alerts("11 seconds").await;
        let (one, other) = (world.deps(), world.deps());
        let bob = destinations(&world).await[0].id;
        let (first, second) = tokio::join!(
            waiting::send_to(&one, bob, Duration::ZERO),
            waiting::send_to(&other, bob, Duration::ZERO)
        );
        first.and(second).expect("a database");
        assert_eq!(world.mailbox.mails().len(), 1, "two workers send it once");
    });
}

/// What whoever changes the destination holds.
async fn hold_destination(world: &World) -> Transaction {
    let mut tx = world.pool.begin().await.expect("a transaction");
    let held = sqlx::query("SELECT FROM destinations FOR NO KEY UPDATE").execute(&mut *tx);
    held.await.expect("the destination");
    tx
}

/// Lets the destination go, for which somebody waits who holds no alert.
async fn let_go(mut tx: Transaction) {
    let free = sqlx::query("SELECT FROM alerts FOR UPDATE NOWAIT").execute(&mut *tx);
    free.await.expect("nobody holds an alert");
    tx.commit().await.expect("a commit");
}

#[test]
fn who_claims_an_alert_holds_nothing_while_it_waits_for_the_destination() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        let event_id = failed(&world, "evt_1").await;
        let id = store::alerts::list_pending(&world.pool, event_id).await.expect("a list")[0];
        let held = hold_destination(&world).await;
        let pool = world.pool.clone();
        let claiming = tokio::spawn(async move {
            let mut tx = pool.begin().await.expect("a transaction");
            matches!(claim_alert(&mut tx, id).await, Ok(AlertClaim::Send(_)))
        });
        until_lock_wait(&world.pool).await;
        let_go(held).await;
        assert!(claiming.await.expect("a task"));
    });
}

#[test]
fn who_notes_how_a_message_ended_holds_nothing_while_it_waits_for_the_destination() {
    run(async {
        let world = World::start_without_worker().await;
        let slack = world.alert_slack().await;
        let event_id = failed(&world, "evt_1").await;
        slack.respond_with(&[503, 503]);
        world.deliver_alerts(&[event_id]).await;
        for (sent, state) in [(2, "pending"), (3, "delivered")] {
            world.age_alerts("10 minutes").await;
            slack.hang_next(Duration::from_secs(1));
            let sending = begin_delivery(&world, event_id).await;
            slack.wait_for(sent).await;
            let held = hold_destination(&world).await;
            until_lock_wait(&world.pool).await;
            let_go(held).await;
            sending.await.expect("a task");
            assert_eq!(states(&world).await, [format!("incident_opened {state}")]);
        }
    });
}
