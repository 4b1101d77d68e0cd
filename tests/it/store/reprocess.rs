//! Starting a reprocess.

use domain::callback::AnswerVerdict;
use domain::rejection::Rejection;
use e2e::run;
use serde_json::{Value, json};
use store::pool;
use store::reprocesses::{self, find_reprocess};
use store::transitions::reprocess::{ReprocessRequest, note_rejection};

use super::shop::{RunningReprocess, Shop, bob};

#[test]
fn a_reprocess_of_an_open_incident_starts_once() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.missed("evt_1").await;
        let replay_id = shop.reprocess(event_id).await;
        insta::assert_snapshot!(shop.story(event_id).await, @r"
        effect: missing
        incident: reprocessing/missing_result
        reprocess: requested
        alerts: incident_opened
        outbox: start reprocess
        timeline: receipt.accepted incident.opened reprocess.requested
        ");
        let before = shop.story(event_id).await;
        assert_eq!(shop.try_reprocess(event_id, replay_id).await, Ok(()));
        assert_eq!(shop.story(event_id).await, before);
    });
}

#[test]
fn the_same_replay_id_is_known_even_after_its_reprocess_ended() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.missed("evt_1").await;
        let replay_id = shop.reprocess(event_id).await;
        shop.attempt(RunningReprocess { event_id, replay_id }, AnswerVerdict::Stop).await;
        let before = shop.story(event_id).await;
        assert_eq!(shop.try_reprocess(event_id, replay_id).await, Ok(()));
        assert_eq!(shop.story(event_id).await, before);
    });
}

#[test]
fn a_reprocess_is_rejected_with_the_reason() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.take("evt_1").await;
        let request = || reprocesses::new_id();
        let rejected = shop.try_reprocess(event_id, request()).await;
        assert_eq!(rejected, Err(Rejection::NoIncident));
        shop.fail(event_id).await;
        let running = shop.reprocess(event_id).await;
        let rejected = shop.try_reprocess(event_id, request()).await;
        assert_eq!(rejected, Err(Rejection::Reprocessing(Some(running), None)));
        shop.succeed(event_id).await;
        let before = shop.story(event_id).await;
        let rejected = shop.try_reprocess(event_id, request()).await;
        assert_eq!(rejected, Err(Rejection::Resolved(None)));
        assert_eq!(shop.story(event_id).await, before, "a refusal leaves no trace here");
    });
}

#[test]
fn nobody_is_asked_in_a_project_without_a_repair_url() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.missed("evt_1").await;
        let repair_url = async |url: Option<&str>| {
            let sql = "UPDATE projects SET repair_url = $1";
            sqlx::query(sql).bind(url).execute(&shop.pool).await.expect("a database");
        };
        repair_url(None).await;
        let before = shop.story(event_id).await;
        let rejected = shop.try_reprocess(event_id, reprocesses::new_id()).await;
        assert_eq!(rejected, Err(Rejection::NoRepairUrl));
        assert_eq!(shop.story(event_id).await, before);
        repair_url(Some("http://127.0.0.1:9/repair")).await;
        shop.reprocess(event_id).await;
    });
}

#[test]
fn a_rejection_of_what_was_typed_by_hand_is_noted_once() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.take("evt_1").await;
        let actor = bob();
        let replay_id = reprocesses::new_id();
        let request =
            ReprocessRequest { replay_id, actor: &actor, note: None, bulk_id: None, signal: false };
        for _ in 0..2 {
            let mut tx = shop.begin().await;
            let why = Rejection::NoIncident.to_string();
            note_rejection(&mut tx, event_id, request, &why).await.expect("a database");
            pool::commit(tx).await.expect("a commit");
        }
        insta::assert_snapshot!(shop.story(event_id).await, @r"
        effect: pending
        outbox: start
        timeline: receipt.accepted reprocess.refused
        ");
    });
}

#[test]
fn after_an_ending_another_reprocess_may_start() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.missed("evt_1").await;
        for _ in 0..2 {
            let replay_id = shop.reprocess(event_id).await;
            shop.attempt(RunningReprocess { event_id, replay_id }, AnswerVerdict::Stop).await;
        }
        insta::assert_snapshot!(shop.story(event_id).await, @r"
        effect: missing
        incident: open/missing_result
        reprocess: undelivered undelivered
        alerts: incident_opened reprocess_failed reprocess_failed
        outbox: start reprocess reprocess
        timeline: receipt.accepted incident.opened reprocess.requested callback.failed reprocess.undelivered reprocess.requested callback.failed reprocess.undelivered
        ");
    });
}

#[test]
fn the_body_of_the_callback_says_all_that_the_contract_promises() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.take("evt_1").await;
        shop.fail(event_id).await;
        let replay_id = shop.reprocess(event_id).await;
        let saved = find_reprocess(&shop.pool, replay_id).await.expect("a database");
        let mut body: Value =
            serde_json::from_str(&saved.expect("a reprocess").body).expect("JSON");
        let requested_at = body["requested_at"].take();
        assert!(requested_at.as_str().is_some_and(|text| text.ends_with('Z')), "{requested_at}");
        let incident_id = shop.incident(event_id).await.id;
        assert_eq!(
            body,
            json!({
                "type": "reprocess", "replay_id": replay_id, "incident_id": incident_id,
                "event_id": event_id, "project_id": shop.owner.project_id, "mode": "test",
                "provider": "stripe", "provider_event_id": "evt_1", "event_type": "invoice.paid",
                "effect_type": "credit_grant", "internal_reference": "user_456",
                "occurred_at": "2026-11-21T14:02:09Z", "shopify_shop_domain": null,
                "reason": {
                    "kind": "failed_result", "error_code": "db_write_failed", "error_message": null
                },
                "requested_at": null
            })
        );
    });
}
