//! What becomes of a cause's messages when a worker dies or a destination takes nothing.

use std::time::Duration;

use activities::waiting;
use e2e::{World, run, until_lock_wait};
use store::alert_claims::{AlertClaim, claim_alert};
use store::cause_threads;
use store::notices::{NoticeClaim, claim_notice};
use uuid::Uuid;

use super::{CODE, alerts, change, fail, fail_many, header, headings, pass, totals};
use crate::webhook::{reject_notes, take_notes_again};

async fn last_notice(world: &e2e::World) -> Uuid {
    let sql = "SELECT id FROM notices ORDER BY created_at DESC LIMIT 1";
    sqlx::query_scalar(sql).fetch_one(&world.pool).await.expect("a notice")
}

#[test]
fn a_worker_that_dies_at_any_step_loses_nothing_and_doubles_nothing() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        fail_many(&world, 0..9).await;
        // It dies before it has committed that an alert is folded.
        let event_id = world.receipt("evt_9").await;
        world.result(event_id, "failed", serde_json::json!({"error_code": CODE})).await;
        let id = store::alerts::list_pending(&world.pool, event_id).await.expect("a list")[0];
        let mut tx = world.pool.begin().await.expect("a transaction");
        assert!(matches!(claim_alert(&mut tx, id).await, Ok(AlertClaim::Folded(_))));
        drop(tx);
        world.deliver_alerts(&[event_id]).await;

        // Several write the message, and one dies with its claim.
        let (one, other) = (world.pool.clone(), world.pool.clone());
        let written =
            tokio::join!(cause_threads::enqueue_due(&one), cause_threads::enqueue_due(&other));
        assert_eq!(written.0.expect("a database") + written.1.expect("a database"), 1);
        let notice = last_notice(&world).await;
        let mut tx = world.pool.begin().await.expect("a transaction");
        assert!(matches!(claim_notice(&mut tx, notice).await, Ok(NoticeClaim::Send(_))));
        tx.commit().await.expect("a commit");
        world.send_waiting().await;
        assert_eq!(world.mailbox.mails().len(), 1, "another may still be at it");
        pass(&world, "11 seconds").await;
        let (one, other) = (world.deps(), world.deps());
        let (first, second) =
            tokio::join!(waiting::list_destinations(&one), waiting::list_destinations(&other));
        assert_eq!(first.expect("a list"), second.expect("a list"));
        tokio::join!(world.send_waiting(), world.send_waiting());
        let mails = world.mailbox.mails();
        assert_eq!(mails.len(), 2, "two workers send it once");
        assert!(header(&mails[1], "Subject").contains("10 incidents"), "{}", mails[1]);
        assert_eq!(totals(&world).await, ["delivered 1", "told 9"]);
    });
}

#[test]
fn a_message_whose_note_fails_again_and_again_keeps_its_id_and_is_noted_once() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        fail_many(&world, 0..10).await;
        let deps = world.deps();
        reject_notes(&world, "notices").await;
        for (sent, seconds) in [(2, 11), (3, 21), (4, 41)] {
            let destinations = waiting::list_destinations(&deps).await.expect("a list");
            assert_eq!(destinations.len(), 1);
            let noted = waiting::send_to(&deps, destinations[0], Duration::ZERO).await;
            noted.expect_err("not noted");
            world.send_waiting().await;
            assert_eq!(world.mailbox.mails().len(), sent, "once for each claim");
            assert_eq!(totals(&world).await, ["delivered 1", "folded 9"], "neither told nor lost");
            pass(&world, &format!("{} seconds", seconds - 5)).await;
            let destinations = waiting::list_destinations(&deps).await.expect("a list");
            assert_eq!(destinations, [], "ever more time passes between two");
            pass(&world, "5 seconds").await;
        }
        take_notes_again(&world, "notices").await;
        world.send_waiting().await;
        world.send_waiting().await;
        let mails = world.mailbox.mails();
        assert_eq!(mails.len(), 5);
        let id = header(&mails[1], "Message-ID");
        assert!(mails[1..].iter().all(|mail| header(mail, "Message-ID") == id), "{mails:?}");
        assert_eq!(totals(&world).await, ["delivered 1", "told 9"]);
    });
}

#[test]
fn a_destination_that_is_down_gets_the_newest_message_for_all_of_them() {
    run(async {
        let world = World::start_without_worker().await;
        let slack = world.alert_slack().await;
        slack.respond_with(&[503]);
        let mut events = fail_many(&world, 0..10).await;
        world.send_waiting().await;
        events.extend(fail_many(&world, 10..20).await);
        pass(&world, "15 minutes").await;
        change(&world, "UPDATE destinations SET retry_at = now() + interval '1 minute'").await;
        world.send_waiting().await;
        assert_eq!(slack.received().len(), 1, "it is left alone");
        assert_eq!(totals(&world).await, ["folded 19", "pending 1"]);
        pass(&world, "2 minutes").await;
        world.send_waiting().await;
        let told = headings(&slack);
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told.iter().any(|heading| heading.starts_with("\"20 incidents")), "{told:?}");
        assert_eq!(totals(&world).await, ["delivered 1", "told 19"]);
        let message = alerts(&world, events[1]).await.remove(0).told_by;
        assert_eq!(message, alerts(&world, events[19]).await.remove(0).told_by);
    });
}

#[test]
fn what_is_not_taken_for_a_day_is_given_up_on_each_timeline() {
    run(async {
        let world = World::start_without_worker().await;
        let slack = world.alert_slack().await;
        slack.respond_with(&[503; 4]);
        let events = fail_many(&world, 0..10).await;
        world.send_waiting().await;
        pass(&world, "24 hours 1 minute").await;
        world.send_waiting().await;
        world.send_waiting().await;
        assert_eq!(totals(&world).await, ["given_up 10"]);
        let timeline = world.timeline(events[5]).await;
        assert_eq!(timeline.last().map(String::as_str), Some("alert.given_up"), "{timeline:?}");
    });
}

#[test]
fn a_removed_destination_gets_nothing_more_and_the_timeline_says_so() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        fail_many(&world, 0..9).await;
        let last = fail(&world, "evt_9", CODE).await;
        change(&world, "UPDATE destinations SET removed_at = now()").await;
        world.send_waiting().await;
        assert_eq!(world.mailbox.mails().len(), 1);
        assert_eq!(totals(&world).await, ["delivered 1", "given_up 9"]);
        let alert = alerts(&world, last).await.remove(0);
        assert_eq!(alert.last_answer.as_deref(), Some("the destination was removed"));
    });
}

/// Holds what whoever claims an alert holds.
async fn hold_destination(world: &e2e::World) -> store::pool::Transaction {
    let mut claims = world.pool.begin().await.expect("a transaction");
    let held = sqlx::query("SELECT FROM destinations FOR NO KEY UPDATE").execute(&mut *claims);
    held.await.expect("the destination");
    claims
}

#[test]
fn who_writes_a_message_locks_as_who_claims_an_alert_does_and_holds_nothing_while_it_waits() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        fail_many(&world, 0..10).await;
        let mut claims = hold_destination(&world).await;
        let pool = world.pool.clone();
        let written = tokio::spawn(async move { cause_threads::enqueue_due(&pool).await });
        until_lock_wait(&world.pool).await;
        sqlx::query("SELECT FROM cause_threads FOR UPDATE NOWAIT")
            .execute(&mut *claims)
            .await
            .expect("nobody holds the thread");
        claims.commit().await.expect("a commit");
        assert_eq!(written.await.expect("a task").expect("a database"), 1);

        let notice = last_notice(&world).await;
        let mut claims = hold_destination(&world).await;
        let pool = world.pool.clone();
        let claimed = tokio::spawn(async move {
            let mut tx = pool.begin().await.expect("a transaction");
            matches!(claim_notice(&mut tx, notice).await, Ok(NoticeClaim::Send(_)))
        });
        until_lock_wait(&world.pool).await;
        sqlx::query("SELECT FROM notices FOR UPDATE NOWAIT")
            .execute(&mut *claims)
            .await
            .expect("nobody holds the message");
        claims.commit().await.expect("a commit");
        assert!(claimed.await.expect("a task"));
    });
}
