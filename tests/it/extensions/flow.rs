//! Extensions in the flow: a probe settles what nobody reported, and whatever else one does, the
//! incident opens at its time.

use std::time::Duration;

use domain::event::Effect;
use domain::extension::DEFAULT_BUDGET_SECONDS;
use domain::ids::EventId;
use domain::incident::{IncidentState, Resolution};
use e2e::extension_worker::{ACTIVITY, ExtensionWorker, Manner, register, register_with};
use e2e::{World, WorldOptions, eventually, run, temporal};
use futures::future::join_all;
use serde_json::{Value, json};
use store::events;

use super::worker::{Deed, take_from};

/// Long enough for a busy machine: a probe has all of it but a second.
const TIMEOUT: Duration = Duration::from_secs(12);
const AGE: Duration = Duration::from_secs(10);

/// A world in which extensions are asked a second after the receipt.
pub async fn world() -> World {
    World::start_with(WorldOptions::with_timeout(TIMEOUT).with_age(AGE)).await
}

/// A world in which they are, too, and nobody is alarmed before a probe's whole budget is over.
pub async fn patient_world() -> World {
    let budget = Duration::from_secs(DEFAULT_BUDGET_SECONDS.unsigned_abs().into());
    let timeout = budget + Duration::from_secs(1);
    World::start_with(WorldOptions::with_timeout(timeout).with_age(timeout)).await
}

/// The details of the timeline's entries of one action.
async fn details(world: &World, action: &str) -> Vec<Value> {
    sqlx::query_scalar("SELECT detail FROM audit_log WHERE action = $1 ORDER BY at, id")
        .bind(action)
        .fetch_all(&world.pool)
        .await
        .expect("entries")
}

#[test]
fn a_probe_that_is_trusted_settles_before_anybody_is_alarmed() {
    run(async {
        let world = patient_world().await;
        let queue = register(&world, "before_incident", "settle").await;
        let answer = json!({
            "settled": true, "note": "seen\u{0} in the ledger", "evidence": { "ledger\u{0}_id": "7\u{0}" },
        });
        let team = ExtensionWorker::start(&world, queue, Manner::Json(answer)).await;
        let event_id = world.receipt("evt_1").await;
        let client = world.temporal().await;
        let history = temporal::finished(&client, event_id).await;

        let happened = ["receipt.accepted", "extension.answered", "result.succeeded"];
        assert_eq!(world.timeline(event_id).await, happened);
        assert_eq!(temporal::activities(&history), ["ask_extensions", ACTIVITY, "record_answer"]);
        let event = events::find_event(&world.pool, event_id).await.expect("a database");
        assert_eq!(event.expect("an event").effect, Effect::Succeeded);
        let actors: Vec<String> =
            sqlx::query_scalar("SELECT actor FROM audit_log WHERE action = 'result.succeeded'")
                .fetch_all(&world.pool)
                .await
                .expect("actors");
        assert_eq!(actors, [format!("extension:{ACTIVITY}")]);

        let calls = team.calls();
        assert_eq!(calls.len(), 1, "{calls:?}");
        assert_eq!(calls[0]["point"], "before_incident");
        assert_eq!(calls[0]["event_id"], event_id.to_string());
        assert_eq!(calls[0]["incident_id"], Value::Null);
        let answered = details(&world, "extension.answered").await;
        assert_eq!(answered[0]["outcome"], "settled");
        assert_eq!(answered[0]["call_id"], calls[0]["call_id"]);
    });
}

#[test]
fn a_probe_is_not_asked_about_what_is_reported_in_time() {
    run(async {
        let world = World::start_with(WorldOptions::with_timeout(TIMEOUT * 5)).await;
        let queue = register(&world, "before_incident", "settle").await;
        let team =
            ExtensionWorker::start(&world, queue, Manner::Json(json!({ "settled": true }))).await;
        let event_id = world.receipt("evt_1").await;
        let client = world.temporal().await;
        eventually("a watch", async || temporal::status(&client, event_id).await.ok()).await;
        world.result(event_id, "success", json!({})).await;
        let history = temporal::finished(&client, event_id).await;
        assert!(temporal::activities(&history).is_empty());
        assert_eq!(history.len(), 10, "as without a probe");
        assert!(team.calls().is_empty());
    });
}

#[test]
fn evidence_that_is_only_proposed_is_shown_and_the_incident_opens_in_time() {
    run(async {
        let world = world().await;
        let queue = register(&world, "before_incident", "propose").await;
        let answer = json!({ "settled": true, "evidence": { "ledger_id": 7 } });
        let _team = ExtensionWorker::start(&world, queue, Manner::Json(answer)).await;
        let event_id = world.receipt("evt_1").await;
        opens_in_time(&world, event_id).await;
        let answered = details(&world, "extension.answered").await;
        assert_eq!(answered[0]["outcome"], "proposed");
        assert_eq!(answered[0]["evidence"], json!({ "ledger_id": 7 }));
    });
}

#[test]
fn whatever_else_an_extension_does_the_incident_opens_in_time_and_the_reason_is_told() {
    run(async {
        let world = world().await;
        let asked =
            json!({ "point": "before_incident", "trust": "settle", "calls_per_second": 1000 });
        let queue = register_with(&world, asked).await;
        let each = |input: &Value| whatever(input["provider_event_id"].as_str().expect("an id"));
        let _team = ExtensionWorker::start(&world, queue, Manner::Each(each)).await;
        let ends = [
            ("evt_bytes", "unreadable", Some("binary/plain")),
            ("evt_nothing", "unreadable", None),
            ("evt_text_for_a_boolean", "unreadable", None),
            ("evt_much", "too_large", None),
            ("evt_raised", "failed", Some("LedgerDown")),
            ("evt_hangs", "too_slow", None),
        ];
        join_all(ends.map(|end| opens_in_time_and_says(&world, end))).await;
    });
}

/// What a worker does that settles nothing.
fn whatever(event: &str) -> Manner {
    match event {
        "evt_bytes" => Manner::Bytes(vec![0xff, 0]),
        "evt_nothing" => Manner::Nothing,
        "evt_text_for_a_boolean" => Manner::Json(json!({ "settled": "yes" })),
        "evt_much" => Manner::Json(json!("x".repeat(20_000))),
        "evt_raised" => Manner::Raise("LedgerDown"),
        _ => Manner::Hang,
    }
}

#[test]
fn where_nobody_takes_the_call_the_incident_opens_in_time_and_the_reason_is_told() {
    run(async {
        let world = world().await;
        register(&world, "before_incident", "settle").await;
        opens_in_time_and_says(&world, ("evt_1", "nobody_took_it", None)).await;
    });
}

async fn opens_in_time_and_says(
    world: &World,
    (event, why, error_type): (&str, &str, Option<&str>),
) {
    let event_id = world.receipt(event).await;
    opens_in_time(world, event_id).await;
    let told = unanswered(world, event_id).await;
    let said = (told["why"].as_str(), told["error_type"].as_str());
    assert_eq!(said, (Some(why), error_type), "{event}");
    assert!(!told.to_string().contains("words that stay here"), "{told}");
}

/// Waits until the event's timeline says why an extension did not answer.
async fn unanswered(world: &World, event_id: EventId) -> Value {
    eventually("a reason", async || {
        let entries = store::timeline::list_for_event(&world.pool, event_id).await;
        let mut entries = entries.expect("a timeline").into_iter();
        entries.find(|entry| entry.action == "extension.unanswered").map(|entry| entry.detail)
    })
    .await
}

#[test]
fn a_worker_that_dies_is_noticed_by_its_missing_heartbeat() {
    run(async {
        tokio::join!(one_worker_dies(), one_worker_dies_and_another_answers());
    });
}

async fn probe_with_heartbeat(world: &World) -> String {
    let probe = json!({ "point": "before_incident", "trust": "settle", "heartbeat_seconds": 2 });
    register_with(world, probe).await
}

async fn one_worker_dies() {
    let world = world().await;
    let queue = probe_with_heartbeat(&world).await;
    let event_id = world.receipt("evt_1").await;
    take_from(&world, &queue, Deed::Die).await;
    opens_in_time(&world, event_id).await;
    assert_eq!(unanswered(&world, event_id).await["why"], "died");
}

async fn one_worker_dies_and_another_answers() {
    let world = patient_world().await;
    let queue = probe_with_heartbeat(&world).await;
    let event_id = world.receipt("evt_1").await;
    let (_, first) = take_from(&world, &queue, Deed::Die).await;
    let answer = Deed::Answer(br#"{"settled":true}"#);
    let (_, second) = take_from(&world, &queue, answer).await;
    assert_eq!(first, second, "the same call, for another worker");
    temporal::finished(&world.temporal().await, event_id).await;
    let happened = ["receipt.accepted", "extension.answered", "result.succeeded"];
    assert_eq!(world.timeline(event_id).await, happened);
}

#[test]
fn what_is_found_beside_an_incident_resolves_it() {
    run(async {
        let world = World::start().await;
        let queue = register(&world, "after_failure", "settle").await;
        let team =
            ExtensionWorker::start(&world, queue, Manner::Json(json!({ "settled": true }))).await;
        let event_id = world.receipt("evt_1").await;
        world.fail(event_id, json!({ "error_code": "timed_out" })).await;
        let resolved =
            world.incident_when(event_id, "resolved", |i| i.state == IncidentState::Resolved).await;
        assert_eq!(resolved.resolution, Some(Resolution::LateSuccess));
        temporal::finished(&world.temporal().await, event_id).await;
        assert_eq!(team.calls()[0]["reason"]["error_code"], "timed_out");
    });
}

/// Waits for the incident, which opens at the deadline whatever an extension does. The promise is a second; a machine that
/// runs other stories beside this one has a few.
pub async fn opens_in_time(world: &World, event_id: EventId) {
    world.incident_when(event_id, "open", |i| i.state == IncidentState::Open).await;
    let late: f64 = sqlx::query_scalar(
        "SELECT extract(epoch FROM i.opened_at - e.timeout_at)::float8
         FROM incidents i JOIN payment_events e ON e.id = i.event_id WHERE e.id = $1",
    )
    .bind(event_id.as_uuid())
    .fetch_one(&world.pool)
    .await
    .expect("an incident");
    assert!((0.0..10.0).contains(&late), "{late} s after the deadline");
}
