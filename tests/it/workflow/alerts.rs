//! Alerts run beside the watch: a destination that hangs or fails holds up nothing.

use std::time::Duration;

use e2e::run;
use e2e::scripted::{Reply, Script, ScriptedWorker};
use temporalio_common::protos::temporal::api::enums::v1::EventType;
use tokio_util::sync::CancellationToken;

use super::{
    ALERT, HALF_AN_HOUR, awaiting_repair, count, finished, open, resolved, signal_reprocess,
    signal_result, state_is, to_be_sent, with_alert,
};

#[test]
fn an_alert_that_hangs_delays_no_reprocess_and_keeps_the_watch_half_a_minute_at_most() {
    run(async {
        let never = CancellationToken::new();
        let script = Script::new()
            .on("open_incident_if_due", Reply::stands(with_alert(open())))
            .on("deliver_alert", Reply::done().held_by(&never))
            .on("request_reprocess", Reply::stands(with_alert(to_be_sent())))
            .on("send_callback", Reply::stands(with_alert(awaiting_repair(HALF_AN_HOUR))))
            .on("record_result", Reply::stands(with_alert(resolved())));
        let worker = ScriptedWorker::start(script).await;
        let event_id = worker.watch(Duration::ZERO).await;
        let told = worker.wait_for("deliver_alert", 1).await;
        assert_eq!(told[0].input["alert_id"], ALERT.to_string());

        signal_reprocess(&worker, event_id).await;
        worker.wait_for("send_callback", 1).await;
        signal_result(&worker, event_id, "success").await;
        state_is(&worker, event_id, "resolved").await;
        let events = finished(&worker, event_id).await;
        assert_eq!(count(&events, EventType::ActivityTaskTimedOut), 1, "not waited for any more");
        assert_eq!(worker.calls_of("deliver_alert").len(), 1);
    });
}

#[test]
fn an_alert_that_cannot_be_tried_for_an_hour_is_left_to_the_database_at_once() {
    run(async {
        let script = Script::new()
            .on("open_incident_if_due", Reply::stands(with_alert(resolved())))
            .on("deliver_alert", Reply::retry_after(Duration::from_hours(1)));
        let worker = ScriptedWorker::start(script).await;
        let event_id = worker.watch(Duration::ZERO).await;
        let events = finished(&worker, event_id).await;
        assert_eq!(count(&events, EventType::ActivityTaskFailed), 1);
    });
}

#[test]
fn a_word_that_comes_while_the_last_alert_is_on_its_way_is_still_recorded() {
    run(async {
        let slow = CancellationToken::new();
        let script = Script::new()
            .on("open_incident_if_due", Reply::stands(with_alert(resolved())))
            .on("deliver_alert", Reply::done().held_by(&slow))
            .on("request_reprocess", Reply::stands(resolved()));
        let worker = ScriptedWorker::start(script).await;
        let event_id = worker.watch(Duration::ZERO).await;
        worker.wait_for("deliver_alert", 1).await;
        worker.engines.signal(event_id, "reprocess", None).await.expect("a signal");
        worker.wait_for("request_reprocess", 1).await;
        slow.cancel();
        finished(&worker, event_id).await;
    });
}
