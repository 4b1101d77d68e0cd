//! The watch alone: real workflow, real server, scripted activities, skipped time.
//!
//! What the database would return is written here as event states, so that each story leads the
//! watch along exactly one path.

mod alerts;
mod callback;
mod continued;
mod cost;
mod happy_path;
mod manual_signals;
mod other_release;
mod payloads;
mod repeated_signals;
mod seen_from_outside;
mod silence;
mod summaries;

use std::time::{Duration, SystemTime};

use domain::event::Effect;
use domain::ids::{AlertId, EventId, IncidentId, ReplayId};
use domain::incident::IncidentState;
use domain::reprocess::ReprocessState;
use domain::watch::{IncidentView, NextStep, ReprocessView, WatchState};
use e2e::scripted::ScriptedWorker;
use e2e::{eventually, temporal};
use serde_json::{Value, json};
use temporalio_common::data_converters::RawValue;
use temporalio_common::protos::temporal::api::common::v1::Payload;
use temporalio_common::protos::temporal::api::enums::v1::EventType;
use temporalio_common::protos::temporal::api::history::v1::HistoryEvent;
use uuid::Uuid;
use workflows::effect_watch::WatchStatus;
use workflows::names::workflow_id;

const INCIDENT: IncidentId = IncidentId::from_uuid(Uuid::from_u128(1));
const REPLAY: ReplayId = ReplayId::from_uuid(Uuid::from_u128(2));
const ALERT: AlertId = AlertId::from_uuid(Uuid::from_u128(3));
const HALF_AN_HOUR: Duration = Duration::from_mins(30);

/// The incident's page in the console.
fn page() -> String {
    format!("https://watch.example.com/incidents/{INCIDENT}")
}

/// The state of an event whose incident is in this state.
fn incident(state: IncidentState, next: NextStep) -> WatchState {
    let resolved = state == IncidentState::Resolved;
    WatchState {
        effect: if resolved { Effect::Succeeded } else { Effect::Missing }.into(),
        incident: Some(IncidentView {
            incident_id: INCIDENT,
            state: state.into(),
            url: Some(page()),
        }),
        reprocess: None,
        alerts: Vec::new(),
        asks: Vec::new(),
        next,
    }
}

fn open() -> WatchState {
    incident(IncidentState::Open, NextStep::WaitForPeople)
}

fn resolved() -> WatchState {
    incident(IncidentState::Resolved, NextStep::Finish)
}

fn with_alert(watch_state: WatchState) -> WatchState {
    WatchState { alerts: vec![ALERT], ..watch_state }
}

/// No result yet, and the deadline is this far away.
fn not_yet_due(wait: Duration) -> WatchState {
    WatchState {
        effect: Effect::Pending.into(),
        incident: None,
        reprocess: None,
        alerts: Vec::new(),
        asks: Vec::new(),
        next: NextStep::WaitForResult { wait_ms: NextStep::millis(wait) },
    }
}

/// The app has to be asked to do the work again.
fn to_be_sent() -> WatchState {
    let next = NextStep::SendCallback { replay_id: REPLAY };
    reprocess(ReprocessState::Requested, 0, incident(IncidentState::Reprocessing, next))
}

/// The callback arrived, and its result may come for this long.
fn awaiting_repair(wait: Duration) -> WatchState {
    let next = NextStep::WaitForRepair { replay_id: REPLAY, wait_ms: NextStep::millis(wait) };
    reprocess(ReprocessState::AwaitingResult, 1, incident(IncidentState::Reprocessing, next))
}

fn reprocess(state: ReprocessState, attempts: u32, watch_state: WatchState) -> WatchState {
    let view =
        ReprocessView { replay_id: REPLAY, state: state.into(), attempts, next_attempt_at: None };
    WatchState { reprocess: Some(view), ..watch_state }
}

async fn skip_time(worker: &ScriptedWorker, event_id: EventId) {
    temporal::skip_time(&worker.client, workflow_id(event_id)).await.expect("skipped time");
}

/// Says what the API says after it committed a result.
async fn signal_result(worker: &ScriptedWorker, event_id: EventId, status: &str) {
    let payload = json!({ "result_id": "res_00000000000000000000000001", "status": status });
    worker.engines.signal(event_id, "result", Some(payload)).await.expect("a signal");
}

/// Says what the API says after it committed a reprocess.
async fn signal_reprocess(worker: &ScriptedWorker, event_id: EventId) {
    let payload = json!({ "replay_id": REPLAY });
    worker.engines.signal(event_id, "reprocess", Some(payload)).await.expect("a signal");
}

/// Waits until the watch says that it is in this state.
async fn state_is(worker: &ScriptedWorker, event_id: EventId, wanted: &str) -> WatchStatus {
    eventually(&format!("a watch that is {wanted}"), async || {
        let status = temporal::status(&worker.client, event_id).await.ok()?;
        (status.state == wanted).then_some(status)
    })
    .await
}

/// Waits for a good end, by which the script must have been played.
async fn finished(worker: &ScriptedWorker, event_id: EventId) -> Vec<HistoryEvent> {
    let events = temporal::finished(&worker.client, event_id).await;
    assert!(worker.unplayed().is_empty(), "not played: {:?}", worker.unplayed());
    events
}

/// When the first event of this kind happened, counted from the start of the watch.
fn time_of(events: &[HistoryEvent], kind: EventType) -> Duration {
    let of = |event: &HistoryEvent| {
        SystemTime::try_from(event.event_time.expect("a time")).expect("a time")
    };
    let event = events.iter().find(|event| event.event_type() == kind).expect("such an event");
    of(event).duration_since(of(&events[0])).expect("time goes on")
}

fn count(events: &[HistoryEvent], kind: EventType) -> usize {
    events.iter().filter(|event| event.event_type() == kind).count()
}

/// An input as the API sends it.
fn plain_json(payload: &Value) -> RawValue {
    RawValue::new(vec![Payload {
        metadata: [("encoding".to_owned(), b"json/plain".to_vec())].into(),
        data: payload.to_string().into_bytes(),
        ..Payload::default()
    }])
}
