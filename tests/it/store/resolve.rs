//! Resolving manually.

use domain::callback::AnswerVerdict;
use domain::event::Effect;
use domain::rejection::Rejection;
use e2e::run;
use serde_json::json;
use store::pool;
use store::transitions::resolve::note_rejection;

use super::shop::{RunningReprocess, Shop, accepted, bob};

#[test]
fn an_open_incident_is_resolved_once_with_its_note() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.missed("evt_1").await;
        assert_eq!(shop.try_resolve(event_id).await, Ok(()));
        insta::assert_snapshot!(shop.story(event_id).await, @r"
        effect: missing
        incident: resolved/missing_result/manual
        alerts: incident_opened incident_resolved
        outbox: start resolve
        timeline: receipt.accepted incident.opened incident.resolved
        ");
        let before = shop.story(event_id).await;
        assert_eq!(shop.try_resolve(event_id).await, Err(Rejection::Resolved(None)));
        assert_eq!(shop.story(event_id).await, before);
        let note: String = sqlx::query_scalar("SELECT resolution_note FROM incidents")
            .fetch_one(&shop.pool)
            .await
            .expect("a note");
        assert_eq!(note, "by hand");
    });
}

#[test]
fn an_event_without_an_incident_has_nothing_to_resolve() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.take("evt_1").await;
        assert_eq!(shop.try_resolve(event_id).await, Err(Rejection::NoIncident));
        let entry_id = store::audit::new_id();
        for _ in 0..2 {
            let mut tx = shop.begin().await;
            note_rejection(&mut tx, event_id, &bob(), entry_id, "the event has no incident")
                .await
                .expect("a database");
            pool::commit(tx).await.expect("a commit");
        }
        insta::assert_snapshot!(shop.story(event_id).await, @r"
        effect: pending
        outbox: start
        timeline: receipt.accepted resolve.refused
        ");
    });
}

#[test]
fn a_reprocess_that_runs_is_ended_by_whom_and_without_another_alert() {
    run(async {
        let shop = Shop::open().await;
        let undelivered = shop.missed("evt_1").await;
        let replay_id = shop.reprocess(undelivered).await;
        let running = RunningReprocess { event_id: undelivered, replay_id };
        shop.attempt(running, AnswerVerdict::Retry).await;
        shop.resolve(undelivered).await;
        insta::assert_snapshot!(shop.story(undelivered).await, @r"
        effect: missing
        incident: resolved/missing_result/manual
        reprocess: undelivered
        alerts: incident_opened incident_resolved
        outbox: start reprocess resolve
        timeline: receipt.accepted incident.opened reprocess.requested callback.failed reprocess.ended incident.resolved
        ");
        let ended: (String, serde_json::Value) =
            sqlx::query_as("SELECT actor, detail FROM audit_log WHERE action = 'reprocess.ended'")
                .fetch_one(&shop.pool)
                .await
                .expect("an entry");
        assert_eq!(ended.0, bob().to_string());
        assert_eq!(ended.1["why"], "the incident was resolved manually");
        assert!(shop.begin_attempt(running, "late").await.is_none());

        let unanswered = shop.missed("evt_2").await;
        let replay_id = shop.reprocess(unanswered).await;
        let running = RunningReprocess { event_id: unanswered, replay_id };
        shop.attempt(running, AnswerVerdict::Delivered).await;
        shop.resolve(unanswered).await;
        insta::assert_snapshot!(shop.story(unanswered).await, @r"
        effect: missing
        incident: resolved/missing_result/manual
        reprocess: no_result
        alerts: incident_opened incident_resolved
        outbox: start reprocess resolve
        timeline: receipt.accepted incident.opened reprocess.requested callback.delivered reprocess.ended incident.resolved
        ");
    });
}

#[test]
fn a_success_after_a_resolution_by_hand_is_kept_and_the_resolution_stays() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.missed("evt_1").await;
        shop.resolve(event_id).await;
        assert_eq!(accepted(&shop.succeed(event_id).await).effect, Effect::Succeeded);
        insta::assert_snapshot!(shop.story(event_id).await, @r"
        effect: succeeded
        incident: resolved/missing_result/manual
        alerts: incident_opened incident_resolved
        outbox: start resolve result
        timeline: receipt.accepted incident.opened incident.resolved result.succeeded
        ");
    });
}

#[test]
fn a_failure_after_a_resolution_by_hand_is_noted_and_changes_nothing() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.missed("evt_1").await;
        let words = json!({"status": "failed", "error_code": "e1", "error_message": "disk full"});
        shop.report(event_id, words).await;
        shop.resolve(event_id).await;
        shop.fail(event_id).await;
        insta::assert_snapshot!(shop.story(event_id).await, @r"
        effect: missing
        incident: resolved/missing_result/e1/manual
        alerts: incident_opened incident_resolved
        outbox: start resolve
        timeline: receipt.accepted incident.opened result.failed incident.resolved result.failed
        ");
        assert_eq!(shop.incident(event_id).await.error.message.as_deref(), Some("disk full"));
    });
}
