//! What nearly every watch does, and therefore what it costs.

use e2e::run;
use e2e::scripted::{Script, ScriptedWorker};
use temporalio_common::protos::temporal::api::enums::v1::EventType;

use super::{HALF_AN_HOUR, count, finished, signal_result, state_is};

#[test]
fn a_success_in_time_costs_a_start_a_timer_and_a_signal() {
    run(async {
        let worker = ScriptedWorker::start(Script::new()).await;
        let event_id = worker.watch(HALF_AN_HOUR).await;
        state_is(&worker, event_id, "pending").await;
        signal_result(&worker, event_id, "success").await;

        let events = finished(&worker, event_id).await;
        assert!(events.len() <= 11, "{} events", events.len());
        assert_eq!(count(&events, EventType::TimerStarted), 1);
        assert_eq!(count(&events, EventType::WorkflowExecutionSignaled), 1);
        assert_eq!(count(&events, EventType::ActivityTaskScheduled), 0);
        assert_eq!(count(&events, EventType::UpsertWorkflowSearchAttributes), 0);
        state_is(&worker, event_id, "applied").await;
    });
}
