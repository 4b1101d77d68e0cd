//! A watch that has received a lot goes on in a fresh run.

use std::time::Duration;

use e2e::run;
use e2e::scripted::{Reply, Script, ScriptedWorker};
use e2e::temporal;
use serde_json::json;
use temporalio_client::WorkflowSignalOptions;
use temporalio_common::protos::temporal::api::enums::v1::EventType;
use workflows::EffectWatch;
use workflows::names::workflow_id;

use super::{count, finished, open, plain_json, resolved, signal_result, state_is};

/// Six such notes make a history of more than 4 MB, at which the server suggests a fresh run. What
/// the watch passes on of them is short.
const LONG: usize = 750_000;

#[test]
fn a_long_watch_goes_on_in_a_fresh_run_and_finds_its_place() {
    run(async {
        let mut script = Script::new().on("open_incident_if_due", Reply::stands(open()));
        for _ in 0..6 {
            script = script.on("resolve_incident", Reply::stands(open()));
        }
        let script = script
            .on("read_standing", Reply::stands(open()))
            .on("record_result", Reply::stands(resolved()));
        let worker = ScriptedWorker::start(script).await;
        let event_id = worker.watch(Duration::ZERO).await;
        state_is(&worker, event_id, "open").await;
        let handle = worker.client.get_workflow_handle::<EffectWatch>(workflow_id(event_id));
        for _ in 0..6 {
            let note = plain_json(&json!({ "note": "x".repeat(LONG) }));
            let options = WorkflowSignalOptions::default();
            handle.signal(EffectWatch::resolve, note, options).await.expect("a signal");
        }
        worker.wait_for("read_standing", 1).await;
        state_is(&worker, event_id, "open").await;
        signal_result(&worker, event_id, "success").await;

        let events = finished(&worker, event_id).await;
        assert_eq!(temporal::activities(&events), ["read_standing", "record_result"]);
        assert_eq!(count(&events, EventType::TimerStarted), 0);
        // The state travels with the run, so only its change to `resolved` is written, and the
        // patch marker.
        assert_eq!(count(&events, EventType::UpsertWorkflowSearchAttributes), 2);
    });
}
