//! What a history says of each step.

use std::time::Duration;

use e2e::run;
use e2e::scripted::{Reply, Script, ScriptedWorker};
use temporalio_common::protos::temporal::api::enums::v1::EventType;
use temporalio_common::protos::temporal::api::history::v1::HistoryEvent;
use workflows::names::workflow_id;

use super::{
    ALERT, HALF_AN_HOUR, awaiting_repair, finished, open, page, resolved, signal_reprocess,
    signal_result, skip_time, state_is, to_be_sent, with_alert,
};

fn summary(event: &HistoryEvent) -> Option<String> {
    let summary = event.user_metadata.as_ref()?.summary.as_ref()?;
    serde_json::from_slice(&summary.data).ok()
}

#[test]
fn every_activity_and_timer_says_what_it_is_for() {
    run(async {
        let script = Script::new()
            .on("open_incident_if_due", Reply::stands(with_alert(open())))
            .on("deliver_alert", Reply::done())
            .on("request_reprocess", Reply::stands(to_be_sent()))
            .on("send_callback", Reply::stands(awaiting_repair(Duration::from_mins(1))))
            .on("end_reprocess_if_due", Reply::stands(open()))
            .on("record_result", Reply::stands(resolved()));
        let worker = ScriptedWorker::start(script).await;
        let event_id = worker.watch(HALF_AN_HOUR).await;
        skip_time(&worker, event_id).await;
        state_is(&worker, event_id, "open").await;
        let id = workflow_id(event_id);
        let shown = worker.engines.cli(&["workflow", "metadata", "--workflow-id", &id]).await;
        let shown = shown.expect("metadata");
        for part in ["**open** since 20", &page(), "an operator, or a late success"] {
            assert!(shown.contains(part), "{part} in {shown}");
        }
        signal_reprocess(&worker, event_id).await;
        worker.wait_for("end_reprocess_if_due", 1).await;
        signal_result(&worker, event_id, "success").await;
        let events = finished(&worker, event_id).await;
        let kinds = [EventType::ActivityTaskScheduled, EventType::TimerStarted];
        let steps: Vec<_> =
            events.iter().filter(|event| kinds.contains(&event.event_type())).collect();
        let said: Vec<_> = steps.iter().filter_map(|event| summary(event)).collect();
        assert_eq!(said.len(), steps.len(), "{said:?}");
        for wanted in [
            "the deadline: without a result the incident opens",
            "open the incident if it is due",
            &format!("deliver alert {ALERT}"),
            "record the reprocess that was signalled",
            "the reprocess has no result",
            "end the reprocess if no result came",
            "record the result that was signalled",
        ] {
            assert!(said.iter().any(|said| said == wanted), "{wanted} in {said:?}");
        }
    });
}
