//! Signals are delivered at least once. Receiving one again changes nothing.

use std::time::Duration;

use e2e::run;
use e2e::scripted::{Reply, Script, ScriptedWorker};
use serde_json::json;
use temporalio_client::WorkflowSignalOptions;
use temporalio_common::protos::temporal::api::enums::v1::EventType;
use tokio_util::sync::CancellationToken;
use workflows::EffectWatch;
use workflows::names::workflow_id;

use super::{
    ALERT, count, finished, open, plain_json, resolved, signal_reprocess, signal_result, state_is,
    to_be_sent,
};

#[test]
fn a_result_that_is_told_again_and_again_is_looked_up_and_changes_nothing() {
    run(async {
        let script = Script::new()
            .on("record_result", Reply::stands(open()))
            .on("record_result", Reply::stands(open()))
            .on("record_result", Reply::stands(open()))
            .on("record_result", Reply::stands(resolved()));
        let worker = ScriptedWorker::start(script).await;
        let event_id = worker.watch(Duration::from_hours(1)).await;
        signal_result(&worker, event_id, "failed").await;
        let before = state_is(&worker, event_id, "open").await;
        signal_result(&worker, event_id, "failed").await;
        signal_result(&worker, event_id, "failed").await;
        worker.wait_for("record_result", 3).await;
        assert_eq!(state_is(&worker, event_id, "open").await, before);
        signal_result(&worker, event_id, "success").await;

        let events = finished(&worker, event_id).await;
        // One is the patch marker's.
        assert_eq!(count(&events, EventType::UpsertWorkflowSearchAttributes), 3);
        assert_eq!(count(&events, EventType::TimerStarted), 1);
    });
}

#[test]
fn a_reprocess_that_is_told_twice_sends_one_callback_and_one_alert() {
    run(async {
        let slow = CancellationToken::new();
        let mut told = to_be_sent();
        told.alerts.push(ALERT);
        let script = Script::new()
            .on("open_incident_if_due", Reply::stands(open()))
            .on("request_reprocess", Reply::stands(told.clone()))
            .on("request_reprocess", Reply::stands(told))
            .on("deliver_alert", Reply::done())
            .on("send_callback", Reply::stands(resolved()).held_by(&slow));
        let worker = ScriptedWorker::start(script).await;
        let event_id = worker.watch(Duration::ZERO).await;
        state_is(&worker, event_id, "open").await;
        signal_reprocess(&worker, event_id).await;
        worker.wait_for("send_callback", 1).await;
        signal_reprocess(&worker, event_id).await;
        worker.wait_for("request_reprocess", 2).await;
        slow.cancel();
        finished(&worker, event_id).await;
        assert_eq!(worker.calls_of("send_callback").len(), 1);
        assert_eq!(worker.calls_of("deliver_alert").len(), 1);
    });
}

#[test]
fn a_signal_that_is_carried_twice_with_the_same_wish_arrives_once() {
    run(async {
        let slow = CancellationToken::new();
        let script = Script::new()
            .on("open_incident_if_due", Reply::stands(open()))
            .on("resolve_incident", Reply::stands(resolved()).held_by(&slow));
        let worker = ScriptedWorker::start(script).await;
        let event_id = worker.watch(Duration::ZERO).await;
        state_is(&worker, event_id, "open").await;
        let handle = worker.client.get_workflow_handle::<EffectWatch>(workflow_id(event_id));
        let request_id = uuid::Uuid::now_v7().to_string();
        for _ in 0..2 {
            let options = WorkflowSignalOptions::builder().request_id(request_id.clone()).build();
            let outcome = plain_json(&json!({"recorded": true}));
            handle.signal(EffectWatch::resolve, outcome, options).await.expect("a signal");
        }
        slow.cancel();
        let events = finished(&worker, event_id).await;
        assert_eq!(count(&events, EventType::WorkflowExecutionSignaled), 1);
    });
}
