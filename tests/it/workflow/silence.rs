//! No result comes.

use std::time::{Duration, Instant};

use domain::ids::EventId;
use domain::project::DEFAULT_TIMEOUT_MINUTES;
use e2e::scripted::{Reply, Script, ScriptedWorker};
use e2e::{World, run, temporal};
use temporalio_common::protos::temporal::api::enums::v1::EventType;
use time::OffsetDateTime;
use uuid::Uuid;
use workflows::effect_watch::WatchInput;

use super::{
    HALF_AN_HOUR, count, finished, not_yet_due, open, resolved, signal_result, skip_time, state_is,
    time_of, to_be_sent,
};

#[test]
fn half_an_hour_of_silence_asks_once_whether_an_incident_is_due() {
    run(async {
        let world = World::start_without_worker().await;
        assert_eq!(world.project.timeout_minutes, DEFAULT_TIMEOUT_MINUTES);
        let script = Script::new()
            .on("open_incident_if_due", Reply::stands(open()))
            .on("record_result", Reply::stands(resolved()));
        let worker =
            ScriptedWorker::on_queue_of(&world.engine, world.engines.clone(), script).await;
        let began = Instant::now();
        let event_id = world.receipt("evt_1").await;
        state_is(&worker, event_id, "pending").await;
        skip_time(&worker, event_id).await;

        let asked = worker.wait_for("open_incident_if_due", 1).await;
        assert!(began.elapsed() < Duration::from_secs(40), "{:?}", began.elapsed());
        assert_eq!(asked[0].input, serde_json::json!({ "event_id": event_id }));
        signal_result(&worker, event_id, "success").await;
        let events = finished(&worker, event_id).await;
        let silent = time_of(&events, EventType::TimerFired);
        assert!(silent.abs_diff(HALF_AN_HOUR) < Duration::from_secs(10), "{silent:?}");
        assert_eq!(worker.calls_of("open_incident_if_due").len(), 1);
    });
}

#[test]
fn what_is_not_yet_due_is_waited_for() {
    run(async {
        let rest = Duration::from_secs(90);
        let script = Script::new()
            .on("open_incident_if_due", Reply::stands(not_yet_due(rest)))
            .on("open_incident_if_due", Reply::stands(resolved()));
        let worker = ScriptedWorker::start(script).await;
        let event_id = worker.watch(HALF_AN_HOUR).await;
        skip_time(&worker, event_id).await;
        let events = finished(&worker, event_id).await;
        assert_eq!(count(&events, EventType::TimerFired), 2);
        let asked = worker.calls();
        let waited = asked[1].due_at.duration_since(asked[0].due_at).expect("time goes on");
        assert!((rest..rest * 2).contains(&waited), "{waited:?}");
    });
}

#[test]
fn a_watch_that_is_started_again_first_asks_where_its_event_stands() {
    run(async {
        let script = Script::new()
            .on("read_standing", Reply::stands(to_be_sent()))
            .on("send_callback", Reply::stands(resolved()));
        let worker = ScriptedWorker::start(script).await;
        let event_id = EventId::from_uuid(Uuid::now_v7());
        let timeout_at = OffsetDateTime::now_utc() + HALF_AN_HOUR;
        worker.watch_over(WatchInput::new(event_id, timeout_at, true, &[])).await;
        let events = finished(&worker, event_id).await;
        assert_eq!(temporal::activities(&events), ["read_standing", "send_callback"]);
        assert_eq!(count(&events, EventType::TimerStarted), 1, "only to look at the callback");
    });
}
