//! What silence does, by the database's clock.

use domain::callback::AnswerVerdict;
use domain::ids::{EventId, ReplayId};
use e2e::run;
use store::pool;
use store::transitions::silence::end_reprocess_if_due;

use super::shop::{RunningReprocess, Shop};

#[test]
fn nothing_opens_before_the_deadline_or_after_a_word() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.take("evt_1").await;
        let before = shop.story(event_id).await;
        shop.silence(event_id).await;
        assert_eq!(shop.story(event_id).await, before, "the deadline is ahead");
        shop.succeed(event_id).await;
        shop.let_time_pass(event_id).await;
        let before = shop.story(event_id).await;
        shop.silence(event_id).await;
        assert_eq!(shop.story(event_id).await, before, "the app spoke");
    });
}

#[test]
fn a_passed_deadline_opens_one_incident_however_often_it_is_asked() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.missed("evt_1").await;
        insta::assert_snapshot!(shop.story(event_id).await, @r"
        effect: missing
        incident: open/missing_result
        alerts: incident_opened
        outbox: start
        timeline: receipt.accepted incident.opened
        ");
        let before = shop.story(event_id).await;
        shop.silence(event_id).await;
        assert_eq!(shop.story(event_id).await, before);
    });
}

#[test]
fn a_failure_before_the_deadline_stays_a_failure_after_it() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.take("evt_1").await;
        shop.fail(event_id).await;
        shop.let_time_pass(event_id).await;
        let before = shop.story(event_id).await;
        shop.silence(event_id).await;
        assert_eq!(shop.story(event_id).await, before);
    });
}

#[test]
fn a_delivered_callback_that_nobody_answers_ends_its_reprocess() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.missed("evt_1").await;
        let replay_id = shop.reprocess(event_id).await;
        end(&shop, event_id, replay_id).await;
        shop.attempt(RunningReprocess { event_id, replay_id }, AnswerVerdict::Delivered).await;
        end(&shop, event_id, replay_id).await;
        assert!(shop.story(event_id).await.contains("reprocess: awaiting_result"));
        shop.execute(
            "UPDATE reprocesses SET result_due_at = now() - interval '1 second' WHERE event_id = $1",
            event_id,
        )
        .await;
        end(&shop, event_id, replay_id).await;
        insta::assert_snapshot!(shop.story(event_id).await, @r"
        effect: missing
        incident: open/missing_result
        reprocess: no_result
        alerts: incident_opened reprocess_failed
        outbox: start reprocess
        timeline: receipt.accepted incident.opened reprocess.requested callback.delivered reprocess.no_result
        ");
        let before = shop.story(event_id).await;
        end(&shop, event_id, replay_id).await;
        assert_eq!(shop.story(event_id).await, before);
    });
}

async fn end(shop: &Shop, event_id: EventId, replay_id: ReplayId) {
    let mut tx = shop.begin().await;
    end_reprocess_if_due(&mut tx, event_id, replay_id).await.expect("a database");
    pool::commit(tx).await.expect("a commit");
}
