//! Who watches the watcher: `/readyz`, `doctor` and the console's head say what is not well, and no
//! two databases work on one namespace.
//!
//! Each story has a namespace of its own on the shared Temporal, made as the documents say.

use std::process::Stdio;
use std::sync::Arc;

use domain::operator::Role;
use e2e::console::Operator;
use e2e::{World, WorldOptions, eventually, run};
use engine::{Engine, EngineError, Monitor, TemporalSettings};
use serde_json::Value;
use sqlx::AssertSqlSafe;
use tokio::process::{Child, Command};

/// A database and a namespace for the real binary.
struct Site {
    world: World,
    namespace: String,
}

impl Site {
    /// A site whose namespace is still to be made.
    async fn new() -> Self {
        let namespace = format!("site-{}", uuid::Uuid::now_v7().simple());
        Self::on(namespace).await
    }

    /// Another database on a namespace.
    async fn on(namespace: String) -> Self {
        let options = WorldOptions::default().without_api().without_worker();
        let world = World::start_with(options).await;
        // The worlds' databases are copies of one; a copy for another environment gets its own id.
        let reset = "UPDATE environments SET id = gen_random_uuid()";
        sqlx::query(reset).execute(&world.pool).await.expect("an id");
        Self { world, namespace }
    }

    async fn id(&self) -> String {
        store::environments::find_id(&self.world.pool).await.expect("an id")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.world.command(arguments).expect("a command");
        command
            .env("TEMPORAL_NAMESPACE", &self.namespace)
            .env("SENDPROMPTLY_LISTEN", self.world.url.trim_start_matches("http://"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    async fn ask(&self, arguments: &[&str]) -> (Option<i32>, Value) {
        let output = self.command(arguments).arg("--json").output().await.expect("a command");
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        let printed = serde_json::from_slice(&output.stdout);
        (output.status.code(), printed.unwrap_or_else(|error| panic!("{error}: {errors}")))
    }

    fn spawn(&self, part: &str) -> Child {
        let mut command = self.command(&[part]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a process")
    }

    /// What `/readyz` says: status, and all of it.
    async fn ready(&self) -> Option<(u16, Value)> {
        let url = format!("{}/readyz", self.world.url);
        let response = self.world.http.get(url).send().await.ok()?;
        Some((response.status().as_u16(), serde_json::from_str(&response.text().await.ok()?).ok()?))
    }

    /// Waits until a check of `/readyz` ends like this; gives the whole response.
    async fn ready_when(&self, name: &str, status: &str) -> Value {
        eventually(&format!("{name} to be {status}"), async || {
            let (code, ready) = self.ready().await?;
            assert_eq!(code, 200, "receipts are taken whatever becomes of Temporal: {ready}");
            (check(&ready, name)["status"] == status).then_some(ready)
        })
        .await
    }

    /// `doctor` fails, and says of this check what `/readyz` says.
    async fn doctor_agrees(&self, ready: &Value, name: &str) {
        let (code, doctor) = self.ask(&["doctor"]).await;
        assert_eq!(code, Some(1), "{doctor}");
        let (ours, theirs) = (check(&doctor, name), check(ready, name));
        assert_eq!(ours["status"], "fail", "{doctor}");
        assert_eq!((&ours["message"], &ours["cure"]), (&theirs["detail"], &theirs["cure"]));
    }
}

fn check(report: &Value, name: &str) -> Value {
    let checks = report["checks"].as_array().unwrap_or_else(|| panic!("no checks: {report}"));
    let found = checks.iter().find(|check| check["name"] == name);
    found.unwrap_or_else(|| panic!("no {name}: {report}")).clone()
}

fn outcomes(report: &Value) -> String {
    let steps = report["steps"].as_array().expect("steps").iter();
    let steps = steps.map(|step| format!("{}={}", step["name"], step["outcome"]).replace('"', ""));
    steps.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_worker_is_ready_by_its_own_heartbeat_and_not_by_anothers() {
    run(async {
        let world = World::start().await;
        let temporal = TemporalSettings::Plain {
            address: world.temporal_address.clone(),
            namespace: embedded::NAMESPACE.to_owned(),
        };
        let without = Arc::new(Engine::new(temporal, world.engine.task_queue()));
        let report = async |engine: &Arc<Engine>| {
            let monitor = Monitor::new(world.pool.clone(), Arc::clone(engine)).for_worker();
            monitor.report().await
        };
        eventually("a worker that polls", async || {
            report(&world.engine).await.runs_watches().then_some(())
        })
        .await;
        let report = report(&without).await;
        assert!(!report.runs_watches(), "{report:?}");
        let workers = report.checks.iter().find(|check| check.name == "workers");
        let detail = &workers.expect("a check").detail;
        assert!(detail.starts_with("the worker of this process does not poll"), "{detail}");
    });
}

/// H0.
#[test]
fn four_missing_search_attributes_are_named_and_made() {
    run(async {
        let site = Site::new().await;
        let temporal = &site.world.engines;
        let made = ["operator", "namespace", "create", "--namespace", &site.namespace];
        temporal.cli_bare(&made).await.expect("a namespace");
        let old = "operator search-attribute create --type Keyword --name SpProjectId --name \
                   SpProviderEventId --name SpInternalReference --name SpEffectType --name SpState";
        let old: Vec<_> = old.split(' ').chain(["--namespace", &site.namespace]).collect();
        eventually("a namespace that takes attributes", async || {
            temporal.cli_bare(&old).await.ok()
        })
        .await;

        let _api = site.spawn("api");
        let ready = site.ready_when("search_attributes", "failed").await;
        assert_eq!(ready["status"], "degraded");
        let detail = check(&ready, "search_attributes")["detail"].to_string();
        for name in ["SpProviderEventId", "SpInternalReference", "SpEffectType", "SpState"] {
            assert!(detail.contains(name), "{name} in {detail}");
        }
        assert!(!detail.contains("SpProjectId"), "{detail}");
        site.doctor_agrees(&ready, "search_attributes").await;

        let (code, done) = site.ask(&["setup", "temporal"]).await;
        assert_eq!(code, Some(0), "{done}");
        assert!(
            outcomes(&done).starts_with("namespace=was_there search_attributes=made"),
            "{done}"
        );
        site.ready_when("search_attributes", "ok").await;
    });
}

#[test]
fn setup_makes_what_is_missing_and_nothing_twice() {
    run(async {
        let site = Site::new().await;
        let (code, doctor) = site.ask(&["doctor"]).await;
        assert_eq!(code, Some(1));
        let temporal = check(&doctor, "temporal");
        assert!(temporal["message"].to_string().contains(&site.namespace), "{temporal}");
        assert!(temporal["cure"].to_string().contains("setup temporal"), "{temporal}");

        let (code, done) = site.ask(&["setup", "temporal"]).await;
        assert_eq!(code, Some(0), "{done}");
        assert_eq!(outcomes(&done), "namespace=made search_attributes=made environment=made");
        let (code, done) = site.ask(&["setup", "temporal"]).await;
        assert_eq!(code, Some(0), "{done}");
        assert_eq!(
            outcomes(&done),
            "namespace=was_there search_attributes=was_there environment=was_there"
        );
        let described = ["operator", "namespace", "describe", "--namespace", &site.namespace];
        let described = site.world.engines.cli_bare(&described).await.expect("a namespace");
        assert!(described.contains("720h"), "{described}");
    });
}

#[test]
fn a_set_up_that_fails_half_way_says_what_it_made() {
    run(async {
        let site = Site::new().await;
        let temporal = &site.world.engines;
        let made = ["operator", "namespace", "create", "--namespace", &site.namespace];
        temporal.cli_bare(&made).await.expect("a namespace");
        // A namespace has room for ten keywords: two are left.
        for number in 1..=8 {
            let name = format!("Other{number}");
            let add = ["operator", "search-attribute", "create", "--type", "Keyword"];
            let add = [&add[..], &["--name", &name, "--namespace", &site.namespace]].concat();
            eventually("a namespace that takes attributes", async || {
                temporal.cli_bare(&add).await.ok()
            })
            .await;
        }
        let (code, done) = site.ask(&["setup", "temporal"]).await;
        assert_eq!(code, Some(1), "{done}");
        assert_eq!(
            outcomes(&done),
            "namespace=was_there search_attributes=failed environment=not_done"
        );
        let detail = done["steps"][1]["detail"].as_str().expect("words");
        assert!(
            detail.starts_with("made SpProjectId, SpProviderEventId; did not make Sp"),
            "{detail}"
        );
        for name in ["SpInternalReference", "SpEffectType", "SpState"] {
            assert!(detail.contains(&format!("did not make {name}: ")), "{name} in {detail}");
        }
        assert!(detail.contains("3 of 5 are missing"), "{detail}");
    });
}

/// H19.
#[test]
fn an_api_without_a_worker_says_that_deadlines_are_not_judged() {
    run(async {
        let site = Site::new().await;
        assert_eq!(site.ask(&["setup", "temporal"]).await.0, Some(0));
        let _api = site.spawn("api");
        let ready = site.ready_when("workers", "failed").await;
        assert_eq!(ready["status"], "degraded");
        site.world.receipt("evt_1").await;
        let overdue = "UPDATE payment_events SET timeout_at = now() - interval '6 minutes'";
        sqlx::query(overdue).execute(&site.world.pool).await.expect("an overdue event");
        // The api's own sweep would open the incident within a minute.
        let mut held = site.world.pool.begin().await.expect("a transaction");
        let lock = "SET LOCAL idle_in_transaction_session_timeout = 0; SELECT FROM payment_events FOR UPDATE";
        sqlx::raw_sql(lock).execute(&mut *held).await.expect("a lock");
        let alice = Operator::signed_in(&site.world, Role::Viewer).await;
        let late = "1 event is overdue, the oldest by 6 minutes; no worker polls";
        site.says_that_deadlines_are_not_judged(late, &alice).await;
        held.rollback().await.expect("a rollback");

        // Opened by the sweep, it is overdue no more; there is still no worker to judge the next
        // one.
        engine::sweep::sweep(&site.world.pool).await;
        let opened = "SELECT count(*) FROM incidents WHERE state = 'open'";
        assert_eq!(site.count(opened).await, 1);
        site.says_that_deadlines_are_not_judged("no worker polls", &alice).await;

        let mut worker = site.spawn("worker");
        site.ready_when("workers", "ok").await;
        let ready = site.ready_when("deadlines", "ok").await;
        assert_eq!(ready["status"], "ok", "{ready}");
        assert!(alice.page("/projects").await.alerts().is_empty());

        // Killed, it says nothing any more; the 45 s after which that is noticed have mostly
        // passed.
        worker.kill().await.expect("killed");
        let passed = "UPDATE worker_heartbeats SET seen_at = seen_at - interval '40 seconds'";
        sqlx::query(passed).execute(&site.world.pool).await.expect("a heartbeat");
        let ready = site.ready_when("workers", "failed").await;
        assert!(check(&ready, "workers")["detail"].to_string().contains("the last one was seen"));
    });
}

#[test]
fn a_worker_that_ended_in_order_is_gone_at_once_and_it_stays_known_when_it_was_seen() {
    run(async {
        let site = Site::new().await;
        assert_eq!(site.ask(&["setup", "temporal"]).await.0, Some(0));
        let _api = site.spawn("api");
        let there = [("TEMPORAL_NAMESPACE", site.namespace.as_str())];
        let (worker, _log) = site.world.spawn_logged("worker", &there).expect("a worker");
        site.ready_when("workers", "ok").await;
        assert_eq!(worker.end().await.expect("an end"), Some(0));
        let ready = site.ready_when("workers", "failed").await;
        assert!(check(&ready, "workers")["detail"].to_string().contains("the last one was seen"));

        // Old heartbeats are forgotten, but not the last one.
        let earlier = "UPDATE worker_heartbeats SET seen_at = seen_at - interval '3 days'";
        sqlx::query(earlier).execute(&site.world.pool).await.expect("a heartbeat");
        engine::sweep::sweep(&site.world.pool).await;
        eventually("the age of the last one", async || {
            let (_, ready) = site.ready().await?;
            check(&ready, "workers")["detail"].to_string().contains("3 days ago").then_some(())
        })
        .await;
    });
}

#[test]
fn a_worker_on_another_namespace_is_no_worker() {
    run(async {
        let site = Site::new().await;
        assert_eq!(site.ask(&["setup", "temporal"]).await.0, Some(0));
        let elsewhere = Site { world: site.world, namespace: format!("{}-b", site.namespace) };
        assert_eq!(elsewhere.ask(&["setup", "temporal"]).await.0, Some(0));
        let _worker = elsewhere.spawn("worker");
        let site = Site { world: elsewhere.world, namespace: site.namespace };
        let _api = site.spawn("api");
        eventually("a worker elsewhere", async || {
            let ready = site.ready_when("workers", "failed").await;
            let detail = check(&ready, "workers")["detail"].to_string();
            detail.contains(&format!("polls the namespace {}-b", site.namespace)).then_some(())
        })
        .await;
    });
}

#[test]
fn a_worker_that_could_not_do_its_work_does_not_poll_and_says_why() {
    run(async {
        let site = Site::new().await;
        assert_eq!(site.ask(&["setup", "temporal"]).await.0, Some(0));
        let there = ("TEMPORAL_NAMESPACE", site.namespace.as_str());
        let other_key = store::MasterKey::generate();
        let other_key = [there, ("SENDPROMPTLY_MASTER_KEY", other_key.as_str())];
        let (sealed_out, log) = site.world.spawn_logged("worker", &other_key).expect("a worker");
        eventually("a word about the key", async || {
            log.text().contains("set SENDPROMPTLY_MASTER_KEY to that of the api").then_some(())
        })
        .await;
        sealed_out.kill().await.expect("killed");

        let migrated = |success: bool| {
            let latest = "version = (SELECT max(version) FROM _sqlx_migrations)";
            format!("UPDATE _sqlx_migrations SET success = {success} WHERE {latest}")
        };
        let pool = &site.world.pool;
        sqlx::query(AssertSqlSafe(migrated(false))).execute(pool).await.expect("an old schema");
        let (_worker, log) = site.world.spawn_logged("worker", &[there]).expect("a worker");
        eventually("a word about the schema", async || {
            log.text().contains("run `sendpromptly migrate`").then_some(())
        })
        .await;
        let polling = "SELECT count(*) FROM worker_heartbeats";
        assert_eq!(site.count(polling).await, 0);
        sqlx::query(AssertSqlSafe(migrated(true))).execute(pool).await.expect("a migration");
        eventually("a worker that polls", async || (site.count(polling).await == 1).then_some(()))
            .await;
    });
}

/// H20.
#[test]
fn a_worker_of_another_database_never_polls_and_says_why() {
    run(async {
        let ours = Site::new().await;
        assert_eq!(ours.ask(&["setup", "temporal"]).await.0, Some(0));
        let mut worker = ours.command(&["worker"]).spawn().expect("a worker");
        let theirs = Site::on(ours.namespace.clone()).await;
        let (a, b) = (ours.id().await, theirs.id().await);

        let rejected = theirs.command(&["worker"]).output().await.expect("a worker");
        let errors = String::from_utf8_lossy(&rejected.stderr).into_owned();
        assert_eq!(rejected.status.code(), Some(1), "{errors}");
        for words in [a.as_str(), &b, "sendpromptly setup temporal --adopt"] {
            assert!(errors.contains(words), "{words} in {errors}");
        }
        assert_eq!(theirs.count("SELECT count(*) FROM worker_heartbeats").await, 0);

        // Its API takes receipts and dispatches nothing.
        let _api = theirs.spawn("api");
        let ready = theirs.ready_when("environment", "failed").await;
        assert_eq!(ready["status"], "degraded");
        theirs.world.receipt("evt_1").await;
        let held = "SELECT count(*) FROM outbox WHERE last_error LIKE '%--adopt%'";
        eventually("a message that waits", async || (theirs.count(held).await == 1).then_some(()))
            .await;
        theirs.doctor_agrees(&ready, "environment").await;
        let (code, rejected) = theirs.ask(&["setup", "temporal"]).await;
        assert_eq!((code, &rejected["steps"][2]["outcome"]), (Some(1), &"failed".into()));

        // Taken over, the other one ends.
        let (code, done) = theirs.ask(&["setup", "temporal", "--adopt"]).await;
        assert_eq!(code, Some(0), "{done}");
        assert!(done["steps"][2]["detail"].to_string().contains(&a), "{done}");
        let ended = tokio::time::timeout(e2e::wait::TIMEOUT, worker.wait()).await;
        assert_eq!(ended.expect("an end").expect("a status").code(), Some(1));
        theirs.ready_when("environment", "ok").await;
        eventually("an empty outbox", async || {
            (theirs.count("SELECT count(*) FROM outbox").await == 0).then_some(())
        })
        .await;
    });
}

impl Site {
    /// `/readyz`, `doctor` and the console's head say it, with what else each of them says.
    async fn says_that_deadlines_are_not_judged(&self, and: &str, alice: &Operator) {
        let expected = format!("deadlines are not judged: {and}");
        let ready = eventually(&format!("/readyz says: {expected}"), async || {
            let (_, ready) = self.ready().await?;
            let detail = check(&ready, "deadlines")["detail"].as_str()?.to_owned();
            detail.starts_with(&expected).then_some(ready)
        })
        .await;
        assert_eq!(
            (&ready["status"], &check(&ready, "deadlines")["status"]),
            (&"degraded".into(), &"failed".into())
        );
        self.doctor_agrees(&ready, "deadlines").await;
        self.doctor_agrees(&ready, "workers").await;
        let alert = alice.page("/projects").await.alerts().swap_remove(0);
        assert!(alert.contains(&expected) && alert.contains("no worker polls"), "{alert}");
    }

    async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.world.pool).await.expect("a count")
    }
}

#[test]
fn of_two_databases_that_come_at_once_one_has_the_namespace() {
    run(async {
        let engines = e2e::engines::shared().await.expect("engines");
        let queue = format!("race-{}", uuid::Uuid::now_v7().simple());
        let engine = || {
            let (address, namespace) = (engines.temporal.address(), embedded::NAMESPACE.to_owned());
            Engine::new(TemporalSettings::Plain { address, namespace }, queue.clone())
        };
        let (alice, bob) = (engine(), engine());
        let ((), ()) =
            (alice.check().await.expect("a connection"), bob.check().await.expect("a connection"));
        let (a, b) = tokio::join!(alice.claim_environment("a"), bob.claim_environment("b"));
        let holder = alice.find_environment().await.expect("a response").expect("a holder");
        let (winner, loser) = if holder == "a" { (a, b) } else { (b, a) };
        winner.expect("the place");
        let Err(EngineError::Foreign(foreign)) = loser else { panic!("{loser:?}") };
        assert_eq!(foreign.theirs, holder);

        // Once terminated, it is free; the database that had it takes it again.
        let id = workflows::names::environment_id(&queue);
        let terminate = ["workflow", "terminate", "--workflow-id", &id, "--reason", "by mistake"];
        engines.cli(&terminate).await.expect("terminated");
        assert_eq!(alice.find_environment().await.expect("a response"), None);
        alice.claim_environment(&holder).await.expect("the place again");

        // Paused, as with all others of a namespace, it holds the place still.
        let pause = ["workflow", "pause", "--workflow-id", &id, "--reason", "a move"];
        engines.cli(&pause).await.expect("paused");
        alice.claim_environment(&holder).await.expect("the place still");
        let theirs = bob.claim_environment("c").await;
        assert!(matches!(theirs, Err(EngineError::Foreign(_))), "{theirs:?}");
    });
}
