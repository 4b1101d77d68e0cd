//! Worker Deployment Versioning: a build that gets no task is seen, and two builds work side by side.
//!
//! Each story has a Temporal of its own, because a version is current for a whole task queue.

use e2e::binary::Part;
use e2e::{World, WorldOptions, eventually, run, temporal};
use serde_json::{Value, json};
use tokio::process::Command;

const DEPLOYMENT: &str = "SENDPROMPTLY_WORKER_DEPLOYMENT";
const BUILD: &str = "SENDPROMPTLY_WORKER_BUILD";

fn worker(world: &World, build: &str) -> Part {
    let settings = [(DEPLOYMENT, "shop-watch"), (BUILD, build)];
    world.spawn_logged("worker", &settings).expect("a worker").0
}

/// Runs the command that a check names, or one like it.
async fn route(world: &World, arguments: &[&str]) {
    eventually(&format!("{arguments:?}"), async || {
        let output = Command::new(&world.engines.found.temporal.path)
            .args(["worker", "deployment"])
            .args(arguments)
            .args(["--yes", "--address", &world.temporal_address])
            .args(["--namespace", embedded::NAMESPACE])
            .output()
            .await
            .expect("the temporal command");
        output.status.success().then_some(())
    })
    .await;
}

async fn check(world: &World, name: &str) -> Option<Value> {
    let url = format!("{}/readyz", world.url);
    let ready = world.http.get(url).send().await.ok()?.text().await.ok()?;
    let ready: Value = serde_json::from_str(&ready).ok()?;
    ready["checks"].as_array()?.iter().find(|check| check["name"] == name).cloned()
}

async fn version_when(world: &World, status: &str, detail: &str) -> Value {
    eventually(&format!("worker_version to be {status}: {detail}"), async || {
        let check = check(world, "worker_version").await?;
        let said = check["detail"].as_str()?.contains(detail);
        (check["status"] == status && said).then_some(check)
    })
    .await
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, to be read as a whole")]
fn two_builds_work_side_by_side_and_watches_of_the_old_one_end_on_the_new_one() {
    run(async {
        let options = WorldOptions::default().without_api().without_worker();
        let (world, server) = World::start_beside_temporal(options).await;
        let settings = [(DEPLOYMENT, "shop-watch"), (BUILD, "2.0+blue")];
        let _api = world.spawn_logged("api", &settings).expect("an API");
        let old = worker(&world, "1.0");
        let waits = version_when(&world, "failed", "neither current nor ramping").await;
        let cure = waits["cure"].as_str().expect("a cure");
        assert!(cure.contains("--deployment-name shop-watch --build-id 2.0+blue"), "{cure}");

        let of = ["--deployment-name", "shop-watch", "--build-id"];
        let current = |build| [&["set-current-version"][..], &of, &[build]].concat();
        route(&world, &current("1.0")).await;
        version_when(&world, "failed", "the build 1.0 of shop-watch is current").await;
        let client = eventually("a client", async || world.engine.client().await.ok()).await;
        let watched = async |event_id| {
            let status = async || temporal::status(&client, event_id).await.ok();
            eventually("a watch", status).await
        };
        let mut of_old = Vec::new();
        for n in 0..4 {
            let event_id = world.receipt(&format!("evt_{n}")).await;
            watched(event_id).await;
            of_old.push(event_id);
        }
        world.fail(of_old[0], json!({})).await;

        // Rainbow: the new build ramps beside the old one.
        let new = worker(&world, "2.0+blue");
        let ramp =
            [&["set-ramping-version"][..], &of, &["2.0+blue", "--percentage", "50"]].concat();
        route(&world, &ramp).await;
        version_when(&world, "ok", "is ramping, at 50 %").await;
        let mut of_both = Vec::new();
        for n in 10..16 {
            let event_id = world.receipt(&format!("evt_{n}")).await;
            watched(event_id).await;
            of_both.push(event_id);
        }
        world.result(of_old[1], "success", json!({})).await;
        world.result(of_both[0], "success", json!({})).await;
        temporal::finished(&client, of_old[1]).await;
        temporal::finished(&client, of_both[0]).await;

        // Rolling: the new build is current, and the old one goes.
        route(&world, &current("2.0+blue")).await;
        version_when(&world, "ok", "2.0+blue of shop-watch is current").await;
        old.kill().await.expect("an end");
        world.result(of_old[0], "success", json!({})).await;
        let left = of_old[2..].iter().chain(&of_both[1..]);
        for event_id in left.clone() {
            world.result(*event_id, "success", json!({})).await;
        }
        for event_id in left.chain([&of_old[0]]) {
            let history = temporal::finished(&client, *event_id).await;
            let failed = history.iter().filter(|event| {
                event.event_type().as_str_name() == "EVENT_TYPE_WORKFLOW_TASK_FAILED"
            });
            assert_eq!(failed.count(), 0, "no watch was led in two ways");
        }
        // Without versions again.
        let (code, doctor) = world.cli(&["doctor"]).await.expect("a command");
        assert_eq!(code, 1, "{doctor}");
        let checks = doctor["checks"].as_array().expect("checks");
        let found = checks.iter().find(|check| check["name"] == "worker_version");
        let found = found.expect("the check");
        assert_eq!(found["status"], "fail");
        assert!(found["cure"].as_str().expect("a cure").contains("--unversioned"), "{found}");
        new.kill().await.expect("an end");
        server.stop().await;
    });
}

#[test]
fn half_a_version_is_rejected_and_names_the_other_half() {
    run(async {
        let options = WorldOptions::default().without_api().without_worker();
        let world = World::start_on("127.0.0.1:1".to_owned(), options).await;
        for (given, value, missing) in
            [(DEPLOYMENT, "shop-watch", BUILD), (BUILD, "1.0", DEPLOYMENT)]
        {
            let (code, error, _) =
                world.cli_with(&["worker"], &[(given, value)], "").await.expect("a command");
            assert_eq!(code, 1);
            let message = error["error"]["message"].as_str().expect("a message");
            assert!(
                message.starts_with(&format!("{missing} is not set: {given} is set")),
                "{message}"
            );
        }
        let bad = [(DEPLOYMENT, "shop.watch"), (BUILD, "1.0")];
        let (_, error, _) = world.cli_with(&["api"], &bad, "").await.expect("a command");
        let message = error["error"]["message"].as_str().expect("a message");
        assert!(message.starts_with(&format!("{DEPLOYMENT} must be")), "{message}");
    });
}

#[test]
fn releases_that_differ_show_in_health() {
    run(async {
        let world = World::start().await;
        let ok = async |name: &str, status: &str| {
            eventually(&format!("{name} to be {status}"), async || {
                let check = check(&world, name).await?;
                (check["status"] == status).then_some(check)
            })
            .await
        };
        ok("versions", "ok").await;
        let newer = "INSERT INTO worker_heartbeats (id, namespace, task_queue, seen_at, release)
             SELECT gen_random_uuid(), namespace, task_queue, now(), '9.1.0' FROM worker_heartbeats LIMIT 1";
        sqlx::query(newer).execute(&world.pool).await.expect("another worker");
        let differs = ok("versions", "degraded").await;
        let detail = differs["detail"].as_str().expect("a detail");
        assert!(detail.starts_with("workers run 9.1.0, and this process runs"), "{detail}");
    });
}
