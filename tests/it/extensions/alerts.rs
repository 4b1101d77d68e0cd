//! Alerts that a team's own activity delivers: by the same rules as those to a webhook, in any
//! language that has a worker.

use std::path::PathBuf;

use activities::alerts::deliver;
use domain::extension::SILENT_AFTER;
use domain::ids::{AlertId, EventId};
use domain::operator::Role;
use e2e::console::Operator;
use e2e::extension_worker::{ACTIVITY, ExtensionWorker, Manner, find_out, register, stay_silent};
use e2e::{World, eventually, run};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use store::destinations::Target;
use store::{alerts, extensions};

use super::queue;
use crate::automation::script::{Script, bad_fields};
use crate::clients::ask;

const SCHEMA: &str = include_str!("../../../docs/extensions/2026-12-01/message.json");

/// Sends alerts to an activity on this world's queue.
async fn alert_by_activity(world: &World) {
    let (activity, queue) = (ACTIVITY.parse().expect("a name"), queue(world));
    let queue = queue.parse().expect("a queue");
    world.add_destination(&Target::Activity { activity, queue }, ACTIVITY).await;
}

async fn pending(world: &World, event_id: EventId) -> Vec<AlertId> {
    alerts::list_pending(&world.pool, event_id).await.expect("a list")
}

/// Lets the destination's pause pass, and does what a worker does then.
async fn pass(world: &World) {
    sqlx::raw_sql("UPDATE destinations SET retry_at = NULL")
        .execute(&world.pool)
        .await
        .expect("it");
    world.send_waiting().await;
}

async fn last_answer(world: &World, event_id: EventId) -> String {
    sqlx::query_scalar("SELECT last_answer FROM alerts WHERE event_id = $1 ORDER BY id DESC")
        .bind(event_id.as_uuid())
        .fetch_one(&world.pool)
        .await
        .expect("an answer")
}

async fn failed(world: &World, provider_event_id: &str) -> EventId {
    let event_id = world.receipt(provider_event_id).await;
    world.fail(event_id, json!({ "error_code": "timed_out" })).await;
    event_id
}

/// Holds messages to the schema, by a validator that is not ours.
fn assert_valid(messages: &[Value]) {
    let program = "import json, sys, jsonschema\n\
        schema, messages = json.loads(sys.argv[1]), json.loads(sys.argv[2])\n\
        jsonschema.Draft202012Validator.check_schema(schema)\n\
        validator = jsonschema.Draft202012Validator(schema)\n\
        print(json.dumps([error.message for message in messages for error in validator.iter_errors(message)]))";
    let libraries = PathBuf::from(ask("install_test_libraries.py"));
    let output = std::process::Command::new("python3")
        .env("PYTHONPATH", libraries.join("python"))
        .args(["-c", program, SCHEMA, &json!(messages).to_string()])
        .output()
        .expect("an interpreter");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(said.trim(), "[]", "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in one go")]
fn a_worker_of_the_team_gets_each_alert_and_notice_as_the_schema_says() {
    run(async {
        let world = World::start().await;
        alert_by_activity(&world).await;
        let team = ExtensionWorker::start(&world, queue(&world), Manner::Nothing).await;
        register(&world, "before_incident", "propose").await;
        let all = extensions::list_extensions(&world.pool, Some(world.project.id)).await;
        let extension = all.expect("a list").remove(0).id;
        let event_id = world.receipt("evt_1").await;
        let found = json!({ "settled": true, "note": "in the ledger", "evidence": { "row": 7 } });
        find_out(&world, extension, event_id, &found).await;
        let incident = world.fail(event_id, json!({ "error_code": "timed_out" })).await;
        let opened = eventually("an alert", async || team.calls().first().cloned()).await;
        assert_eq!(opened["type"], "incident.opened");
        assert_eq!(opened["data"]["incident_id"], json!(incident));
        assert_eq!(opened["data"]["evidence"]["entries"], json!({ "row": 7 }));

        world.repair.respond_with(&[422]);
        world.reprocess(incident).await;
        eventually("an alert", async || team.calls().get(1).cloned()).await;
        world.result(event_id, "success", json!({})).await;
        eventually("an alert", async || team.calls().get(2).cloned()).await;
        for number in 0..SILENT_AFTER {
            let event_id = world.receipt(&format!("evt_silent_{number}")).await;
            stay_silent(&world, extension, event_id).await;
        }
        world.send_notices().await;
        eventually("a notice", async || team.calls().get(3).cloned()).await;
        let calls = team.calls();
        let types: Vec<_> = calls.iter().map(|call| call["type"].as_str().expect("text")).collect();
        let all = [
            "incident.opened",
            "incident.reprocess_failed",
            "incident.resolved",
            "extension.silent",
        ];
        assert_eq!(types, all);
        let examples = [
            include_str!(
                "../../../docs/extensions/2026-12-01/examples/message-incident-opened.json"
            ),
            include_str!(
                "../../../docs/extensions/2026-12-01/examples/message-extension-silent.json"
            ),
            include_str!(
                "../../../docs/extensions/2026-12-01/examples/message-receipts-silent.json"
            ),
            include_str!("../../../docs/extensions/2026-12-01/examples/message-cause-updated.json"),
            include_str!("../../../docs/extensions/2026-12-01/examples/message-alerts-digest.json"),
            include_str!(
                "../../../docs/extensions/2026-12-01/examples/message-incidents-waiting.json"
            ),
        ];
        let examples = examples.map(|text| serde_json::from_str(text).expect("JSON"));
        assert_valid(&[&calls[..], &examples[..]].concat());
    });
}

#[test]
fn one_that_is_absent_or_raises_is_tried_again_by_the_back_off_until_it_takes_the_message() {
    run(async {
        let world = World::start_without_worker().await;
        alert_by_activity(&world).await;
        let event_id = failed(&world, "evt_1").await;
        world.deliver_alerts(&[event_id]).await;
        let nobody = format!("no worker took it from {} within 20 s", queue(&world));
        assert_eq!(last_answer(&world, event_id).await, nobody);
        let left_alone: bool = sqlx::query_scalar(
            "SELECT failures = 1 AND retry_at > now() + interval '20 s' FROM destinations",
        )
        .fetch_one(&world.pool)
        .await
        .expect("a destination");
        assert!(left_alone);

        let raising =
            ExtensionWorker::start(&world, queue(&world), Manner::Raise("PagerDown")).await;
        pass(&world).await;
        assert_eq!(last_answer(&world, event_id).await, "failed with PagerDown");
        assert_eq!(pending(&world, event_id).await.len(), 1);
        raising.stop().await;

        let team = ExtensionWorker::start(&world, queue(&world), Manner::Nothing).await;
        eventually("a delivery", async || {
            pass(&world).await;
            pending(&world, event_id).await.is_empty().then_some(())
        })
        .await;
        assert_eq!(last_answer(&world, event_id).await, "completed");
        assert_eq!(team.calls().len(), 1);
    });
}

#[test]
fn what_the_activity_took_is_not_given_to_it_again_when_our_worker_died_before_it_noted_that() {
    run(async {
        let world = World::start_without_worker().await;
        alert_by_activity(&world).await;
        let answer = Manner::Json(json!({ "page": 7 }));
        let team = ExtensionWorker::start(&world, queue(&world), answer).await;
        let event_id = failed(&world, "evt_1").await;
        let id = pending(&world, event_id).await.remove(0);
        deliver(&world.deps(), id).await.expect("a database");
        let forget = "UPDATE alerts SET state = 'pending', finished_at = NULL, last_answer = NULL, leased_until = NULL";
        sqlx::raw_sql(AssertSqlSafe(forget.to_owned()))
            .execute(&world.pool)
            .await
            .expect("an alert");
        deliver(&world.deps(), id).await.expect("a database");
        assert_eq!(last_answer(&world, event_id).await, r#"completed: {"page":7}"#);
        assert_eq!(pending(&world, event_id).await, []);
        let calls = team.calls();
        assert_eq!((calls.len(), &calls[0]["id"]), (1, &json!(id)));
    });
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in one go")]
fn each_door_adds_one_and_tests_it_and_rejects_a_queue_outside_the_prefix_by_name() {
    run(async {
        let world = World::start_without_worker().await;
        let (project, queue) = (world.project.id.to_string(), queue(&world));
        let _team = ExtensionWorker::start(&world, queue.clone(), Manner::Nothing).await;
        let add = ["destination", "add", "--project", &project, "--activity", ACTIVITY];
        let page = format!("/projects/{project}/destinations");
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let script = Script::new(&world, Role::Admin).await;
        let path = format!("/{project}/destinations");
        for bad in ["sendpromptly", "sendpromptly-ext.", "Sendpromptly-ext.a"] {
            let (code, said) =
                world.cli(&[&add[..], &["--queue", bad]].concat()).await.expect("it");
            assert_eq!((code, &said["error"]["code"]), (1, &json!("validation_error")));
            let message = said["error"]["message"].as_str().expect("a message");
            assert!(message.starts_with("queue must begin with sendpromptly-ext."), "{message}");
            let body = json!({ "activity": ACTIVITY, "queue": bad });
            let (status, error) = script.reject(Method::POST, &path, Some(body)).await;
            assert_eq!((status, bad_fields(&error)), (422, vec!["queue"]));
            let typed = [("activity", ACTIVITY), ("queue", bad)];
            let response = alice.submit(&page, &page, &typed).await;
            assert_eq!(response.status, 422, "{bad}");
            let error = response.page().error("Task queue").expect("an error");
            assert!(error.starts_with("Must begin with sendpromptly-ext."), "{error}");
        }
        let (_, said) = world.cli(&add).await.expect("a command");
        assert_eq!(said["error"]["message"], "queue is required with activity");
        let both = json!({ "activity": ACTIVITY, "queue": queue, "email": "bob@example.com" });
        let (_, error) = script.reject(Method::POST, &path, Some(both)).await;
        assert_eq!(bad_fields(&error), ["email"]);
        let viewer = Script::new(&world, Role::Viewer).await;
        let body = json!({ "activity": ACTIVITY, "queue": queue });
        let (status, _) = viewer.reject(Method::POST, &path, Some(body.clone())).await;
        assert_eq!(status, 403);

        let (code, added) =
            world.cli(&[&add[..], &["--queue", &queue]].concat()).await.expect("it");
        let id = added["destination_id"].as_str().expect("an id").to_owned();
        assert_eq!((code, &added), (0, &json!({ "destination_id": id, "kind": "activity" })));
        let (_, error) = script.reject(Method::POST, &path, Some(body)).await;
        assert_eq!(bad_fields(&error), ["activity"], "it is there already");
        let listed: Value = script.read(&path).await;
        let [one] = listed["data"].as_array().expect("a list").as_slice() else {
            panic!("{listed}")
        };
        assert_eq!(
            (&one["kind"], &one["address"], &one["queue"], &one["label"]),
            (&json!("activity"), &json!(ACTIVITY), &json!(queue), &json!(ACTIVITY))
        );
        let (code, tested) = world.cli(&["destination", "test", &id]).await.expect("a command");
        assert_eq!((code, &tested["answer"]), (0, &json!("completed")));
        let tested: Value = script.send(&format!("{path}/{id}/tests"), json!({})).await;
        assert_eq!(tested, json!({ "delivered": true, "answer": "completed" }));
        let more = format!("{queue}2");
        let typed = [("activity", "pager"), ("queue", more.as_str()), ("label", "On-call")];
        let response = alice.submit(&page, &page, &typed).await;
        assert_eq!(response.status, 303, "{}", response.body);
        let body = alice.get(&page).await.body;
        assert!(body.contains("On-call") && body.contains(&more), "{body}");
    });
}
