//! Extensions at the point `reprocess`: a team's own worker, or its endpoint, does the work again,
//! and whoever does not hands over to the signed callback.

use domain::ids::EventId;
use domain::incident::{IncidentState, Resolution};
use domain::reprocess::ReprocessState;
use e2e::extension_worker::{ExtensionWorker, Manner, register_with};
use e2e::{World, eventually, run, temporal};
use serde_json::{Value, json};

/// An event whose incident is being reprocessed.
async fn reprocessed(world: &World) -> EventId {
    let event_id = world.receipt("evt_1").await;
    let incident_id = world.fail(event_id, json!({ "error_code": "db_write_failed" })).await;
    world.reprocess(incident_id).await;
    event_id
}

async fn reprocess_ends(world: &World, event_id: EventId, state: ReprocessState) {
    let client = world.temporal().await;
    eventually(state.as_str(), async || {
        let status = temporal::status(&client, event_id).await.ok()?;
        (status.reprocess?.state == state).then_some(())
    })
    .await;
}

#[test]
fn a_repair_activity_applies_an_effect_without_any_endpoint() {
    run(async {
        let world = World::start().await;
        sqlx::query("UPDATE projects SET repair_url = NULL").execute(&world.pool).await.expect("");
        let queue = register_with(&world, json!({ "point": "reprocess" })).await;
        let team =
            ExtensionWorker::start(&world, queue, Manner::Json(json!({ "outcome": "applied" })))
                .await;
        let event_id = reprocessed(&world).await;
        let resolved =
            world.incident_when(event_id, "resolved", |i| i.state == IncidentState::Resolved).await;
        assert_eq!(resolved.resolution, Some(Resolution::Reprocessed));
        temporal::finished(&world.temporal().await, event_id).await;
        assert!(world.repair.received().is_empty());
        let calls = team.calls();
        assert_eq!(calls.len(), 1, "{calls:?}");
        assert_eq!(calls[0]["point"], "reprocess");
        assert!(calls[0]["replay_id"].is_string() && calls[0]["incident_id"].is_string());
        assert_eq!(calls[0]["reason"]["error_code"], "db_write_failed");
    });
}

#[test]
fn what_no_extension_takes_over_goes_to_the_signed_callback_at_once() {
    run(async {
        for manner in [
            Manner::Json(json!({ "outcome": "declined" })),
            Manner::Raise("LedgerDown"),
            Manner::Json(json!({ "outcome": "perhaps" })),
        ] {
            let world = World::start().await;
            let queue = register_with(&world, json!({ "point": "reprocess" })).await;
            let _team = ExtensionWorker::start(&world, queue, manner).await;
            let event_id = reprocessed(&world).await;
            let sent = world.repair.wait_for(1).await;
            assert_eq!(sent[0].json()["event_id"], event_id.to_string());
            reprocess_ends(&world, event_id, ReprocessState::AwaitingResult).await;
        }
    });
}

#[test]
fn without_that_fallback_the_reprocess_ends_undelivered_and_people_may_decide_again() {
    run(async {
        let world = World::start().await;
        let more = json!({ "point": "reprocess", "fallback": "none" });
        let queue = register_with(&world, more).await;
        let declined = Manner::Json(json!({ "outcome": "declined" }));
        let _team = ExtensionWorker::start(&world, queue, declined).await;
        let event_id = reprocessed(&world).await;
        reprocess_ends(&world, event_id, ReprocessState::Undelivered).await;
        world.incident_when(event_id, "open", |i| i.state == IncidentState::Open).await;
        assert!(world.repair.received().is_empty());
    });
}

#[test]
fn an_extension_that_accepts_leaves_the_report_to_the_app_and_one_that_fails_says_why() {
    run(async {
        let world = World::start().await;
        let queue = register_with(&world, json!({ "point": "reprocess" })).await;
        let accepted = Manner::Json(json!({ "outcome": "accepted" }));
        let _team = ExtensionWorker::start(&world, queue, accepted).await;
        let event_id = reprocessed(&world).await;
        reprocess_ends(&world, event_id, ReprocessState::AwaitingResult).await;
        world.result(event_id, "success", json!({})).await;
        world.incident_when(event_id, "resolved", |i| i.state == IncidentState::Resolved).await;

        let world = World::start().await;
        let queue = register_with(&world, json!({ "point": "reprocess" })).await;
        let failed =
            json!({ "outcome": "failed", "error_code": "ledger_closed", "note": "at night" });
        let _team = ExtensionWorker::start(&world, queue, Manner::Json(failed)).await;
        let event_id = reprocessed(&world).await;
        reprocess_ends(&world, event_id, ReprocessState::Failed).await;
        let open = world.incident_when(event_id, "open", |i| i.state == IncidentState::Open).await;
        assert_eq!(open.error.code.as_deref(), Some("ledger_closed"));
        assert!(world.repair.received().is_empty());
    });
}

#[test]
fn an_endpoint_is_asked_in_the_flow_with_the_same_call_on_every_attempt() {
    run(async {
        let world = World::start().await;
        let url = world.repair.url().to_owned();
        register_with(&world, json!({ "point": "reprocess", "url": url })).await;
        world.repair.respond_with(&[503]);
        world.repair.respond_with_body(200, r#"{"outcome":"applied"}"#);
        let event_id = reprocessed(&world).await;
        world.incident_when(event_id, "resolved", |i| i.state == IncidentState::Resolved).await;
        let sent = world.repair.received();
        let calls: Vec<Value> =
            sent.iter().map(|request| request.json()["call_id"].clone()).collect();
        assert_eq!(calls.len(), 2, "{calls:?}");
        assert_eq!(calls[0], calls[1]);
        let history = temporal::finished(&world.temporal().await, event_id).await;
        let asked = temporal::activities(&history);
        assert!(asked.contains(&"ask_endpoint".to_owned()), "{asked:?}");
        assert!(!asked.contains(&"send_callback".to_owned()), "{asked:?}");
    });
}
