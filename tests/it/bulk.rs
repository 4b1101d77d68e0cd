//! A bulk reprocess from its preview to its end: through each door, and steered from Temporal. `flood` kills what runs it
//! in the middle.

use std::collections::{BTreeMap, BTreeSet};

use domain::bulk::BulkState;
use domain::ids::{BulkId, IncidentId};
use domain::operator::Role;
use e2e::console::Operator;
use e2e::receiver::Received;
use e2e::world::{parse, receipt};
use e2e::{World, eventually, run};
use reqwest::Method;
use serde_json::{Value, json};
use store::bulk::{Bulk, find_bulk};
use temporalio_client::{UntypedSignal, WorkflowSignalOptions, WorkflowTerminateOptions};
use temporalio_common::HasWorkflowDefinition;
use temporalio_common::data_converters::RawValue;
use workflows::BulkReprocess;
use workflows::names::bulk_workflow_id;

use crate::automation::script::{Script, bad_fields};

const CUSTOMERS: usize = 6;

/// Incidents of one cause, of as many customers. Gives the cause.
async fn break_for(world: &World, customers: usize) -> String {
    for customer in 0..customers {
        let event = world.receipt(&format!("evt_{customer}")).await;
        world.fail(event, json!({ "error_code": "db_write_failed" })).await;
    }
    let cause = "SELECT cause FROM incidents LIMIT 1";
    let cause: domain::ids::CauseId =
        sqlx::query_scalar(cause).fetch_one(&world.pool).await.expect("a cause");
    cause.to_string()
}

async fn bulk(world: &World, id: BulkId) -> Bulk {
    find_bulk(&world.pool, id).await.expect("a database").expect("a bulk reprocess")
}

/// Plays the app, which does what it is asked and reports success, until the bulk reprocess is as
/// wanted.
async fn work_until(world: &World, id: BulkId, wanted: BulkState) {
    let mut done = BTreeSet::new();
    eventually(&format!("a bulk reprocess that is {wanted}"), async || {
        report_all(world, &mut done).await;
        (bulk(world, id).await.state == wanted).then_some(())
    })
    .await;
}

/// Under which replay ids each event was asked for.
pub fn asked(callbacks: &[Received]) -> BTreeMap<String, BTreeSet<String>> {
    let mut asked: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for callback in callbacks {
        let body = callback.json();
        let text = |name: &str| body[name].as_str().expect("an id").to_owned();
        asked.entry(text("event_id")).or_default().insert(text("replay_id"));
    }
    asked
}

async fn preview(script: &Script<'_>, project: &str, body: Value) -> (BulkId, Value) {
    let preview: Value = script.send(&format!("{project}/bulk-reprocesses"), body).await;
    (parse(&preview["bulk_id"]), preview)
}

#[test]
fn as_many_incidents_as_a_bulk_may_have_can_be_named_in_one_body() {
    run(async {
        let world = World::start_without_worker().await;
        let script = Script::new(&world, Role::Operator).await;
        let named = |count: u128| {
            let ids = (0..count).map(|bits| IncidentId::from_uuid(uuid::Uuid::from_u128(bits)));
            json!({ "action": "resolve", "incident_ids": ids.collect::<Vec<_>>() })
        };
        let path = format!("/projects/{}/bulk-reprocesses", world.project.id);
        let (status, made) = script.call_at(Method::POST, &path, Some(named(10_000))).await;
        assert_eq!(status, 201, "{made}");
        for (path, count, why) in [
            (path.as_str(), 10_001, "must be a list of 1 to 10000 ids"),
            ("/bulk-sets", 10_001, "must be a list of 1 to 10000 ids"),
            ("/bulk-sets", 10_000, "names no incident of any project"),
        ] {
            let (status, rejected) = script.call_at(Method::POST, path, Some(named(count))).await;
            let message = rejected["error"]["fields"][0]["message"].as_str().expect("a message");
            assert!(status == 422 && message.starts_with(why), "{path}: {rejected}");
        }
    });
}

#[test]
fn what_is_left_out_of_those_that_were_ticked_can_be_taken_in() {
    run(async {
        let world = World::start_without_worker().await;
        let mut refund = receipt("evt_refund");
        refund["event_type"] = json!("charge.refunded");
        refund["effect_type"] = json!("access_revocation");
        let (paid, refund) = (world.receipt("evt_paid").await, world.send_receipt(&refund).await);
        let paid = world.fail(paid, json!({})).await.to_string();
        let refund = world.fail(refund, json!({})).await.to_string();
        let bob = Operator::signed_in(&world, Role::Operator).await;
        let ticked = [("which", "ticked"), ("action", "reprocess")];
        let named = [("incident", paid.as_str()), ("incident", refund.as_str())];
        let ticked = [&ticked[..], &named[..]].concat();
        let path = bob.submit("/incidents", "/bulk", &ticked).await.location.expect("its page");
        assert_eq!(bob.page(&path).await.heading(), "Reprocess 1 incident?");
        let html = bob.get(&path).await.body;
        let all = [&ticked[..], &[("include_taking", "yes")][..]].concat();
        for (name, value) in &all {
            assert!(html.contains(&format!(r#"name="{name}" value="{value}""#)), "{name}: {html}");
        }
        let larger = bob.submit(&path, "/bulk", &all).await.location.expect("its page");
        assert_eq!(bob.page(&larger).await.heading(), "Reprocess 2 incidents?");
        assert!(!larger.contains('?'), "nothing is left out: {larger}");
    });
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, to be read as a whole")]
fn a_script_previews_starts_and_follows_one_and_every_customer_is_asked_once() {
    run(async {
        let world = World::start().await;
        let script = Script::new(&world, Role::Operator).await;
        let project = format!("/{}", world.project.id);
        let cause = break_for(&world, CUSTOMERS).await;
        let (id, frozen) = preview(&script, &project, json!({ "cause_id": cause })).await;
        assert_eq!(frozen["incidents"], CUSTOMERS);
        assert_eq!(frozen["by_effect"][0]["effect_type"], "credit_grant");
        assert!(world.repair.received().is_empty(), "a preview starts nothing");

        let path = format!("{project}/bulk-reprocesses/{id}");
        let start = format!("{path}/start");
        let wrong = json!({ "canary": 101, "per_minute": 0 });
        let (status, error) = script.reject(Method::POST, &start, Some(wrong)).await;
        assert_eq!((status, bad_fields(&error)), (422, vec!["note", "canary", "per_minute"]));
        let right = json!({ "note": "the disk has room again", "canary": 2, "per_minute": 600 });
        let (status, running) = script.post(&start, right.clone()).await;
        assert_eq!((status, &running["state"]), (202, &json!("running")), "{running}");
        let (status, error) = script.reject(Method::POST, &start, Some(right)).await;
        assert_eq!((status, error.code.as_str()), (409, "incident_conflict"));

        work_until(&world, id, BulkState::Done).await;
        let done: Value = script.read(&path).await;
        assert_eq!((&done["succeeded"], &done["waiting"]), (&json!(CUSTOMERS), &json!(0)));
        let asked = asked(&world.repair.received());
        assert_eq!(asked.len(), CUSTOMERS);
        assert!(asked.values().all(|ids| ids.len() == 1), "{asked:?}");
        let items: Value = script.read(&format!("{path}/items?state=succeeded")).await;
        assert_eq!(items["data"].as_array().map(Vec::len), Some(CUSTOMERS));
        let listed: Value = script.read(&format!("{project}/bulk-reprocesses")).await;
        assert_eq!(listed["data"][0]["bulk_id"], json!(id));

        for (body, field) in [
            (json!({ "cause_id": "nonsense" }), "cause_id"),
            (json!({ "failures_of": "blk_00000000000000000000000001" }), "failures_of"),
            (json!({ "incident_ids": [] }), "incident_ids"),
            (
                json!({ "cause_id": cause, "incident_ids": ["inc_00000000000000000000000001"] }),
                "cause_id",
            ),
        ] {
            let path = format!("{project}/bulk-reprocesses");
            let (status, error) = script.reject(Method::POST, &path, Some(body.clone())).await;
            assert_eq!((status, bad_fields(&error)), (422, vec![field]), "{body}");
        }
    });
}

#[test]
fn the_command_line_shows_what_would_be_done_and_starts_it_at_a_pace() {
    run(async {
        let world = World::start().await;
        let cause = break_for(&world, 3).await;
        let asked_for = ["incident", "reprocess", "--cause", &cause];
        let (code, shown) = world.cli(&asked_for).await.expect("a command");
        assert_eq!((code, &shown["incidents"]), (0, &json!(3)));
        let more = ["--note", "the disk has room again", "--canary", "1", "--rate", "600/m"];
        let more = [&asked_for[..], &more, &["--yes", "--no-wait"]].concat();
        let (code, started) = world.cli(&more).await.expect("a command");
        assert_eq!((code, &started["state"]), (0, &json!("running")));
        let id: BulkId = parse(&started["bulk_id"]);
        work_until(&world, id, BulkState::Done).await;
        let settings = bulk(&world, id).await.settings.expect("settings");
        assert_eq!((settings.canary, settings.per_minute), (1, 600));
        assert_eq!(asked(&world.repair.received()).len(), 3);
    });
}

/// Reports success of everything that was asked for and not reported yet.
async fn report_all(world: &World, done: &mut BTreeSet<String>) {
    for callback in world.repair.received() {
        let body = callback.json();
        let replay_id = body["replay_id"].as_str().expect("an id").to_owned();
        if done.insert(replay_id.clone()) {
            let event = parse(&body["event_id"]);
            world.result(event, "success", json!({ "replay_id": replay_id })).await;
        }
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, to be read as a whole")]
fn it_is_steered_from_temporal_and_a_workflow_that_is_terminated_is_started_again() {
    run(async {
        let world = World::start().await;
        let script = Script::new(&world, Role::Operator).await;
        let project = format!("/{}", world.project.id);
        break_for(&world, 3).await;
        let (id, _) = preview(&script, &project, json!({})).await;
        let start = format!("{project}/bulk-reprocesses/{id}/start");
        let slow = json!({ "note": "slowly", "canary": 1, "per_minute": 60 });
        script.post(&start, slow).await;
        world.repair.wait_for(1).await;

        let client = world.temporal().await;
        let workflow = client.get_workflow_handle::<BulkReprocess>(bulk_workflow_id(id));
        let signal = async |name: &str| {
            let signal = UntypedSignal::<<BulkReprocess as HasWorkflowDefinition>::Run>::new(name);
            let sent = workflow.signal(
                signal,
                RawValue::new(Vec::new()),
                WorkflowSignalOptions::default(),
            );
            sent.await.expect("a signal");
        };
        signal("pause").await;
        let state = async |wanted| {
            eventually(&format!("{wanted}"), async || {
                (bulk(&world, id).await.state == wanted).then_some(())
            })
            .await;
        };
        state(BulkState::Paused).await;
        signal("resume").await;
        state(BulkState::Running).await;
        let actors =
            "SELECT actor FROM audit_entries WHERE action IN ('bulk.paused', 'bulk.resumed')";
        let actors: Vec<String> =
            sqlx::query_scalar(actors).fetch_all(&world.pool).await.expect("actors");
        assert_eq!(actors, ["temporal:unknown", "temporal:unknown"]);

        workflow.terminate(WorkflowTerminateOptions::default()).await.expect("terminated");
        sqlx::query("UPDATE bulk_reprocesses SET stepped_at = now() - interval '3 minutes'")
            .execute(&world.pool)
            .await
            .expect("time that passed");
        engine::sweep::sweep(&world.pool).await;
        work_until(&world, id, BulkState::Done).await;
    });
}

#[test]
fn what_is_left_of_one_that_was_canceled_is_not_started() {
    run(async {
        let world = World::start_without_worker().await;
        let bob = Operator::signed_in(&world, Role::Operator).await;
        let cause = break_for(&world, 3).await;
        let list = format!("/incidents?cause={cause}");
        let made = bob.submit(&list, "/bulk", &[("cause", &cause)]).await;
        let path = made.location.expect("its page");
        let pace = [("note", "go"), ("canary", "1"), ("per_minute", "30"), ("stop_percent", "20")];
        bob.submit(&path, &format!("{path}/start"), &pace).await;
        bob.submit(&path, &format!("{path}/cancel"), &[]).await;
        let sums = bob.page(&path).await.texts(".sums li");
        assert!(sums.contains(&"3 not started".to_owned()), "{sums:?}");
    });
}

#[test]
fn the_console_shows_what_would_be_done_starts_it_and_says_how_far_it_is() {
    run(async {
        let world = World::start().await;
        let bob = Operator::signed_in(&world, Role::Operator).await;
        let cause = break_for(&world, 3).await;
        let list = format!("/incidents?cause={cause}");
        assert!(bob.page(&list).await.buttons().iter().any(|it| it.starts_with("Reprocess all")));
        let made = bob.submit(&list, "/bulk", &[("cause", &cause)]).await;
        let path = made.location.expect("its page");
        let page = bob.page(&path).await;
        assert_eq!(page.heading(), "Reprocess 3 incidents?");
        for said in ["3 × Credits", "the oldest ", ", the newest "] {
            assert!(page.text().contains(said), "{said:?} in {}", page.text());
        }

        let start = format!("{path}/start");
        let wrong = [("note", ""), ("canary", "x"), ("per_minute", "30"), ("stop_percent", "20")];
        let again = bob.submit(&path, &start, &wrong).await;
        assert_eq!(again.status, 422);
        let right =
            [("note", "go"), ("canary", "1"), ("per_minute", "600"), ("stop_percent", "20")];
        bob.submit(&path, &start, &right).await;
        let id: BulkId = path.trim_start_matches("/bulk/").parse().expect("an id");
        let page = bob.page(&path).await;
        assert_eq!(page.heading(), "Reprocessing 3 incidents");
        bob.submit(&path, &format!("{path}/pause"), &[]).await;
        assert_eq!(bulk(&world, id).await.state, BulkState::Paused);
        bob.submit(&path, &format!("{path}/resume"), &[]).await;
        work_until(&world, id, BulkState::Done).await;
        let page = bob.page(&path).await;
        assert!(page.text().contains("100% over"), "{}", page.text());
        let late = bob.submit(&path, &format!("{path}/cancel"), &[]).await;
        assert_eq!(late.status, 303);
        let message = bob.page(&path).await.message().expect("a message");
        assert_eq!(message, "[refused] Nothing was changed: it is done.");
        let open: i64 =
            sqlx::query_scalar("SELECT count(*) FROM incidents WHERE state <> 'resolved'")
                .fetch_one(&world.pool)
                .await
                .expect("a count");
        assert_eq!(open, 0);
    });
}
