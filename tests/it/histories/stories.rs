//! The stories of the golden histories, each driven step by step so that it always has the same
//! shape.

use std::time::Duration;

use domain::ids::EventId;
use domain::incident::IncidentState;
use domain::reprocess::ReprocessState;
use e2e::extension_worker::{ExtensionWorker, Manner, register, register_with};
use e2e::world::SHORT;
use e2e::{World, WorldOptions, eventually, temporal};
use serde_json::{Value, json};
use store::transitions::resolve::{ResolveRequest, resolve_incident};
use temporalio_common::protos::temporal::api::enums::v1::EventType;
use temporalio_common::protos::temporal::api::history::v1::HistoryEvent;
use workflows::names::workflow_id;

/// Every story, by its name.
pub const NAMES: [&str; 20] = [
    "accepted_by_extension",
    "applied",
    "asked_beside_an_incident",
    "callback_canceled_with_its_watch",
    "callback_ended_by_a_maximum_of_attempts",
    "failed_then_reprocessed",
    "first_result_that_says_more",
    "lost_then_reprocessed",
    "missing_then_late_success",
    "named_reprocess_that_was_not_recorded",
    "no_result_then_resolved",
    "probed_in_vain",
    "probed_over_https",
    "probed_then_settled",
    "reprocessed_by_callback_after_an_extension",
    "reprocessed_by_extension",
    "reprocessed_by_policy",
    "resolved_while_an_alert_waits",
    "result_before_receipt",
    "undelivered_then_resolved_by_hand",
];

/// Lets one story happen, to its end.
pub async fn play(name: &str) -> (World, EventId) {
    let world = World::start_with(options(name)).await;
    world.alert_bob().await;
    let event_id = match name {
        "accepted_by_extension" => accepted_by_extension(&world).await,
        "applied" => applied(&world).await,
        "asked_beside_an_incident" => asked_beside_an_incident(&world).await,
        "callback_canceled_with_its_watch" => callback_canceled_with_its_watch(&world).await,
        "callback_ended_by_a_maximum_of_attempts" => {
            callback_ended_by_a_maximum_of_attempts(&world).await
        }
        "first_result_that_says_more" => first_result_that_says_more(&world).await,
        "failed_then_reprocessed" => failed_then_reprocessed(&world).await,
        "lost_then_reprocessed" => lost_then_reprocessed(&world).await,
        "missing_then_late_success" => missing_then_late_success(&world).await,
        "named_reprocess_that_was_not_recorded" => {
            named_reprocess_that_was_not_recorded(&world).await
        }
        "no_result_then_resolved" => no_result_then_resolved(&world).await,
        "probed_in_vain" => probed_in_vain(&world).await,
        "probed_over_https" => probed_over_https(&world).await,
        "probed_then_settled" => probed_then_settled(&world).await,
        "reprocessed_by_callback_after_an_extension" => {
            reprocessed_by_callback_after_an_extension(&world).await
        }
        "reprocessed_by_extension" => reprocessed_by_extension(&world).await,
        "reprocessed_by_policy" => reprocessed_by_policy(&world).await,
        "resolved_while_an_alert_waits" => resolved_while_an_alert_waits(&world).await,
        "result_before_receipt" => result_before_receipt(&world).await,
        "undelivered_then_resolved_by_hand" => undelivered_then_resolved_by_hand(&world).await,
        other => panic!("nobody knows the story {other}"),
    };
    ended(&world, event_id).await;
    (world, event_id)
}

/// The world of a story: its deadline is near only where it passes.
fn options(name: &str) -> WorldOptions {
    match name {
        "missing_then_late_success" | "no_result_then_resolved" => {
            WorldOptions::with_timeout(SHORT)
        }
        "probed_in_vain" | "probed_over_https" | "probed_then_settled" => {
            WorldOptions::with_timeout(Duration::from_secs(12))
        }
        _ => WorldOptions::default(),
    }
}

/// Waits until the watch has ended, well or canceled.
async fn ended(world: &World, event_id: EventId) {
    let client = world.temporal().await;
    eventually("the end of a watch", async || {
        let events = temporal::history(&client, event_id).await.ok()?;
        let last = events.last()?.event_type();
        let ends = [EventType::WorkflowExecutionCompleted, EventType::WorkflowExecutionCanceled];
        ends.contains(&last).then_some(())
    })
    .await;
}

async fn callback_canceled_with_its_watch(world: &World) -> EventId {
    let event_id = callback_waits(world).await;
    let id = workflow_id(event_id);
    world.engines.cli(&["workflow", "cancel", "--workflow-id", &id]).await.expect("canceled");
    event_id
}

async fn callback_ended_by_a_maximum_of_attempts(world: &World) -> EventId {
    let event_id = callback_waits(world).await;
    let id = workflow_id(event_id);
    let activity = pending_activity(world, event_id).await.expect("a callback");
    let of = ["activity", "update-options", "--workflow-id", &id, "--activity-id", &activity];
    let command = [&of[..], &["--retry-maximum-attempts", "2"]].concat();
    world.engines.cli(&command).await.expect("a maximum");
    reprocess_is(world, event_id, ReprocessState::Undelivered).await;
    let words = json!({"resolved_by": "bob", "note": "credited by hand"});
    world.engines.signal(event_id, "resolve", Some(words)).await.expect("a signal");
    event_id
}

/// A callback that got a 503 once and waits a minute, while nothing else is under way.
async fn callback_waits(world: &World) -> EventId {
    world.repair.respond_with(&[503]);
    let event_id = failed(world).await;
    ask_to_repair(world, event_id).await;
    eventually("a callback that waits", async || pending_activity(world, event_id).await).await;
    event_id
}

/// The id of the activity that was tried once and waits to be retried.
async fn pending_activity(world: &World, event_id: EventId) -> Option<String> {
    let id = workflow_id(event_id);
    let described = temporal::describe(&world.temporal().await, &id).await.ok()?;
    let [callback] = &described.pending_activities[..] else { return None };
    let waits = callback.attempt == 2 && described.pending_workflow_task.is_none();
    waits.then(|| callback.activity_id.clone())
}

async fn applied(world: &World) -> EventId {
    let event_id = world.receipt("evt_1").await;
    at_rest(world, event_id, "pending").await;
    world.result(event_id, "success", json!({})).await;
    event_id
}

async fn result_before_receipt(world: &World) -> EventId {
    let early = json!({"provider_event_id": "evt_1", "status": "success"});
    let (status, response) = world.post("/api/v1/result", &early).await;
    assert_eq!(status, 202, "{response}");
    world.receipt("evt_1").await
}

/// Nobody takes the call of an extension, and the incident opens at its time.
async fn probed_in_vain(world: &World) -> EventId {
    register(world, "before_incident", "settle").await;
    let event_id = world.receipt("evt_1").await;
    at_rest(world, event_id, "open").await;
    world.result(event_id, "success", json!({})).await;
    event_id
}

async fn probed_then_settled(world: &World) -> EventId {
    let queue = register(world, "before_incident", "settle").await;
    let answer = json!({ "settled": true, "evidence": { "ledger_id": 7 } });
    let _team = ExtensionWorker::start(world, queue, Manner::Json(answer)).await;
    let event_id = world.receipt("evt_1").await;
    ended(world, event_id).await;
    event_id
}

async fn probed_over_https(world: &World) -> EventId {
    let probe = json!({ "point": "before_incident", "trust": "settle", "url": world.repair.url() });
    register_with(world, probe).await;
    world.repair.respond_with_body(200, r#"{"settled":true}"#);
    let event_id = world.receipt("evt_1").await;
    ended(world, event_id).await;
    event_id
}

/// An extension is asked once the incident is open, and what it shows resolves it.
async fn asked_beside_an_incident(world: &World) -> EventId {
    let queue = register(world, "after_failure", "settle").await;
    let _team =
        ExtensionWorker::start(world, queue, Manner::Json(json!({ "settled": true }))).await;
    let event_id = world.receipt("evt_1").await;
    at_rest(world, event_id, "pending").await;
    world.result(event_id, "failed", json!({"error_code": "db_write_failed"})).await;
    ended(world, event_id).await;
    event_id
}

/// The extension has the work done elsewhere, and the app reports.
async fn accepted_by_extension(world: &World) -> EventId {
    let _team = repair_worker(world, json!({ "outcome": "accepted" })).await;
    let event_id = failed(world).await;
    ask_to_repair(world, event_id).await;
    reprocess_is(world, event_id, ReprocessState::AwaitingResult).await;
    world.result(event_id, "success", json!({})).await;
    event_id
}

async fn reprocessed_by_extension(world: &World) -> EventId {
    let _team = repair_worker(world, json!({ "outcome": "applied" })).await;
    let event_id = failed(world).await;
    ask_to_repair(world, event_id).await;
    ended(world, event_id).await;
    event_id
}

async fn reprocessed_by_callback_after_an_extension(world: &World) -> EventId {
    let _team = repair_worker(world, json!({ "outcome": "declined" })).await;
    let event_id = failed(world).await;
    repair(world, event_id).await;
    event_id
}

async fn repair_worker(world: &World, answer: Value) -> ExtensionWorker {
    let queue = register_with(world, json!({ "point": "reprocess" })).await;
    ExtensionWorker::start(world, queue, Manner::Json(answer)).await
}

/// The first signal names the id of a result, as the API's does, and says more.
async fn first_result_that_says_more(world: &World) -> EventId {
    let event_id = world.receipt("evt_1").await;
    at_rest(world, event_id, "pending").await;
    let typed = json!({
        "result_id": "res_00000000000000000000000001", "status": "success", "reported_by": "bob"
    });
    world.engines.signal(event_id, "result", Some(typed)).await.expect("a signal");
    event_id
}

/// The project's policy has the work done again, without a person.
async fn reprocessed_by_policy(world: &World) -> EventId {
    let project = world.project.id.to_string();
    let set = ["policy", "set", "--project", &project, "--effect-type", "credit_grant", "--auto"];
    let (code, output) = world.cli(&set).await.expect("a command");
    assert_eq!(code, 0, "{output}");
    let event_id = world.receipt("evt_1").await;
    at_rest(world, event_id, "pending").await;
    world.result(event_id, "failed", json!({"error_code": "db_write_failed"})).await;
    reprocess_is(world, event_id, ReprocessState::AwaitingResult).await;
    let replay_id = world.repair.wait_for(1).await[0].json()["replay_id"].clone();
    world.result(event_id, "success", json!({ "replay_id": replay_id })).await;
    event_id
}

/// The watch ends, and its alerts are sent from the database later.
async fn resolved_while_an_alert_waits(world: &World) -> EventId {
    let event_id = world.receipt("evt_1").await;
    at_rest(world, event_id, "pending").await;
    let _held = world.hold_destinations().await;
    world.result(event_id, "failed", json!({"error_code": "db_write_failed"})).await;
    let client = world.temporal().await;
    eventually("an open incident", async || {
        let status = temporal::status(&client, event_id).await.ok()?;
        (status.state == "open").then_some(())
    })
    .await;
    world.result(event_id, "success", json!({})).await;
    ended(world, event_id).await;
    event_id
}

async fn missing_then_late_success(world: &World) -> EventId {
    let event_id = world.receipt("evt_1").await;
    at_rest(world, event_id, "open").await;
    world.result(event_id, "success", json!({})).await;
    event_id
}

async fn failed_then_reprocessed(world: &World) -> EventId {
    let event_id = failed(world).await;
    repair(world, event_id).await;
    event_id
}

async fn lost_then_reprocessed(world: &World) -> EventId {
    let event_id = failed(world).await;
    let id = workflow_id(event_id);
    let terminate = ["workflow", "terminate", "--workflow-id", &id];
    world.engines.cli(&terminate).await.expect("a terminated watch");
    world.result(event_id, "failed", json!({"error_code": "db_write_failed_again"})).await;
    at_rest(world, event_id, "open").await;
    repair(world, event_id).await;
    event_id
}

async fn repair(world: &World, event_id: EventId) {
    ask_to_repair(world, event_id).await;
    reprocess_is(world, event_id, ReprocessState::AwaitingResult).await;
    let replay_id = world.repair.wait_for(1).await[0].json()["replay_id"].clone();
    world.result(event_id, "success", json!({ "replay_id": replay_id })).await;
}

async fn undelivered_then_resolved_by_hand(world: &World) -> EventId {
    world.repair.respond_with(&[422]);
    let event_id = failed(world).await;
    ask_to_repair(world, event_id).await;
    reprocess_is(world, event_id, ReprocessState::Undelivered).await;
    let words = json!({"resolved_by": "bob", "note": "credited by hand"});
    world.engines.signal(event_id, "resolve", Some(words)).await.expect("a signal");
    event_id
}

/// A reprocess that is typed as the API sends one, and that the database does not know.
async fn named_reprocess_that_was_not_recorded(world: &World) -> EventId {
    let event_id = failed(world).await;
    let typed = json!({"replay_id": "rpl_00000000000000000000000001"});
    world.engines.signal(event_id, "reprocess", Some(typed)).await.expect("a signal");
    reprocess_is(world, event_id, ReprocessState::AwaitingResult).await;
    let replay_id = world.repair.wait_for(1).await[0].json()["replay_id"].clone();
    world.result(event_id, "success", json!({ "replay_id": replay_id })).await;
    event_id
}

async fn no_result_then_resolved(world: &World) -> EventId {
    let event_id = world.receipt("evt_1").await;
    at_rest(world, event_id, "open").await;
    ask_to_repair(world, event_id).await;
    reprocess_is(world, event_id, ReprocessState::NoResult).await;
    let actor = domain::audit::Actor::Cli("bob".to_owned());
    let resolving = ResolveRequest {
        actor: &actor,
        note: Some("credited by hand"),
        evidence: None,
        bulk_id: None,
        signal: true,
    };
    let mut tx = world.pool.begin().await.expect("a transaction");
    resolve_incident(&mut tx, event_id, resolving).await.expect("a resolution");
    tx.commit().await.expect("a commit");
    event_id
}

async fn failed(world: &World) -> EventId {
    let event_id = world.receipt("evt_1").await;
    at_rest(world, event_id, "pending").await;
    world.result(event_id, "failed", json!({"error_code": "db_write_failed"})).await;
    at_rest(world, event_id, "open").await;
    event_id
}

async fn ask_to_repair(world: &World, event_id: EventId) {
    let incident =
        world.incident_when(event_id, "open", |it| it.state == IncidentState::Open).await;
    world.reprocess(incident.id).await;
}

async fn reprocess_is(world: &World, event_id: EventId, state: ReprocessState) {
    let client = world.temporal().await;
    eventually(&format!("a reprocess that is {}", state.as_str()), async || {
        let status = temporal::status(&client, event_id).await.ok()?;
        let events = temporal::history(&client, event_id).await.ok()?;
        (status.reprocess?.state == state && rests(&events)).then_some(())
    })
    .await;
}

/// Waits until the watch is in this state and nothing of it is under way, so that what is said
/// next always falls into the same place of its history.
async fn at_rest(world: &World, event_id: EventId, state: &str) {
    let client = world.temporal().await;
    eventually(&format!("a watch that rests and is {state}"), async || {
        let status = temporal::status(&client, event_id).await.ok()?;
        let events = temporal::history(&client, event_id).await.ok()?;
        (status.state == state && rests(&events)).then_some(())
    })
    .await;
}

fn rests(events: &[HistoryEvent]) -> bool {
    let count = |kind| events.iter().filter(|event| event.event_type() == kind).count();
    let ended = [
        EventType::ActivityTaskCompleted,
        EventType::ActivityTaskFailed,
        EventType::ActivityTaskTimedOut,
    ];
    count(EventType::WorkflowTaskScheduled) == count(EventType::WorkflowTaskCompleted)
        && count(EventType::ActivityTaskScheduled) == ended.into_iter().map(count).sum::<usize>()
}
