//! What is held back when a worker dies, and when telling waits again.

use e2e::{World, run};
use store::alert_claims::{AlertClaim, claim_alert};
use store::alert_holds;
use store::notices::{NoticeClaim, claim_notice};
use uuid::Uuid;

use super::{
    CODE, change, end, fail, fail_many, header, hook, pass, start, tell_that_receipts_come, totals,
};

#[test]
fn a_worker_that_dies_at_any_step_loses_nothing_and_writes_one_digest() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        start(&world).await;
        // It dies before it has committed that an alert is held back.
        let event_id = world.receipt("evt_0").await;
        world.result(event_id, "failed", serde_json::json!({"error_code": CODE})).await;
        let id = store::alerts::list_pending(&world.pool, event_id).await.expect("a list")[0];
        let mut tx = world.pool.begin().await.expect("a transaction");
        assert!(matches!(claim_alert(&mut tx, id).await, Ok(AlertClaim::Held)));
        drop(tx);
        world.deliver_alerts(&[event_id]).await;
        fail_many(&world, 1..3).await;
        end(&world).await;

        // Several write the digest, and one dies with its claim.
        let (one, other) = (world.pool.clone(), world.pool.clone());
        let written = tokio::join!(alert_holds::end_due(&one), alert_holds::end_due(&other));
        assert_eq!(written.0.expect("a database") + written.1.expect("a database"), 1);
        let digest: Uuid = sqlx::query_scalar("SELECT id FROM notices")
            .fetch_one(&world.pool)
            .await
            .expect("one notice");
        let mut tx = world.pool.begin().await.expect("a transaction");
        assert!(matches!(claim_notice(&mut tx, digest).await, Ok(NoticeClaim::Send(_))));
        tx.commit().await.expect("a commit");
        world.send_waiting().await;
        assert_eq!(world.mailbox.mails().len(), 0, "another may still be at it");
        pass(&world, "11 seconds").await;
        tokio::join!(world.send_waiting(), world.send_waiting());
        let mails = world.mailbox.mails();
        assert_eq!(mails.len(), 1, "two workers send it once");
        assert!(header(&mails[0], "Subject").contains("3 opened"), "{}", mails[0]);
        assert_eq!(totals(&world).await, ["told 3"]);
    });
}

#[test]
fn two_maintenances_that_overlap_end_in_one_digest() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        start(&world).await;
        start(&world).await;
        fail(&world, "evt_1", CODE).await;
        let first = "UPDATE maintenance_windows SET ended_at = now(), ended_by = 'cli:x'
            WHERE id = (SELECT min(id::text)::uuid FROM maintenance_windows)";
        change(&world, first).await;
        world.send_waiting().await;
        assert_eq!(world.mailbox.mails().len(), 0, "the other one lasts");
        fail(&world, "evt_2", CODE).await;
        end(&world).await;
        world.send_waiting().await;
        world.send_waiting().await;
        assert_eq!(world.mailbox.mails().len(), 1);
        assert_eq!(totals(&world).await, ["told 2"]);
    });
}

#[test]
fn a_maintenance_of_days_gives_nothing_up_and_ends_by_itself() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        start(&world).await;
        let event_id = world.receipt("evt_1").await;
        world.result(event_id, "failed", serde_json::json!({"error_code": CODE})).await;
        change(&world, "UPDATE alerts SET created_at = created_at - interval '2 days'").await;
        world.send_waiting().await;
        assert_eq!(totals(&world).await, ["folded 1"]);
        let over = "UPDATE maintenance_windows SET started_at = now() - interval '2 days', ends_at = now()";
        change(&world, over).await;
        world.send_waiting().await;
        world.send_waiting().await;
        assert_eq!((world.mailbox.mails().len(), totals(&world).await), (1, vec!["told 1".into()]));
    });
}

#[test]
fn another_message_that_waited_for_days_has_a_day_to_be_taken() {
    run(async {
        let world = World::start_without_worker().await;
        let hook = hook(&world).await;
        start(&world).await;
        tell_that_receipts_come(&world).await;
        world.send_waiting().await;
        change(&world, "UPDATE notices SET created_at = created_at - interval '2 days'").await;
        end(&world).await;
        let mut states = Vec::new();
        for status in [503, 200] {
            hook.respond_with_body(status, "");
            change(&world, "UPDATE destinations SET retry_at = NULL").await;
            world.send_waiting().await;
            let state: String = sqlx::query_scalar("SELECT state FROM notices")
                .fetch_one(&world.pool)
                .await
                .expect("one notice");
            states.push(state);
        }
        assert_eq!(states, ["pending", "delivered"]);
    });
}
