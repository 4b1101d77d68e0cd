//! What the timelines keep of each action, key by key: pages, exports and other releases read it
//! so.

use domain::audit::Actor;
use domain::callback::AnswerVerdict;
use domain::ids::{AuditId, EventId};
use e2e::run;
use serde_json::{Value, json};
use store::transitions::acknowledge::{AcknowledgeRequest, acknowledge_incident};
use store::transitions::callback::end_undelivered;
use store::transitions::reprocess::{self, ReprocessRequest};
use store::transitions::result::{note_ambiguous, refresh_failure};
use store::transitions::signal_notes::note_ignored;
use store::transitions::stalled::{Stall, StallKind, note_stall};
use store::transitions::{resolve, silence};
use store::{events, pool, reprocesses};
use uuid::Uuid;

use super::people::{known, without_ids};
use super::shop::{RunningReprocess, Shop, bob, early, failure, receipt_with, success};

/// The entries of an event, oldest first, without ids.
async fn timeline(shop: &Shop, event_id: EventId) -> String {
    let entries: Vec<(String, Value)> =
        sqlx::query_as("SELECT action, detail FROM audit_log WHERE event_id = $1 ORDER BY at, id")
            .bind(event_id.as_uuid())
            .fetch_all(&shop.pool)
            .await
            .expect("entries");
    let lines = entries.into_iter().map(|(action, detail)| without_ids(&known(&action, detail)));
    lines.collect::<Vec<_>>().join("\n")
}

/// The same failure with another message, and an operator who acknowledges it.
async fn repeat_and_acknowledge(shop: &Shop, event_id: EventId) {
    let actor = Actor::Key(shop.owner.key_id);
    let mut tx = shop.begin().await;
    refresh_failure(&mut tx, &actor, event_id, &failure()).await.expect("a database");
    let acknowledged = acknowledge_incident(
        &mut tx,
        event_id,
        AcknowledgeRequest { actor: &bob(), note: None, bulk_id: None },
    )
    .await;
    acknowledged.expect("open");
    pool::commit(tx).await.expect("a commit");
}

#[test]
fn of_a_failure_that_is_reprocessed_until_it_works() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.take("evt_1").await;
        shop.fail(event_id).await;
        repeat_and_acknowledge(&shop, event_id).await;
        let replay_id = shop.reprocess(event_id).await;
        let running = RunningReprocess { event_id, replay_id };
        shop.attempt(running, AnswerVerdict::Retry).await;
        shop.begin_attempt(running, "cut off").await;
        shop.attempt(running, AnswerVerdict::Delivered).await;
        let replay_id = replay_id.to_string();
        let failed = json!({ "status": "failed", "error_code": "locked", "replay_id": replay_id });
        shop.report(event_id, failed).await;
        shop.reprocess(event_id).await;
        shop.report(event_id, json!({ "status": "success", "replay_id": replay_id })).await;
        shop.succeed(event_id).await;
        shop.report(event_id, json!({ "status": "failed", "error_message": "no" })).await;
        insta::assert_snapshot!(timeline(&shop, event_id).await, @r#"
        receipt.accepted {"effect_type":"credit_grant","event_type":"invoice.paid"}
        result.failed {"error_code":"db_write_failed","error_message":null,"result_id":"res_"}
        incident.opened {"error_code":"db_write_failed","error_message":null,"reason":"failed_result"}
        result.failed {"error_code":"locked","error_message":"the account is locked","repeated":true}
        incident.acknowledged {"note":null}
        reprocess.requested {"note":"try again","replay_id":"rpl_"}
        callback.failed {"answer":"later","attempt":1,"error":null,"latency_ms":12,"replay_id":"rpl_","status":503}
        reprocess.interrupted {"replay_id":"rpl_"}
        callback.delivered {"answer":"ok","attempt":3,"error":null,"latency_ms":12,"replay_id":"rpl_","status":200}
        result.failed {"error_code":"locked","error_message":null,"replay_id":"rpl_","result_id":"res_"}
        reprocess.failed {"replay_id":"rpl_"}
        reprocess.requested {"note":"try again","replay_id":"rpl_"}
        result.succeeded {"replay_id":"rpl_","result_id":"res_"}
        reprocess.succeeded {"replay_id":"rpl_"}
        incident.resolved {"resolution":"reprocessed"}
        result.repeated {"result_id":"res_"}
        result.contradicted {"error_code":null,"error_message":"no","result_id":"res_"}
        "#);
    });
}

#[test]
fn of_silence_and_of_every_other_ending() {
    run(async {
        let shop = Shop::open().await;
        let running @ RunningReprocess { event_id, replay_id } = shop.reprocessing("evt_1").await;
        shop.attempt(running, AnswerVerdict::Delivered).await;
        shop.execute(
            "UPDATE reprocesses SET result_due_at = now() - interval '1 second' WHERE event_id = $1",
            event_id,
        )
        .await;
        let mut tx = shop.begin().await;
        silence::end_reprocess_if_due(&mut tx, event_id, replay_id).await.expect("a database");
        pool::commit(tx).await.expect("a commit");
        let canceled = shop.reprocess(event_id).await;
        let mut tx = shop.begin().await;
        let why = "the watch was canceled in Temporal";
        end_undelivered(&mut tx, event_id, canceled, why).await.expect("a database");
        pool::commit(tx).await.expect("a commit");
        shop.resolve(event_id).await;
        let superseded = shop.missed("evt_2").await;
        shop.report(superseded, json!({ "status": "superseded" })).await;
        insta::assert_snapshot!(timeline(&shop, event_id).await, @r#"
        receipt.accepted {"effect_type":"credit_grant","event_type":"invoice.paid"}
        incident.opened {"error_code":null,"error_message":null,"reason":"missing_result"}
        reprocess.requested {"note":"try again","replay_id":"rpl_"}
        callback.delivered {"answer":"ok","attempt":1,"error":null,"latency_ms":12,"replay_id":"rpl_","status":200}
        reprocess.no_result {"replay_id":"rpl_"}
        reprocess.requested {"note":"try again","replay_id":"rpl_"}
        reprocess.undelivered {"replay_id":"rpl_","why":"the watch was canceled in Temporal"}
        incident.resolved {"note":"by hand","resolution":"manual"}
        "#);
        insta::assert_snapshot!(timeline(&shop, superseded).await, @r#"
        receipt.accepted {"effect_type":"credit_grant","event_type":"invoice.paid"}
        incident.opened {"error_code":null,"error_message":null,"reason":"missing_result"}
        result.superseded {"result_id":"res_"}
        incident.resolved {"resolution":"superseded"}
        "#);
    });
}

#[test]
fn of_what_was_typed_paused_or_ambiguous() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.missed("evt_1").await;
        let mut tx = shop.begin().await;
        let (actor, replay_id, note) = (bob(), reprocesses::new_id(), None);
        let request =
            ReprocessRequest { replay_id, actor: &actor, note, bulk_id: None, signal: false };
        let why = "no repair URL";
        reprocess::note_rejection(&mut tx, event_id, request, why).await.expect("noted");
        let entry_id = AuditId::from_uuid(Uuid::now_v7());
        let why = "it is resolved";
        resolve::note_rejection(&mut tx, event_id, &actor, entry_id, why).await.expect("noted");
        let ignored = ["a is 7".to_owned(), "b is 8".to_owned()];
        let id = Uuid::now_v7();
        note_ignored(&mut tx, event_id, &actor, "resolve", id, &ignored).await.expect("noted");
        let cure = "temporal workflow unpause";
        let pause = Stall { kind: StallKind::Paused, what: "watch", key: "run/7", cure };
        note_stall(&mut tx, event_id, pause).await.expect("noted");
        let event = events::find_event(&mut *tx, event_id).await.expect("a database");
        let candidates: Vec<_> = event.into_iter().collect();
        for result in [failure(), success()] {
            let occasion = result.outcome.as_str();
            note_ambiguous(&mut tx, &actor, &candidates, occasion, &result).await.expect("noted");
        }
        pool::commit(tx).await.expect("a commit");
        insta::assert_snapshot!(timeline(&shop, event_id).await, @r#"
        receipt.accepted {"effect_type":"credit_grant","event_type":"invoice.paid"}
        incident.opened {"error_code":null,"error_message":null,"reason":"missing_result"}
        reprocess.refused {"note":null,"why":"no repair URL"}
        resolve.refused {"why":"it is resolved"}
        signal.adjusted {"signal":"resolve","why":"a is 7; b is 8"}
        watch.paused {"cure":"temporal workflow unpause","key":"run/7","what":"watch"}
        result.ambiguous {"candidates":[],"error_code":"locked","error_message":"the account is locked","status":"failed"}
        result.ambiguous {"candidates":[],"error_code":null,"error_message":null,"status":"success"}
        "#);
    });
}

#[test]
fn an_ambiguous_result_is_noted_once_and_in_the_month_of_its_event() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.take("evt_1").await;
        let mut tx = shop.begin().await;
        let event = events::find_event(&mut *tx, event_id).await.expect("a database");
        let candidates: Vec<_> = event.into_iter().collect();
        let (actor, result) = (bob(), success());
        for occasion in ["first", "first", "second"] {
            note_ambiguous(&mut tx, &actor, &candidates, occasion, &result).await.expect("noted");
        }
        pool::commit(tx).await.expect("a commit");
        let times: Vec<(String, String)> = sqlx::query_as(
            "SELECT left(id::text, 13), left(event_id::text, 13) FROM audit_entries WHERE action = 'result.ambiguous'",
        )
        .fetch_all(&shop.pool)
        .await
        .expect("entries");
        assert_eq!(times.len(), 2);
        assert!(times.iter().all(|(entry, event)| entry == event), "{times:?}");
    });
}

#[test]
fn of_an_event_whose_early_result_was_taken_for_another() {
    run(async {
        let shop = Shop::open().await;
        shop.keep_early("early", &early("evt_9", success())).await;
        shop.take("evt_9").await;
        let other = receipt_with("evt_9", &json!({ "internal_reference": "somebody else" }));
        let second = shop.accept(&other).await.event_id;
        insta::assert_snapshot!(timeline(&shop, second).await, @r#"
        receipt.accepted {"effect_type":"credit_grant","event_type":"invoice.paid"}
        result.ambiguous {"settled_event_id":"ev_"}
        "#);
    });
}
