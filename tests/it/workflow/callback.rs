//! The app is asked to do the work again.

use std::time::Duration;

use domain::callback::{SCHEDULE, next_delay, planned_wait};
use domain::ids::{EventId, ReplayId};
use domain::incident::IncidentState;
use domain::reprocess::ReprocessState;
use domain::watch::NextStep;
use e2e::scripted::{Reply, Script, ScriptedWorker};
use e2e::{eventually, run, temporal};
use temporalio_common::protos::temporal::api::enums::v1::EventType;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    HALF_AN_HOUR, REPLAY, awaiting_repair, count, finished, incident, open, reprocess, resolved,
    signal_reprocess, signal_result, skip_time, state_is, to_be_sent,
};

#[test]
fn a_callback_is_tried_on_the_whole_schedule_of_the_contract() {
    run(async {
        let jitters = [0.0, 1.0, 0.3, 0.7];
        let given_up = incident(IncidentState::Open, NextStep::WaitForPeople);
        let mut script = Script::new().on("open_incident_if_due", Reply::stands(to_be_sent()));
        for (made, jitter) in (1..).zip(jitters) {
            let delay = next_delay(planned_wait(made).expect("an attempt"), jitter, None);
            script = script.on("send_callback", Reply::retry_after(delay));
            let trying = reprocess(ReprocessState::Delivering, made, to_be_sent());
            script = script.on("read_standing", Reply::stands(trying));
        }
        let undelivered = reprocess(ReprocessState::Undelivered, 5, given_up);
        let script = script
            .on("send_callback", Reply::stands(undelivered))
            .on("resolve_incident", Reply::stands(resolved()));
        let worker = ScriptedWorker::start(script).await;
        let event_id = worker.watch(HALF_AN_HOUR).await;
        skip_time(&worker, event_id).await;

        let attempts = worker.wait_for("send_callback", 5).await;
        worker.engines.signal(event_id, "resolve", None).await.expect("a signal");
        finished(&worker, event_id).await;
        let began = worker.calls_of("open_incident_if_due")[0].due_at;
        let waited = attempts[0].due_at.duration_since(began).expect("time goes on");
        assert!(waited < Duration::from_secs(10), "{waited:?}");
        assert_eq!(attempts.iter().map(|call| call.attempt).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        assert!(attempts.iter().all(|call| call.input == attempts[0].input));
        let looks = worker.calls_of("read_standing");
        for (look, attempt) in looks.iter().zip(&attempts) {
            assert!(look.due_at > attempt.due_at, "a look follows its attempt");
        }
        assert_eq!(looks.len(), 4, "each attempt but the last is seen before the callback ends");
        for (pair, planned) in attempts.windows(2).zip(&SCHEDULE[1..]) {
            let waited = pair[1].due_at.duration_since(pair[0].due_at).expect("time goes on");
            let range = planned.mul_f64(0.9)..planned.mul_f64(1.1) + Duration::from_secs(20);
            assert!(range.contains(&waited), "{waited:?} instead of {planned:?}");
        }
    });
}

#[test]
fn a_success_ends_the_watch_while_its_callback_waits_for_the_next_attempt() {
    run(async {
        let script = Script::new()
            .on("open_incident_if_due", Reply::stands(to_be_sent()))
            .on("send_callback", Reply::retry_after(Duration::from_hours(1)))
            .on("record_result", Reply::stands(resolved()));
        let worker = ScriptedWorker::start(script).await;
        let event_id = worker.watch(Duration::ZERO).await;
        worker.wait_for("send_callback", 1).await;
        signal_result(&worker, event_id, "success").await;
        finished(&worker, event_id).await;
        assert_eq!(worker.calls_of("send_callback").len(), 1);
    });
}

#[test]
fn a_repair_that_is_not_confirmed_in_time_is_ended_by_the_database() {
    run(async {
        let given_up = incident(IncidentState::Open, NextStep::WaitForPeople);
        let script = Script::new()
            .on("open_incident_if_due", Reply::stands(open()))
            .on("request_reprocess", Reply::stands(to_be_sent()))
            .on("send_callback", Reply::stands(awaiting_repair(HALF_AN_HOUR)))
            .on("end_reprocess_if_due", Reply::stands(awaiting_repair(Duration::from_secs(1))))
            .on(
                "end_reprocess_if_due",
                Reply::stands(reprocess(ReprocessState::NoResult, 1, given_up)),
            )
            .on("resolve_incident", Reply::stands(resolved()));
        let worker = ScriptedWorker::start(script).await;
        let event_id = worker.watch(Duration::ZERO).await;
        state_is(&worker, event_id, "open").await;
        signal_reprocess(&worker, event_id).await;
        let sent = worker.wait_for("send_callback", 1).await;
        skip_time(&worker, event_id).await;

        let asked = worker.wait_for("end_reprocess_if_due", 2).await;
        assert_eq!(asked[0].input["replay_id"], REPLAY.to_string());
        let waited = asked[0].due_at.duration_since(sent[0].due_at).expect("time goes on");
        assert!(waited.abs_diff(HALF_AN_HOUR) < Duration::from_secs(10), "{waited:?}");
        worker.engines.signal(event_id, "resolve", None).await.expect("a signal");
        finished(&worker, event_id).await;
    });
}

#[test]
fn the_end_of_an_old_callback_does_not_disturb_a_new_one() {
    run(async {
        let newer = ReplayId::from_uuid(Uuid::from_u128(20));
        let mut again = to_be_sent();
        again.next = NextStep::SendCallback { replay_id: newer };
        let (old_ends, new_ends) = (CancellationToken::new(), CancellationToken::new());
        let script = Script::new()
            .on("open_incident_if_due", Reply::stands(to_be_sent()))
            .on("send_callback", Reply::stands(open()).held_by(&old_ends))
            .on("record_result", Reply::stands(open()))
            .on("request_reprocess", Reply::stands(again))
            .on("send_callback", Reply::stands(resolved()).held_by(&new_ends));
        let worker = ScriptedWorker::start(script).await;
        let event_id = worker.watch(Duration::ZERO).await;
        worker.wait_for("send_callback", 1).await;
        signal_result(&worker, event_id, "failed").await;
        state_is(&worker, event_id, "open").await;
        signal_reprocess(&worker, event_id).await;
        let sent = worker.wait_for("send_callback", 2).await;
        assert_eq!(sent[1].input["replay_id"], newer.to_string());

        old_ends.cancel();
        activities_ended(&worker, event_id, 4).await;
        state_is(&worker, event_id, "reprocessing").await;
        new_ends.cancel();
        finished(&worker, event_id).await;
    });
}

#[test]
fn a_callbacks_end_that_is_older_news_does_not_hide_what_the_database_said_since() {
    run(async {
        let (sent, asked) = (CancellationToken::new(), CancellationToken::new());
        let script = Script::new()
            .on("open_incident_if_due", Reply::stands(to_be_sent()))
            .on("send_callback", Reply::stands(awaiting_repair(HALF_AN_HOUR)).held_by(&sent))
            .on("record_result", Reply::stands(open()).held_by(&asked))
            .on("read_standing", Reply::stands(open()))
            .on("resolve_incident", Reply::stands(resolved()));
        let worker = ScriptedWorker::start(script).await;
        let event_id = worker.watch(Duration::ZERO).await;
        worker.wait_for("send_callback", 1).await;
        signal_result(&worker, event_id, "failed").await;
        worker.wait_for("record_result", 1).await;
        sent.cancel();
        activities_ended(&worker, event_id, 2).await;
        asked.cancel();
        worker.wait_for("read_standing", 1).await;
        state_is(&worker, event_id, "open").await;
        worker.engines.signal(event_id, "resolve", None).await.expect("a signal");
        finished(&worker, event_id).await;
    });
}

/// Waits until so many activities have ended and the watch has processed that.
async fn activities_ended(worker: &ScriptedWorker, event_id: EventId, ended: usize) {
    eventually(&format!("{ended} ended activities"), async || {
        let events = temporal::history(&worker.client, event_id).await.ok()?;
        let last = events.last()?.event_type();
        let processed = last == EventType::WorkflowTaskCompleted;
        (processed && count(&events, EventType::ActivityTaskCompleted) == ended).then_some(())
    })
    .await;
}
