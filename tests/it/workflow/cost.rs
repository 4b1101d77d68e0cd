//! What a watch costs: events, billed actions, and the bytes of its history, on the real database.
//!
//! The bounds in bytes leave room for ids and texts of another length, not for another event.

use domain::ids::EventId;
use e2e::extension_worker::{ExtensionWorker, Manner, register};
use e2e::world::SHORT;
use e2e::{World, WorldOptions, eventually, run, temporal};
use serde_json::{Value, json};
use temporalio_common::protos::temporal::api::history::v1::HistoryEvent;
use workflows::names::workflow_id;

/// The time of a world whose events are probed: a probe has half of it.
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(12);

/// The history of a watch that has ended, and its size in bytes as the server counts it.
async fn ended(world: &World, event_id: EventId) -> (Vec<HistoryEvent>, u64) {
    let events = temporal::finished(&world.temporal().await, event_id).await;
    let id = workflow_id(event_id);
    let describe = ["workflow", "describe", "--workflow-id", &id, "--output", "json"];
    let shown = world.engines.cli(&describe).await.expect("a description");
    let shown: Value = serde_json::from_str(&shown).expect("JSON");
    let bytes = shown["workflowExecutionInfo"]["historySizeBytes"].as_str().expect("a size");
    (events, bytes.parse().expect("a number"))
}

/// An event whose effect was missed and reported late, with one destination.
async fn missed(world: &World) -> (Vec<HistoryEvent>, u64) {
    world.alert_bob().await;
    let event_id = world.receipt("evt_1").await;
    let client = world.temporal().await;
    world.mailbox.wait_for(1).await;
    eventually("a watch over the incident", async || {
        let status = temporal::status(&client, event_id).await.ok()?;
        (status.state == "open").then_some(())
    })
    .await;
    world.result(event_id, "success", json!({})).await;
    ended(world, event_id).await
}

#[test]
fn a_success_in_time_costs_ten_events_three_actions_and_two_kilobytes() {
    run(async {
        let world = World::start().await;
        let event_id = world.receipt("evt_1").await;
        let client = world.temporal().await;
        eventually("a watch", async || temporal::status(&client, event_id).await.ok()).await;
        world.result(event_id, "success", json!({})).await;
        let (events, bytes) = ended(&world, event_id).await;
        assert_eq!((events.len(), temporal::billed_actions(&events)), (10, 3), "{events:#?}");
        assert!(bytes <= 2_100, "{bytes} bytes");
    });
}

#[test]
fn a_missed_effect_costs_nine_actions_and_a_probe_four_more() {
    run(async {
        let world = World::start_with(WorldOptions::with_timeout(SHORT)).await;
        let (events, bytes) = missed(&world).await;
        // The start, the deadline, two activities that ask the database, two alerts, the signal, and
        // two changes of `SpState`.
        assert_eq!(temporal::billed_actions(&events), 9, "{events:#?}");
        assert!(bytes <= 7_000, "{bytes} bytes");

        let world = World::start_with(WorldOptions::with_timeout(TIMEOUT)).await;
        let queue = register(&world, "before_incident", "settle").await;
        let answer = Manner::Json(json!({ "settled": null }));
        let _team = ExtensionWorker::start(&world, queue, answer).await;
        let (events, _) = missed(&world).await;
        assert_eq!(temporal::billed_actions(&events), 9 + 4, "{events:#?}");
    });
}

#[test]
fn a_probe_that_settles_costs_four_actions_more_than_a_success_in_time() {
    run(async {
        let world = World::start_with(WorldOptions::with_timeout(TIMEOUT)).await;
        let queue = register(&world, "before_incident", "settle").await;
        let answer = Manner::Json(json!({ "settled": true }));
        let _team = ExtensionWorker::start(&world, queue, answer).await;
        let event_id = world.receipt("evt_1").await;
        let (events, bytes) = ended(&world, event_id).await;
        assert_eq!(temporal::billed_actions(&events), 3 + 4, "{events:#?}");
        assert!(bytes <= 7_200, "{bytes} bytes");
    });
}
