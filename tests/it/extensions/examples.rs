//! The extensions of `examples/`, started for real: what a team copies settles what nobody reported,
//! does the work again without an endpoint, and costs nothing when its worker is killed, frozen,
//! absent, or another one in another language takes over.

use std::process::{Command, Stdio};

use domain::ids::EventId;
use domain::incident::{IncidentState, Resolution};
use e2e::example_worker::{Example, Language};
use e2e::{World, eventually, run, temporal};
use futures::future::join_all;
use serde_json::{Value, json};
use store::incidents;
use temporalio_common::protos::temporal::api::enums::v1::PendingActivityState;
use temporalio_common::protos::temporal::api::workflow::v1::PendingActivityInfo;
use workflows::names::workflow_id;

use super::{add, flow, queue};
use crate::clients::{ask, root};

/// The payment and the customer of [`World::receipt`].
const PAYMENT: (&str, &str) = ("evt_1", "user_456");

async fn register(world: &World, point: &str, activity: &str) -> String {
    let queue = queue(world);
    let more = ["--activity", activity, "--queue", &queue, "--trust", "settle"];
    let (code, added) = add(world, point, &more).await;
    assert_eq!(code, 0, "{added}");
    queue
}

/// A copy of an example whose ledger has the payment, and its grant if the app got that far.
async fn example(language: Language, granted: bool) -> Example {
    let example = Example::new(language).await.expect("an example");
    let (payment, customer) = PAYMENT;
    example.paid(payment, customer).await.expect("a ledger");
    if granted {
        example.granted(payment, customer).await.expect("a ledger");
    }
    example
}

/// Every call of the extension in this world: its id, what it came to and its evidence.
async fn calls(world: &World) -> Vec<(String, String, Value)> {
    let rows: Vec<(uuid::Uuid, Option<String>, Option<Value>)> =
        sqlx::query_as("SELECT id, outcome, answer FROM extension_calls ORDER BY id")
            .fetch_all(&world.pool)
            .await
            .expect("calls");
    let call = |(id, outcome, answer): (_, Option<String>, Option<Value>)| {
        let id = domain::ids::CallId::from_uuid(id).to_string();
        (id, outcome.unwrap_or_default(), answer.unwrap_or_default()["evidence"].clone())
    };
    rows.into_iter().map(call).collect()
}

#[test]
fn each_examples_probe_settles_what_nobody_reported_before_anybody_is_alarmed() {
    run(async {
        join_all(Language::ALL.map(probe_settles)).await;
    });
}

async fn probe_settles(language: Language) {
    let world = flow::patient_world().await;
    world.alert_bob().await;
    let queue = register(&world, "before_incident", "credits.verify").await;
    let example = example(language, true).await;
    let worker = example.start(&world, &queue).await;
    let event_id = world.receipt(PAYMENT.0).await;
    temporal::finished(&world.temporal().await, event_id).await;

    let happened = ["receipt.accepted", "extension.answered", "result.succeeded"];
    assert_eq!(world.timeline(event_id).await, happened, "{language:?}");
    let incident = incidents::find_for_event(&world.pool, event_id).await;
    assert!(incident.expect("a database").is_none());
    assert!(world.mailbox.mails().is_empty(), "nobody was alarmed");
    let [(_, outcome, evidence)] = &calls(&world).await[..] else { panic!("one call") };
    assert_eq!(outcome, "settled");
    assert_eq!(evidence["credits"], json!(500), "{language:?}: {evidence}");
    assert_eq!(evidence["granted_by"], json!("webhook"), "{language:?}: {evidence}");
    assert!(worker.stop().await, "{language:?} needed force to end");
}

#[test]
fn each_examples_repair_applies_an_effect_without_any_endpoint() {
    run(async {
        join_all(Language::ALL.map(repair_applies)).await;
    });
}

async fn repair_applies(language: Language) {
    let world = World::start().await;
    without_repair_url(&world).await;
    let queue = register(&world, "reprocess", "credits.apply").await;
    let example = example(language, false).await;
    let _worker = example.start(&world, &queue).await;
    let event_id = failed_and_reprocessed(&world).await;
    let (call_id, evidence) = applied(&world, event_id).await;
    assert_eq!(evidence["granted_by"], json!(call_id), "{language:?}: {evidence}");
    assert!(world.repair.received().is_empty());
    let ledger = example.ledger(&["find", PAYMENT.0, PAYMENT.1]).await.expect("a ledger");
    assert!(ledger.contains(&call_id), "{language:?}: {ledger}");
}

#[test]
fn a_worker_that_is_killed_in_the_middle_and_another_after_it_answer_one_call() {
    run(async {
        join_all([Language::Python, Language::TypeScript].map(killed_and_followed_by)).await;
    });
}

async fn killed_and_followed_by(next: Language) {
    let world = World::start().await;
    without_repair_url(&world).await;
    let queue = register(&world, "reprocess", "credits.apply").await;
    let python = example(Language::Python, false).await;
    let other = match next {
        Language::Python => None,
        other => Some(example(other, false).await),
    };
    let worker = python.start(&world, &queue).await;
    let locked = Locked::new(&python);
    let event_id = failed_and_reprocessed(&world).await;
    is_in_the_middle(&world, event_id).await;
    worker.kill().await.expect("killed");
    locked.release();
    let _worker = other.as_ref().unwrap_or(&python).start(&world, &queue).await;
    let (call_id, evidence) = applied(&world, event_id).await;
    assert_eq!(evidence["granted_by"], json!(call_id), "{evidence}");
}

#[test]
fn a_frozen_worker_and_one_that_is_not_there_make_no_incident_later() {
    run(async {
        join_all([None, Some(Language::Python), Some(Language::TypeScript)].map(frozen_or_absent))
            .await;
    });
}

async fn frozen_or_absent(language: Option<Language>) {
    let world = flow::world().await;
    let queue = register(&world, "before_incident", "credits.verify").await;
    let mut worker = None;
    if let Some(language) = language {
        let example = example(language, true).await;
        let started = example.start(&world, &queue).await;
        started.freeze();
        worker = Some((example, started));
    }
    let event_id = world.receipt(PAYMENT.0).await;
    flow::opens_in_time(&world, event_id).await;
    let [(_, outcome, _)] = &calls(&world).await[..] else { panic!("one call") };
    assert_ne!(outcome, "settled", "{language:?}");
    drop(worker);
}

#[test]
fn the_examples_pass_their_own_tests() {
    run(async {
        let python = Command::new("python3")
            .args(["-m", "unittest"])
            .current_dir(root().join("examples/extensions/python"))
            .env("PYTHONPATH", root().join(ask("install_test_libraries.py")).join("python"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .output()
            .expect("python3");
        let printed = String::from_utf8_lossy(&python.stderr);
        assert!(python.status.success() && printed.contains("Ran 4 tests"), "{printed}");

        let example = Example::new(Language::TypeScript).await.expect("an example");
        let contract = root().join("docs/extensions/2026-12-01").canonicalize().expect("there");
        let line = "CONTRACT=\"$1\" npm test --silent 2>&1";
        let printed = example.succeeds(line, &[&contract.to_string_lossy()]).expect("green tests");
        assert!(printed.contains("# pass 5"), "{printed}");
    });
}

async fn without_repair_url(world: &World) {
    sqlx::query("UPDATE projects SET repair_url = NULL").execute(&world.pool).await.expect("done");
}

async fn failed_and_reprocessed(world: &World) -> EventId {
    let event_id = world.receipt(PAYMENT.0).await;
    let incident_id = world.fail(event_id, json!({ "error_code": "db_write_failed" })).await;
    world.reprocess(incident_id).await;
    event_id
}

/// Waits until the incident is resolved by the one call that there is; its id and evidence.
async fn applied(world: &World, event_id: EventId) -> (String, Value) {
    let resolved =
        world.incident_when(event_id, "resolved", |i| i.state == IncidentState::Resolved).await;
    assert_eq!(resolved.resolution, Some(Resolution::Reprocessed));
    let [(call_id, outcome, evidence)] = &calls(world).await[..] else { panic!("one call") };
    assert_eq!(outcome, "applied");
    (call_id.clone(), evidence.clone())
}

/// Waits until a worker has taken the call.
async fn is_in_the_middle(world: &World, event_id: EventId) {
    let (client, id) = (world.temporal().await, workflow_id(event_id));
    eventually("a call that was taken", async || {
        let described = temporal::describe(&client, &id).await.ok()?;
        let taken = |activity: &PendingActivityInfo| {
            activity.activity_type.as_ref().is_some_and(|kind| kind.name == "credits.apply")
                && activity.state() == PendingActivityState::Started
        };
        described.pending_activities.iter().any(taken).then_some(())
    })
    .await;
}

/// Python's ledger while another program writes to it: whoever grants something waits.
struct Locked(std::process::Child);

impl Locked {
    fn new(example: &Example) -> Self {
        let program = "import sqlite3, sys; ledger = sqlite3.connect('ledger.sqlite', isolation_level=None); \
                       ledger.execute('BEGIN EXCLUSIVE'); print('locked', flush=True); sys.stdin.read()";
        let mut child = Command::new("python3")
            .args(["-c", program])
            .current_dir(example.folder())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3");
        let mut said = String::new();
        let output = child.stdout.take().expect("standard output");
        std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut said).expect("said");
        assert_eq!(said, "locked\n");
        Self(child)
    }

    fn release(mut self) {
        drop(self.0.stdin.take());
        self.0.wait().expect("an end");
    }
}
