//! The golden history of the probe: it is recorded and replayed as those of the watch are.

use e2e::{World, WorldOptions, eventually, run};
use serde_json::Value;
use temporalio_client::{WorkflowFetchHistoryOptions, WorkflowGetResultOptions};
use tokio::sync::OnceCell;
use workflows::WatchProbe;
use workflows::names::probe_id;

use super::{assert_drifts, assert_fits, golden_of};

pub(super) const STORY: &str = "called";

static RECORDED: OnceCell<()> = OnceCell::const_new();

pub(super) async fn golden() -> Vec<(String, Vec<u8>)> {
    golden_of("WatchProbe", STORY, &RECORDED, play).await
}

/// Lets one probe call.
async fn play() -> Vec<u8> {
    let world = World::start_with(WorldOptions::default().with_probes()).await;
    world.repair.wait_for(1).await;
    let client = world.temporal().await;
    let probe = client.get_workflow_handle::<WatchProbe>(probe_id(world.engine.task_queue()));
    let ended = async || probe.get_result(WorkflowGetResultOptions::default()).await.ok();
    assert_eq!(eventually("the probe's end", ended).await.ended, "called");
    let history = probe.fetch_history(WorkflowFetchHistoryOptions::default());
    history.to_json().await.expect("a history")
}

#[test]
fn a_probe_of_an_earlier_release_is_replayed_without_a_mismatch() {
    run(async {
        let golden = golden().await;
        assert!(golden.iter().any(|(name, _)| name == STORY), "no history of {STORY}");
        assert_fits::<WatchProbe>(golden).await;
    });
}

#[test]
fn a_probe_that_gives_its_commands_in_another_order_fails_the_replay() {
    run(async {
        assert_drifts::<super::changed::WatchProbe>(golden().await).await;
    });
}

#[test]
fn a_probe_costs_a_start_a_timer_and_an_activity() {
    run(async {
        for (name, json) in golden().await {
            let history: Value = serde_json::from_slice(&json).expect("JSON");
            let events = history["events"].as_array().expect("events");
            let billed = events.iter().filter_map(|event| {
                let kind = event["attributes"].as_object()?.keys().next()?;
                let kind = kind.trim_end_matches("EventAttributes");
                let free = ["WorkflowTask", "TimerFired", "ActivityTaskStarted"];
                let free =
                    free.iter().any(|free| kind.starts_with(free)) || kind.ends_with("Completed");
                (!free).then_some(kind)
            });
            let billed: Vec<_> = billed.collect();
            assert_eq!(
                billed,
                ["WorkflowExecutionStarted", "TimerStarted", "ActivityTaskScheduled"],
                "{name}"
            );
        }
    });
}
