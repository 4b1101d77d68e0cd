//! Activity results of a worker that is newer than the watch: nothing in them fails it.

use domain::ids::EventId;
use domain::or_unknown::OrUnknown;
use domain::watch::{NextStep, WatchState};
use e2e::run;
use e2e::scripted::{Reply, Script, ScriptedWorker};
use serde_json::json;
use temporalio_client::WorkflowFetchHistoryOptions;
use temporalio_common::protos::temporal::api::enums::v1::EventType;
use workflows::EffectWatch;
use workflows::names::workflow_id;

use super::{
    HALF_AN_HOUR, awaiting_repair, count, finished, open, resolved, signal_result, skip_time,
    state_is, to_be_sent,
};
use crate::histories::{replay, replayer};

/// An event state with an effect, states and a step that are not known yet.
fn escalated(mut watch_state: WatchState) -> WatchState {
    watch_state.effect = OrUnknown::Unknown(json!("disputed"));
    watch_state.next = NextStep::Unknown;
    if let Some(incident) = &mut watch_state.incident {
        incident.state = OrUnknown::Unknown(json!("escalated"));
    }
    if let Some(reprocess) = &mut watch_state.reprocess {
        reprocess.state = OrUnknown::Unknown(json!("verifying"));
    }
    watch_state
}

/// The watch replayed from its history, on the code of today.
async fn replays(worker: &ScriptedWorker, event_id: EventId) {
    let handle = worker.client.get_workflow_handle::<EffectWatch>(workflow_id(event_id));
    let history = handle.fetch_history(WorkflowFetchHistoryOptions::default());
    let json = history.to_json().await.expect("a history");
    let outcome = replay(&replayer::<EffectWatch>(), &json).await;
    assert!(outcome.is_ok(), "{outcome:?}");
}

#[test]
fn a_watch_asks_again_about_a_step_that_it_does_not_know_until_it_does() {
    run(async {
        let script = Script::new()
            .on("open_incident_if_due", Reply::stands(escalated(to_be_sent())))
            .on("read_standing", Reply::stands(escalated(to_be_sent())))
            .on("read_standing", Reply::stands(open()))
            .on("resolve_incident", Reply::stands(resolved()));
        let worker = ScriptedWorker::start(script).await;
        let event_id = worker.watch(HALF_AN_HOUR).await;
        skip_time(&worker, event_id).await;
        let asked = worker.wait_for("read_standing", 2).await;
        let waited = asked[1].due_at.duration_since(asked[0].due_at).expect("time goes on");
        assert!((60..70).contains(&waited.as_secs()), "{waited:?}");
        state_is(&worker, event_id, "open").await;
        worker.engines.signal(event_id, "resolve", None).await.expect("a signal");
        let events = finished(&worker, event_id).await;
        assert_eq!(count(&events, EventType::WorkflowTaskFailed), 0);
        replays(&worker, event_id).await;
    });
}

#[test]
fn a_watch_that_waits_for_another_release_shows_its_words_and_listens_to_people() {
    run(async {
        let script = Script::new()
            .on("open_incident_if_due", Reply::stands(escalated(open())))
            .on("request_reprocess", Reply::stands(to_be_sent()))
            .on("send_callback", Reply::stands(escalated(awaiting_repair(HALF_AN_HOUR))))
            .on("read_standing", Reply::stands(resolved()));
        let worker = ScriptedWorker::start(script).await;
        let event_id = worker.watch(std::time::Duration::ZERO).await;
        let status = state_is(&worker, event_id, "escalated").await;
        assert_eq!(status.incident.expect("an incident").state.to_string(), "escalated");
        worker.engines.signal(event_id, "reprocess", None).await.expect("a signal");
        worker.wait_for("send_callback", 1).await;
        let status = state_is(&worker, event_id, "escalated").await;
        assert_eq!(status.attempts, 1);
        signal_result(&worker, event_id, "voided_by_law").await;
        let events = finished(&worker, event_id).await;
        assert_eq!(count(&events, EventType::WorkflowTaskFailed), 0);
        replays(&worker, event_id).await;
    });
}

#[test]
fn a_result_with_an_outcome_of_another_release_is_judged_by_the_database() {
    run(async {
        let script = Script::new().on(
            "open_incident_if_due",
            Reply::stands(WatchState {
                next: NextStep::Finish,
                incident: None,
                ..escalated(open())
            }),
        );
        let worker = ScriptedWorker::start(script).await;
        let event_id = worker.watch(HALF_AN_HOUR).await;
        signal_result(&worker, event_id, "voided_by_law").await;
        finished(&worker, event_id).await;
        replays(&worker, event_id).await;
    });
}
