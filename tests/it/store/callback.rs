//! Attempts of a callback: begun, ended, interrupted, used up.

use std::time::Duration;

use domain::callback::{AnswerVerdict, SCHEDULE};
use domain::ids::EventId;
use domain::signature::SigningSecret;
use e2e::run;
use store::attempts::{self, list_for_reprocess};
use store::transitions::callback::{AttemptOutcome, begin_attempt};

use super::shop::{RunningReprocess, SECRET, Shop};

const MINUTE: Duration = Duration::from_mins(1);

#[test]
fn an_attempt_has_all_that_it_needs_and_the_same_body_each_time() {
    run(async {
        let shop = Shop::open().await;
        let running = shop.reprocessing("evt_1").await;
        let first = shop.begin_attempt(running, "n1").await.expect("an attempt");
        assert_eq!(first.attempt, 1);
        assert_eq!(first.repair_url.as_deref(), Some("http://127.0.0.1:9/repair"));
        assert_eq!(first.secrets, [SigningSecret::from_bytes(SECRET)]);
        let began: bool = sqlx::query_scalar(
            "SELECT $1 BETWEEN started_at AND clock_timestamp() FROM callback_attempts",
        )
        .bind(first.at)
        .fetch_one(&shop.pool)
        .await
        .expect("an attempt");
        assert!(began, "{} is a moment of the database", first.at);
        let retry = shop.end_attempt(running, 1, AnswerVerdict::Retry).await;
        assert_eq!(retry, AttemptOutcome::Retry(MINUTE));
        let second = shop.begin_attempt(running, "n2").await.expect("an attempt");
        assert_eq!((second.attempt, &second.body), (2, &first.body));
    });
}

#[test]
fn a_delivered_callback_waits_for_its_result_and_is_not_sent_again() {
    run(async {
        let shop = Shop::open().await;
        let running @ RunningReprocess { event_id, .. } = shop.reprocessing("evt_1").await;
        assert_eq!(shop.attempt(running, AnswerVerdict::Delivered).await, AttemptOutcome::Done);
        insta::assert_snapshot!(shop.story(event_id).await, @r"
        effect: missing
        incident: reprocessing/missing_result
        reprocess: awaiting_result
        alerts: incident_opened
        outbox: start reprocess
        timeline: receipt.accepted incident.opened reprocess.requested callback.delivered
        ");
        assert!(shop.begin_attempt(running, "again").await.is_none());
        let minutes: i32 = sqlx::query_scalar(
            "SELECT (extract(epoch FROM result_due_at - now()) / 60)::int FROM reprocesses",
        )
        .fetch_one(&shop.pool)
        .await
        .expect("a deadline");
        assert_eq!(minutes, 30, "the project's time-out");
    });
}

#[test]
fn a_rejection_for_good_stops_at_once() {
    run(async {
        let shop = Shop::open().await;
        let running @ RunningReprocess { event_id, .. } = shop.reprocessing("evt_1").await;
        assert_eq!(shop.attempt(running, AnswerVerdict::Stop).await, AttemptOutcome::Done);
        insta::assert_snapshot!(shop.story(event_id).await, @r"
        effect: missing
        incident: open/missing_result
        reprocess: undelivered
        alerts: incident_opened reprocess_failed
        outbox: start reprocess
        timeline: receipt.accepted incident.opened reprocess.requested callback.failed reprocess.undelivered
        ");
        assert!(shop.begin_attempt(running, "again").await.is_none());
    });
}

#[test]
fn one_answer_that_looks_final_is_confirmed_by_another_one() {
    run(async {
        let shop = Shop::open().await;
        let running @ RunningReprocess { event_id, .. } = shop.reprocessing("evt_1").await;
        let first = shop.attempt(running, AnswerVerdict::RetryOnce).await;
        assert_eq!(first, AttemptOutcome::Retry(MINUTE));
        insta::assert_snapshot!(shop.story(event_id).await, @r"
        effect: missing
        incident: reprocessing/missing_result
        reprocess: delivering
        alerts: incident_opened
        outbox: start reprocess
        timeline: receipt.accepted incident.opened reprocess.requested callback.failed
        ");
        assert_eq!(shop.attempt(running, AnswerVerdict::RetryOnce).await, AttemptOutcome::Done);
        insta::assert_snapshot!(shop.story(event_id).await, @r"
        effect: missing
        incident: open/missing_result
        reprocess: undelivered
        alerts: incident_opened reprocess_failed
        outbox: start reprocess
        timeline: receipt.accepted incident.opened reprocess.requested callback.failed callback.failed reprocess.undelivered
        ");
        assert!(shop.begin_attempt(running, "third").await.is_none());
    });
}

#[test]
fn an_attempt_that_was_cut_off_confirms_nothing() {
    run(async {
        let shop = Shop::open().await;
        let running = shop.reprocessing("evt_1").await;
        shop.begin_attempt(running, "cut off").await.expect("an attempt");
        let first = shop.attempt(running, AnswerVerdict::RetryOnce).await;
        assert_eq!(first, AttemptOutcome::Retry(MINUTE));
        shop.begin_attempt(running, "cut off, too").await.expect("an attempt");
        assert_eq!(shop.attempt(running, AnswerVerdict::Delivered).await, AttemptOutcome::Done);
        let state: String = sqlx::query_scalar("SELECT state FROM reprocesses")
            .fetch_one(&shop.pool)
            .await
            .expect("a reprocess");
        assert_eq!(state, "awaiting_result");
    });
}

#[test]
fn five_attempts_are_made_and_no_more() {
    run(async {
        let shop = Shop::open().await;
        let running @ RunningReprocess { event_id, .. } = shop.reprocessing("evt_1").await;
        for planned in &SCHEDULE[1..] {
            let outcome = shop.attempt(running, AnswerVerdict::Retry).await;
            assert_eq!(outcome, AttemptOutcome::Retry(*planned));
        }
        assert_eq!(shop.attempt(running, AnswerVerdict::Retry).await, AttemptOutcome::Done);
        insta::assert_snapshot!(shop.story(event_id).await, @r"
        effect: missing
        incident: open/missing_result
        reprocess: undelivered
        alerts: incident_opened reprocess_failed
        outbox: start reprocess
        timeline: receipt.accepted incident.opened reprocess.requested callback.failed callback.failed callback.failed callback.failed callback.failed reprocess.undelivered
        ");
        assert!(shop.begin_attempt(running, "sixth").await.is_none());
        let tally = attempts::count_made(&shop.pool, running.replay_id).await;
        assert_eq!(tally.expect("a count").made, 5);
    });
}

#[test]
fn an_interrupted_attempt_is_noted_and_does_not_count() {
    run(async {
        let shop = Shop::open().await;
        let running @ RunningReprocess { event_id, .. } = shop.reprocessing("evt_1").await;
        shop.begin_attempt(running, "n1").await.expect("an attempt");
        let second = shop.begin_attempt(running, "n2").await.expect("another attempt");
        assert_eq!(second.attempt, 2);
        let tally = attempts::count_made(&shop.pool, running.replay_id).await;
        assert_eq!(tally.expect("a count").made, 0);
        let outcome = shop.end_attempt(running, 2, AnswerVerdict::Retry).await;
        assert_eq!(outcome, AttemptOutcome::Retry(MINUTE));
        insta::assert_snapshot!(shop.story(event_id).await, @r"
        effect: missing
        incident: reprocessing/missing_result
        reprocess: delivering
        alerts: incident_opened
        outbox: start reprocess
        timeline: receipt.accepted incident.opened reprocess.requested reprocess.interrupted callback.failed
        ");
        let kept = list_for_reprocess(&shop.pool, running.replay_id).await.expect("attempts");
        let errors: Vec<_> = kept.iter().map(|one| (one.status, one.error.as_deref())).collect();
        assert_eq!(errors, [(None, Some("interrupted")), (Some(503), None)]);
    });
}

#[test]
fn an_attempt_that_ends_after_its_reprocess_did_changes_only_its_own_row() {
    run(async {
        let shop = Shop::open().await;
        let running @ RunningReprocess { event_id, .. } = shop.reprocessing("evt_1").await;
        shop.begin_attempt(running, "n1").await.expect("an attempt");
        shop.succeed(event_id).await;
        let outcome = shop.end_attempt(running, 1, AnswerVerdict::Retry).await;
        assert_eq!(outcome, AttemptOutcome::Done);
        insta::assert_snapshot!(shop.story(event_id).await, @r"
        effect: succeeded
        incident: resolved/missing_result/reprocessed
        reprocess: succeeded
        alerts: incident_opened incident_resolved
        outbox: start reprocess result
        timeline: receipt.accepted incident.opened reprocess.requested result.succeeded reprocess.succeeded incident.resolved callback.failed
        ");
    });
}

#[test]
fn an_attempt_that_ends_after_another_was_delivered_undoes_nothing() {
    run(async {
        let shop = Shop::open().await;
        for (event, late) in [
            ("evt_1", AnswerVerdict::Delivered),
            ("evt_2", AnswerVerdict::Retry),
            ("evt_3", AnswerVerdict::Stop),
        ] {
            let running @ RunningReprocess { event_id, .. } = shop.reprocessing(event).await;
            shop.begin_attempt(running, "frozen").await.expect("an attempt");
            assert_eq!(shop.attempt(running, AnswerVerdict::Delivered).await, AttemptOutcome::Done);
            assert_eq!(shop.end_attempt(running, 1, late).await, AttemptOutcome::Done, "{late:?}");
            let story = shop.story(event_id).await;
            assert!(story.contains("reprocess: awaiting_result"), "{late:?}: {story}");
            assert!(story.contains("alerts: incident_opened\n"), "{late:?}: {story}");
            let kept = list_for_reprocess(&shop.pool, running.replay_id).await.expect("attempts");
            assert!(kept.iter().all(|one| one.status.is_some()), "{kept:?}");
        }
    });
}

#[test]
fn a_reprocess_of_another_event_gets_no_attempt() {
    run(async {
        let shop = Shop::open().await;
        let (ours, theirs) = (shop.missed("evt_1").await, shop.missed("evt_2").await);
        let replay_id = shop.reprocess(theirs).await;
        let swapped = RunningReprocess { event_id: ours, replay_id };
        assert!(shop.begin_attempt(swapped, "n").await.is_none());
        let unknown = EventId::from_uuid(uuid::Uuid::now_v7());
        let mut tx = shop.begin().await;
        let work = begin_attempt(&mut tx, &shop.master_key, unknown, replay_id, "n").await;
        assert!(matches!(work, Err(store::StoreError::Missing("payment_events"))));
    });
}
