//! `doctor --project`: whether a repair endpoint takes callbacks and reports what came of them.

use domain::incident::IncidentState;
use domain::operator::Role;
use e2e::console::Operator;
use e2e::{World, WorldOptions, eventually, run};
use serde_json::{Value, json};

/// The probes come first; this is the callback.
const CALLBACK: usize = 4;

fn check(report: &Value, name: &str) -> Value {
    let checks = report["checks"].as_array().expect("checks");
    let found = checks.iter().find(|check| check["name"] == name);
    found.unwrap_or_else(|| panic!("no {name}: {report}")).clone()
}

async fn round_trip(world: &World) -> Option<Value> {
    let project = world.project.id.to_string();
    let (_, found) = world.cli(&["doctor", "--project", &project]).await.expect("a command");
    let checks = found["checks"].as_array().expect("checks");
    checks.iter().find(|check| check["name"] == "repair_round_trip").cloned()
}

async fn states(world: &World) -> Vec<(String, String)> {
    let sql = "SELECT i.state, r.state FROM incidents i JOIN reprocesses r ON r.incident_id = i.id";
    sqlx::query_as(sql).fetch_all(&world.pool).await.expect("incidents")
}

/// Alerts of what `doctor` makes up are given up before any attempt.
async fn nobody_is_told(world: &World) {
    let sql = "SELECT DISTINCT state FROM alerts";
    let states: Vec<String> = sqlx::query_scalar(sql).fetch_all(&world.pool).await.expect("alerts");
    assert_eq!(states, ["given_up"]);
    assert!(world.mailbox.mails().is_empty(), "{:?}", world.mailbox.mails());
}

#[test]
fn an_endpoint_that_reports_its_result_passes_and_nobody_is_alerted() {
    run(async {
        let world = World::start().await;
        world.alert_bob().await;
        let (result, check) = tokio::join!(
            async {
                let callback = world.repair.wait_for(CALLBACK).await.remove(CALLBACK - 1).json();
                assert_eq!(callback["type"], "reprocess");
                assert_eq!(callback["internal_reference"], "sendpromptly-doctor");
                let event_id =
                    callback["event_id"].as_str().expect("an id").parse().expect("an id");
                let replay = json!({ "replay_id": callback["replay_id"] });
                world.result(event_id, "success", replay).await
            },
            round_trip(&world),
        );
        assert_eq!(result.incident.expect("an incident").state, IncidentState::Resolved);
        let check = check.expect("a round trip");
        assert_eq!(check["status"], "pass", "{check}");
        assert_eq!(states(&world).await, [("resolved".to_owned(), "succeeded".to_owned())]);
        nobody_is_told(&world).await;
    });
}

#[test]
fn an_endpoint_that_reports_nothing_fails_by_name_and_leaves_no_open_incident() {
    run(async {
        let world = World::start().await;
        world.alert_bob().await;
        let check = round_trip(&world).await.expect("a round trip");
        assert_eq!(check["status"], "fail", "{check}");
        let message = check["message"].as_str().expect("a message");
        assert!(message.contains("POST /api/v1/result with the replay_id"), "{message}");
        assert_eq!(states(&world).await, [("resolved".to_owned(), "no_result".to_owned())]);
        nobody_is_told(&world).await;
    });
}

#[test]
fn without_a_round_trip_only_probes_are_sent_and_no_event_is_left_behind() {
    run(async {
        let world = World::start().await;
        let project = world.project.id.to_string();
        let asked = ["doctor", "--project", &project, "--no-round-trip"];
        let (_, found) = world.cli(&asked).await.expect("a command");
        assert!(!found.to_string().contains("round_trip"), "{found}");
        assert_eq!(world.repair.received().len(), CALLBACK - 1);
        let events: i64 = sqlx::query_scalar("SELECT count(*) FROM payment_events")
            .fetch_one(&world.pool)
            .await
            .expect("a count");
        assert_eq!(events, 0);
    });
}

#[test]
fn the_cause_stands_beside_the_check_that_failed_and_doctor_is_not_sent_to_itself() {
    run(async {
        let options = WorldOptions::default().without_api().without_worker();
        let world = World::start_on("127.0.0.1:1".to_owned(), options).await;
        let away = [("DATABASE_URL", "postgres://bob:hunter2@127.0.0.1:1/shop")];
        let (code, found, _) = world.cli_with(&["doctor"], &away, "").await.expect("a command");
        assert_eq!(code, 1);
        for name in ["database", "temporal"] {
            let check = check(&found, name);
            assert_eq!(check["status"], "fail", "{check}");
            let message = check["message"].as_str().expect("a message").to_lowercase();
            assert!(message.contains("connection refused"), "{check}");
        }
        let all = found.to_string();
        assert!(!all.contains("sendpromptly doctor") && !all.contains("hunter2"), "{all}");
    });
}

#[test]
fn an_api_with_another_master_key_is_named_by_itself_by_doctor_and_on_its_pages() {
    run(async {
        let options = WorldOptions::default().without_api().without_worker();
        let world = World::start_with(options).await;
        let other = store::MasterKey::generate();
        let other = [("SENDPROMPTLY_MASTER_KEY", other.as_str())];
        let (_api, _log) = world.spawn_logged("api", &other).expect("an api");
        let ready = eventually("an api that names its key", async || {
            let response = world.http.get(format!("{}/readyz", world.url)).send().await.ok()?;
            let ready: Value = serde_json::from_str(&response.text().await.ok()?).ok()?;
            let check = check(&ready, "master_key");
            (check["status"] == "failed").then_some(check)
        })
        .await;
        let detail = ready["detail"].as_str().expect("a detail");
        assert!(detail.contains("sealed with another key"), "{ready}");

        let here = [("SENDPROMPTLY_PUBLIC_URL", world.url.as_str())];
        let (_, ours, _) = world.cli_with(&["doctor"], &here, "").await.expect("a command");
        assert_eq!(check(&ours, "master_key")["status"], "pass");
        let api = check(&ours, "api");
        let message = api["message"].as_str().expect("a message");
        assert!(api["status"] == "warn" && message.contains("master_key"), "{api}");
        let (_, theirs, _) = world.cli_with(&["doctor"], &other, "").await.expect("a command");
        let theirs = check(&theirs, "master_key");
        assert_eq!((&theirs["status"], &theirs["cure"]), (&json!("fail"), &ready["cure"]));

        let alice = Operator::signed_in(&world, Role::Viewer).await;
        let alerts = alice.page("/projects").await.alerts();
        assert!(alerts[0].contains(detail), "{alerts:?}");
    });
}

#[test]
fn a_redirect_is_shown_with_the_address_to_save() {
    run(async {
        let world = World::start_without_worker().await;
        world.repair.respond_with(&[308, 308, 308]);
        world.repair.redirect_to("https://bob:canary@www.cometcart.test/repair?token=canary");
        let project = world.project.id.to_string();
        let (code, found) = world.cli(&["doctor", "--project", &project]).await.expect("a command");
        assert_eq!(code, 1);
        let checks = found["checks"].as_array().expect("checks");
        let check = checks.iter().find(|check| check["name"] == "repair_redirect");
        let message = check.expect("a check")["message"].as_str().expect("a message").to_owned();
        assert!(message.contains("answers 308 to https://www.cometcart.test/repair"), "{message}");
        assert!(message.contains("save that address as the repair URL"), "{message}");
        assert!(!found.to_string().contains("canary"), "{found}");
        assert_eq!(world.repair.received().len(), CALLBACK - 1, "it is not followed");
    });
}
