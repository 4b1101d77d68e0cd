//! Taking a result: one test per verdict, and the results that come early.

use domain::callback::AnswerVerdict;
use domain::event::Effect;
use domain::ids::EventId;
use domain::incident::IncidentState;
use domain::retention::Rule;
use e2e::run;
use serde_json::json;
use store::reprocesses;
use store::results;
use store::transitions::result::{ReportedResult, ResultOutcome, accept_result};

use super::shop::{RunningReprocess, Shop, accepted, bob, early, failure, receipt_with, success};

#[test]
fn a_success_in_time_opens_nothing() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.take("evt_1").await;
        let response = accepted(&shop.succeed(event_id).await);
        assert_eq!(response.effect, Effect::Succeeded);
        assert!(response.incident.is_none());
        insta::assert_snapshot!(shop.story(event_id).await, @r"
        effect: succeeded
        outbox: start result
        timeline: receipt.accepted result.succeeded
        ");
    });
}

#[test]
fn a_success_again_is_noted_and_changes_nothing() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.take("evt_1").await;
        shop.succeed(event_id).await;
        let response = accepted(&shop.succeed(event_id).await);
        assert_eq!(response.effect, Effect::Succeeded);
        assert!(response.incident.is_none());
        insta::assert_snapshot!(shop.story(event_id).await, @r"
        effect: succeeded
        outbox: start result
        timeline: receipt.accepted result.succeeded result.repeated
        ");
    });
}

#[test]
fn a_failure_after_success_is_a_contradiction_and_changes_nothing() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.take("evt_1").await;
        shop.succeed(event_id).await;
        let response = accepted(&shop.fail(event_id).await);
        assert_eq!(response.effect, Effect::Succeeded);
        assert!(response.incident.is_none());
        insta::assert_snapshot!(shop.story(event_id).await, @r"
        effect: succeeded
        outbox: start result
        timeline: receipt.accepted result.succeeded result.contradicted
        ");
    });
}

#[test]
fn a_failure_opens_the_incident_and_a_success_resolves_it() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.take("evt_1").await;
        let response = accepted(&shop.fail(event_id).await);
        assert_eq!(response.effect, Effect::Failed);
        assert_eq!(response.incident, Some(IncidentState::Open));
        insta::assert_snapshot!(shop.story(event_id).await, @r"
        effect: failed
        incident: open/failed_result/db_write_failed
        alerts: incident_opened
        outbox: start result
        timeline: receipt.accepted result.failed incident.opened
        ");
        let response = accepted(&shop.succeed(event_id).await);
        assert_eq!(response.effect, Effect::Succeeded);
        assert_eq!(response.incident, Some(IncidentState::Resolved));
        insta::assert_snapshot!(shop.story(event_id).await, @r"
        effect: succeeded
        incident: resolved/failed_result/db_write_failed/late_success
        alerts: incident_opened incident_resolved
        outbox: start result result
        timeline: receipt.accepted result.failed incident.opened result.succeeded incident.resolved
        ");
    });
}

#[test]
fn another_failure_refreshes_the_error_and_tells_nobody() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.missed("evt_1").await;
        let words = json!({"status": "failed", "error_code": "e2", "error_message": "disk full"});
        let response = accepted(&shop.report(event_id, words).await);
        assert_eq!(response.effect, Effect::Failed);
        assert_eq!(response.incident, Some(IncidentState::Open));
        insta::assert_snapshot!(shop.story(event_id).await, @r"
        effect: missing
        incident: open/missing_result/e2
        alerts: incident_opened
        outbox: start
        timeline: receipt.accepted incident.opened result.failed
        ");
        let incident = shop.incident(event_id).await;
        assert_eq!(incident.error.message.as_deref(), Some("disk full"));
    });
}

#[test]
fn a_failure_that_says_nothing_leaves_the_error_that_was_said() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.take("evt_1").await;
        let words = json!({"status": "failed", "error_code": "e2", "error_message": "disk full"});
        shop.report(event_id, words).await;
        let told = shop.incident(event_id).await.error;
        shop.report(event_id, json!({"status": "failed"})).await;
        assert_eq!(shop.incident(event_id).await.error, told);
        shop.report(event_id, json!({"status": "failed", "error_message": "locked"})).await;
        let error = shop.incident(event_id).await.error;
        assert_eq!((error.code, error.message.as_deref()), (None, Some("locked")));
        let story = shop.story(event_id).await;
        assert!(story.contains("incident.opened result.failed result.failed"), "{story}");
    });
}

#[test]
fn a_failure_without_the_replay_id_leaves_the_running_reprocess_alone() {
    run(async {
        let shop = Shop::open().await;
        let RunningReprocess { event_id, .. } = shop.reprocessing("evt_1").await;
        let response = accepted(&shop.fail(event_id).await);
        assert_eq!(response.effect, Effect::Failed);
        assert_eq!(response.incident, Some(IncidentState::Reprocessing));
        insta::assert_snapshot!(shop.story(event_id).await, @r"
        effect: missing
        incident: reprocessing/missing_result/db_write_failed
        reprocess: requested
        alerts: incident_opened
        outbox: start reprocess
        timeline: receipt.accepted incident.opened reprocess.requested result.failed
        ");
    });
}

#[test]
fn a_failure_with_the_replay_id_ends_the_reprocess_and_is_told() {
    run(async {
        let shop = Shop::open().await;
        let running @ RunningReprocess { event_id, replay_id } = shop.reprocessing("evt_1").await;
        shop.attempt(running, AnswerVerdict::Delivered).await;
        let words = json!({"status": "failed", "replay_id": replay_id, "error_code": "locked"});
        let response = accepted(&shop.report(event_id, words.clone()).await);
        assert_eq!(response.effect, Effect::Failed);
        assert_eq!(response.incident, Some(IncidentState::Open));
        insta::assert_snapshot!(shop.story(event_id).await, @r"
        effect: missing
        incident: open/missing_result/locked
        reprocess: failed
        alerts: incident_opened reprocess_failed
        outbox: start reprocess result
        timeline: receipt.accepted incident.opened reprocess.requested callback.delivered result.failed reprocess.failed
        ");
        // The same message again is about a reprocess that has ended: no one is notified twice.
        shop.report(event_id, words).await;
        insta::assert_snapshot!(shop.story(event_id).await, @r"
        effect: missing
        incident: open/missing_result/locked
        reprocess: failed
        alerts: incident_opened reprocess_failed
        outbox: start reprocess result
        timeline: receipt.accepted incident.opened reprocess.requested callback.delivered result.failed reprocess.failed result.failed
        ");
    });
}

#[test]
fn a_success_ends_the_reprocess_that_runs_with_or_without_its_replay_id() {
    run(async {
        let shop = Shop::open().await;
        for named in [true, false] {
            let running @ RunningReprocess { event_id, replay_id } =
                shop.reprocessing(&format!("evt_{named}")).await;
            shop.attempt(running, AnswerVerdict::Delivered).await;
            let mut words = json!({"status": "success"});
            if named {
                words["replay_id"] = json!(replay_id);
            }
            let response = accepted(&shop.report(event_id, words).await);
            assert_eq!(response.effect, Effect::Succeeded);
            assert_eq!(response.incident, Some(IncidentState::Resolved));
            let story = shop.story(event_id).await;
            insta::allow_duplicates! { insta::assert_snapshot!(story, @r"
            effect: succeeded
            incident: resolved/missing_result/reprocessed
            reprocess: succeeded
            alerts: incident_opened incident_resolved
            outbox: start reprocess result
            timeline: receipt.accepted incident.opened reprocess.requested callback.delivered result.succeeded reprocess.succeeded incident.resolved
            "); }
        }
    });
}

#[test]
fn a_success_after_the_deadline_and_without_a_reprocess_is_a_late_one() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.missed("evt_1").await;
        shop.succeed(event_id).await;
        insta::assert_snapshot!(shop.story(event_id).await, @r"
        effect: succeeded
        incident: resolved/missing_result/late_success
        alerts: incident_opened incident_resolved
        outbox: start result
        timeline: receipt.accepted incident.opened result.succeeded incident.resolved
        ");
    });
}

#[test]
fn the_same_result_id_again_changes_nothing() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.take("evt_1").await;
        let result = failure();
        let report = ReportedResult { result_id: results::new_id(), result: &result, signal: true };
        let mut stories = Vec::new();
        for _ in 0..2 {
            let mut tx = shop.begin().await;
            let outcome = accept_result(&mut tx, &bob(), event_id, report).await;
            assert_eq!(accepted(&outcome.expect("a database")).effect, Effect::Failed);
            store::pool::commit(tx).await.expect("a commit");
            stories.push(shop.story(event_id).await);
        }
        assert_eq!(stories[0], stories[1]);
    });
}

#[test]
fn an_unknown_event_and_anothers_replay_id_leave_no_trace() {
    run(async {
        let shop = Shop::open().await;
        let unknown = EventId::from_uuid(uuid::Uuid::now_v7());
        assert_eq!(shop.succeed(unknown).await, ResultOutcome::UnknownEvent);
        let (ours, theirs) = (shop.missed("evt_1").await, shop.missed("evt_2").await);
        let replay_id = shop.reprocess(theirs).await.to_string();
        let before = shop.story(ours).await;
        for text in [replay_id, reprocesses::new_id().to_string(), "rpl_1".to_owned()] {
            let words = json!({"status": "success", "replay_id": text});
            assert_eq!(shop.report(ours, words).await, ResultOutcome::UnknownReplay);
        }
        assert_eq!(shop.story(ours).await, before);
        let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM results")
            .fetch_one(&shop.pool)
            .await
            .expect("a count");
        assert_eq!(kept, 0);
    });
}

#[test]
fn early_results_are_applied_in_their_order_when_the_receipt_comes() {
    run(async {
        let shop = Shop::open().await;
        assert!(shop.keep_early("k1", &early("evt_1", failure())).await);
        assert!(shop.keep_early("k2", &early("evt_1", success())).await);
        assert!(shop.keep_early("k3", &early("evt_2", success())).await);
        let event_id = shop.take("evt_1").await;
        insta::assert_snapshot!(shop.story(event_id).await, @r"
        effect: succeeded
        incident: resolved/failed_result/locked/late_success
        alerts: incident_opened incident_resolved
        outbox: start result result
        timeline: receipt.accepted result.failed incident.opened result.succeeded incident.resolved
        ");
    });
}

#[test]
fn an_early_result_is_kept_once_and_its_key_is_taken() {
    run(async {
        let shop = Shop::open().await;
        let first = early("evt_1", failure());
        assert!(shop.keep_early("k", &first).await);
        assert!(shop.keep_early("k", &first).await, "the same again");
        assert!(!shop.keep_early("k", &early("evt_2", failure())).await, "another event");
        assert!(shop.story(shop.take("evt_1").await).await.starts_with("effect: failed"));
    });
}

#[test]
fn an_early_result_may_name_provider_and_effect() {
    run(async {
        let shop = Shop::open().await;
        for (key, effect_type) in [("k1", "access_unlock"), ("k2", "credit_grant")] {
            let mut report = early("evt_1", if key == "k1" { success() } else { failure() });
            report.event.provider = Some("stripe".parse().expect("a provider"));
            report.event.effect_type = Some(effect_type.parse().expect("an effect"));
            assert!(shop.keep_early(key, &report).await);
        }
        let unlock = receipt_with("evt_1", &json!({"effect_type": "access_unlock"}));
        let (unlock, grant) = (shop.accept(&unlock).await.event_id, shop.take("evt_1").await);
        assert!(shop.story(unlock).await.starts_with("effect: succeeded"));
        assert!(shop.story(grant).await.starts_with("effect: failed"));
    });
}

#[test]
fn an_early_result_is_applied_for_24_hours_and_forgotten_then() {
    run(async {
        let shop = Shop::open().await;
        for (event, age) in [("evt_1", "23 hours 59 minutes"), ("evt_2", "24 hours 1 second")] {
            assert!(shop.keep_early(event, &early(event, success())).await);
            let sql = format!(
                "UPDATE early_results SET received_at = now() - interval '{age}' WHERE provider_event_id = '{event}'"
            );
            sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&shop.pool).await.expect("aged");
        }
        assert!(shop.story(shop.take("evt_1").await).await.starts_with("effect: succeeded"));
        assert!(shop.story(shop.take("evt_2").await).await.starts_with("effect: pending"));
        assert_eq!(shop.delete_due(Rule::EarlyResults).await, 1);
    });
}
