//! Acknowledging an incident, and everything that may come after.

use domain::callback::AnswerVerdict;
use domain::event::Effect;
use domain::ids::EventId;
use domain::incident::IncidentState;
use domain::rejection::Rejection;
use domain::watch::NextStep;
use e2e::run;
use serde_json::json;
use store::transitions::acknowledge::{AcknowledgeRequest, acknowledge_incident};
use store::{event_state, pool, reprocesses};

use super::people::alice;
use super::shop::{RunningReprocess, Shop, accepted};

async fn acknowledge(shop: &Shop, event_id: EventId) -> Result<(), Rejection> {
    let mut tx = shop.begin().await;
    let acknowledged = acknowledge_incident(
        &mut tx,
        event_id,
        AcknowledgeRequest { actor: &alice(), note: Some("on it"), bulk_id: None },
    )
    .await;
    pool::commit(tx).await.expect("a commit");
    acknowledged.map_err(|error| error.rejection().expect("a database"))
}

/// An incident that alice has acknowledged.
async fn acknowledged(shop: &Shop, provider_event_id: &str) -> EventId {
    let event_id = shop.missed(provider_event_id).await;
    assert_eq!(acknowledge(shop, event_id).await, Ok(()));
    event_id
}

#[test]
fn an_open_incident_is_acknowledged_once_with_who_and_why() {
    run(async {
        let shop = Shop::open().await;
        let event_id = acknowledged(&shop, "evt_1").await;
        insta::assert_snapshot!(shop.story(event_id).await, @r"
        effect: missing
        incident: acknowledged/missing_result
        alerts: incident_opened
        outbox: start acknowledged
        timeline: receipt.accepted incident.opened incident.acknowledged
        ");
        let before = shop.story(event_id).await;
        let again = acknowledge(&shop, event_id).await;
        assert_eq!(again, Err(Rejection::Acknowledged(None)));
        assert_eq!(shop.story(event_id).await, before, "a refusal leaves no trace");
        let (actor, note, at): (String, String, bool) = sqlx::query_as(
            "SELECT actor, detail->>'note', acknowledged_at IS NOT NULL
             FROM audit_log a JOIN incidents i ON i.id = a.incident_id WHERE action = 'incident.acknowledged'",
        )
        .fetch_one(&shop.pool)
        .await
        .expect("an entry");
        let expected = ("operator:alice@cometcart.test", "on it", true);
        assert_eq!((actor.as_str(), note.as_str(), at), expected);
    });
}

#[test]
fn only_an_open_incident_can_be_acknowledged() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.take("evt_1").await;
        assert_eq!(acknowledge(&shop, event_id).await, Err(Rejection::NoIncident));
        shop.fail(event_id).await;
        shop.reprocess(event_id).await;
        assert_eq!(acknowledge(&shop, event_id).await, Err(Rejection::Reprocessing(None, None)));
        shop.resolve(event_id).await;
        assert_eq!(acknowledge(&shop, event_id).await, Err(Rejection::Resolved(None)));
        assert!(!shop.story(event_id).await.contains("incident.acknowledged"));
    });
}

#[test]
fn the_watch_goes_on_waiting_for_people_and_shows_the_state_when_it_looks() {
    run(async {
        let shop = Shop::open().await;
        let event_id = acknowledged(&shop, "evt_1").await;
        let mut tx = shop.begin().await;
        let state = event_state::read_for_watch(&mut tx, event_id).await.expect("a state");
        assert_eq!(state.next, NextStep::WaitForPeople);
        let state = state.incident.map(|incident| incident.state);
        assert_eq!(state, Some(IncidentState::Acknowledged.into()));
    });
}

#[test]
fn an_acknowledged_incident_is_reprocessed_and_a_repair_that_fails_opens_it_again() {
    run(async {
        let shop = Shop::open().await;
        let event_id = acknowledged(&shop, "evt_1").await;
        let replay_id = shop.reprocess(event_id).await;
        shop.attempt(RunningReprocess { event_id, replay_id }, AnswerVerdict::Stop).await;
        assert_eq!(shop.incident(event_id).await.state, IncidentState::Open);
        assert_eq!(acknowledge(&shop, event_id).await, Ok(()));
        let replay_id = shop.reprocess(event_id).await;
        shop.attempt(RunningReprocess { event_id, replay_id }, AnswerVerdict::Delivered).await;
        shop.report(event_id, json!({"status": "success", "replay_id": replay_id})).await;
        insta::assert_snapshot!(shop.story(event_id).await, @r"
        effect: succeeded
        incident: resolved/missing_result/reprocessed
        reprocess: undelivered succeeded
        alerts: incident_opened reprocess_failed incident_resolved
        outbox: start acknowledged reprocess acknowledged reprocess result
        timeline: receipt.accepted incident.opened incident.acknowledged reprocess.requested callback.failed reprocess.undelivered incident.acknowledged reprocess.requested callback.delivered result.succeeded reprocess.succeeded incident.resolved
        ");
    });
}

#[test]
fn an_acknowledged_incident_is_resolved_by_hand() {
    run(async {
        let shop = Shop::open().await;
        let event_id = acknowledged(&shop, "evt_1").await;
        shop.resolve(event_id).await;
        insta::assert_snapshot!(shop.story(event_id).await, @r"
        effect: missing
        incident: resolved/missing_result/manual
        alerts: incident_opened incident_resolved
        outbox: start acknowledged resolve
        timeline: receipt.accepted incident.opened incident.acknowledged incident.resolved
        ");
    });
}

#[test]
fn an_acknowledged_incident_resolves_with_a_late_success_and_stays_with_another_failure() {
    run(async {
        let shop = Shop::open().await;
        let event_id = acknowledged(&shop, "evt_1").await;
        let response = accepted(&shop.fail(event_id).await);
        assert_eq!(response.effect, Effect::Failed);
        assert_eq!(response.incident, Some(IncidentState::Acknowledged));
        shop.silence(event_id).await;
        assert_eq!(shop.incident(event_id).await.state, IncidentState::Acknowledged);
        shop.succeed(event_id).await;
        insta::assert_snapshot!(shop.story(event_id).await, @r"
        effect: succeeded
        incident: resolved/missing_result/db_write_failed/late_success
        alerts: incident_opened incident_resolved
        outbox: start acknowledged result
        timeline: receipt.accepted incident.opened incident.acknowledged result.failed result.succeeded incident.resolved
        ");
    });
}

#[test]
fn whatever_comes_at_once_with_an_acknowledgement_is_judged_after_or_before_it() {
    run(async {
        let shop = Shop::open().await;
        for round in 0..20 {
            let event_id = shop.missed(&format!("evt_{round}")).await;
            let (one, other) =
                tokio::join!(acknowledge(&shop, event_id), acknowledge(&shop, event_id));
            assert_eq!([one, other].iter().filter(|outcome| outcome.is_ok()).count(), 1);

            let event_id = shop.missed(&format!("late_{round}")).await;
            let (seen, _) = tokio::join!(acknowledge(&shop, event_id), shop.succeed(event_id));
            assert!([Ok(()), Err(Rejection::Resolved(None))].contains(&seen), "{seen:?}");
            assert_eq!(shop.incident(event_id).await.state, IncidentState::Resolved);

            let event_id = shop.missed(&format!("again_{round}")).await;
            let replay_id = reprocesses::new_id();
            let (seen, started) =
                tokio::join!(acknowledge(&shop, event_id), shop.try_reprocess(event_id, replay_id));
            assert_eq!(started, Ok(()));
            assert!([Ok(()), Err(Rejection::Reprocessing(None, None))].contains(&seen), "{seen:?}");
            assert_eq!(shop.incident(event_id).await.state, IncidentState::Reprocessing);
        }
    });
}
