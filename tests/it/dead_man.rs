//! The dead-man URL: called once a minute while all works, silent while a part does not, and called
//! again after.
//!
//! A minute passes when the row says so: moving `started_at` back lets the next probe begin.

use std::time::Duration;

use domain::incident::IncidentState;
use e2e::engines::OwnTemporal;
use e2e::{World, WorldOptions, eventually, run, until_dispatched};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use store::destinations::Target;
use store::watch_probes;
use temporalio_client::WorkflowFetchHistoryOptions;
use workflows::WatchProbe;
use workflows::names::{TASK_QUEUE, probe_id};

const SETTING: &str = "SENDPROMPTLY_DEAD_MAN_URL";

async fn execute(world: &World, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&world.pool).await.expect(sql);
}

/// Lets the next probe begin.
async fn minute_passes(world: &World) {
    execute(world, "UPDATE watch_probes SET started_at = started_at - interval '1 minute'").await;
}

fn calls(world: &World) -> usize {
    world.repair.received().iter().filter(|request| request.head.starts_with("GET ")).count()
}

/// Waits for another call; a minute passes whenever a probe has ended without one.
async fn called_again(world: &World) {
    let before = calls(world);
    let mut seen = None;
    eventually("another call", async || {
        let ended = "SELECT concat(ended_at) FROM watch_probes";
        let ended: String = sqlx::query_scalar(ended).fetch_one(&world.pool).await.ok()?;
        if seen.as_ref() != Some(&ended) {
            seen = Some(ended);
            minute_passes(world).await;
        }
        (calls(world) > before).then_some(())
    })
    .await;
    when(world, "called", "").await;
}

/// Waits until the last probe ended like this.
async fn when(world: &World, outcome: &str, reason: &str) {
    eventually(&format!("a probe that is {outcome}: {reason}"), async || {
        let seen = watch_probes::find(&world.pool).await.ok()?;
        let is_it = seen.outcome.as_deref() == Some(outcome)
            && seen.reason.unwrap_or_default().contains(reason);
        is_it.then_some(())
    })
    .await;
}

async fn check(world: &World) -> Option<Value> {
    let ready = world.http.get(format!("{}/readyz", world.url)).send().await.ok()?;
    let ready: Value = serde_json::from_str(&ready.text().await.ok()?).ok()?;
    ready["checks"].as_array()?.iter().find(|check| check["name"] == "dead_man").cloned()
}

async fn check_when(world: &World, status: &str, detail: &str) -> Value {
    eventually(&format!("dead_man to be {status}: {detail}"), async || {
        let check = check(world).await?;
        let said = check["detail"].as_str()?.contains(detail);
        (check["status"] == status && said).then_some(check)
    })
    .await
}

/// The next probe ends in this silence, and `/readyz` says so.
async fn is_silent(world: &World, reason: &str) {
    let before = calls(world);
    minute_passes(world).await;
    when(world, "silent", reason).await;
    check_when(world, "failed", reason).await;
    assert_eq!(calls(world), before, "{reason}");
}

#[test]
fn it_is_called_each_minute_and_only_once() {
    run(async {
        let world = World::start_with(WorldOptions::default().with_probes()).await;
        world.start_worker();
        let first = world.repair.wait_for(1).await.remove(0);
        assert!(first.head.starts_with("GET /repair HTTP/1.1\r\n"), "{}", first.head);
        assert!(first.body.is_empty());
        check_when(&world, "ok", "was called").await;
        for _ in 0..3 {
            called_again(&world).await;
        }
        assert_eq!(calls(&world), 4, "two workers and an API look, and one of them starts it");
        assert_eq!(world.repair.received().len(), 4);
    });
}

#[test]
fn a_minute_has_one_probe_however_many_look() {
    run(async {
        let world = World::start_with(WorldOptions::default().without_api().without_worker()).await;
        for _ in 0..3 {
            let claim = |_| watch_probes::claim(&world.pool, Duration::ZERO);
            let all = futures::future::join_all((0..8).map(claim));
            let claimed = all.await.into_iter().filter(|one| *one.as_ref().expect("a claim"));
            assert_eq!(claimed.count(), 1);
            minute_passes(&world).await;
        }
        let ahead = "UPDATE watch_probes SET started_at = now() + interval '1 hour'";
        execute(&world, ahead).await;
        let claim = async |patience| {
            watch_probes::claim(&world.pool, Duration::from_secs(patience)).await.expect("a claim")
        };
        assert!(claim(0).await, "a clock was set back");
        minute_passes(&world).await;
        assert!(!claim(10).await && claim(0).await, "who has patience leaves it to others");
        minute_passes(&world).await;
        execute(&world, "UPDATE watch_probes SET started_at = started_at - interval '10 s'").await;
        assert!(claim(10).await, "and takes it where there are none");
    });
}

#[test]
fn what_does_not_work_in_the_database_is_silence_until_it_does() {
    run(async {
        let world = World::start_with(WorldOptions::default().with_probes()).await;
        world.alert_bob().await;
        called_again(&world).await;

        execute(
            &world,
            "INSERT INTO outbox (id, event_id, wish, payload, parked_at)
             VALUES (gen_random_uuid(), gen_random_uuid(), 'restart', '{}', now())",
        )
        .await;
        is_silent(&world, "Temporal refuses messages").await;
        execute(
            &world,
            "UPDATE outbox SET parked_at = NULL, created_at = now() - interval '3 minutes',
                 due_by = now() - interval '3 minutes', next_attempt_at = now() + interval '4 minutes'",
        )
        .await;
        is_silent(&world, "messages for Temporal do not go out").await;
        execute(&world, "DELETE FROM outbox").await;
        called_again(&world).await;

        let event_id = world.receipt("evt_1").await;
        let held = world.hold_destinations().await;
        world.fail(event_id, json!({})).await;
        execute(&world, "UPDATE alerts SET created_at = now() - interval '3 minutes'").await;
        is_silent(&world, "alerts wait although their destination may be tried").await;
        // A destination that failed is left alone for a while: that is no fault of ours.
        held.rollback().await.expect("a rollback");
        world.incident_when(event_id, "open", |i| i.state == IncidentState::Open).await;
        called_again(&world).await;
        check_when(&world, "ok", "was called").await;
    });
}

#[test]
fn a_destination_that_fails_and_one_that_takes_a_long_row_of_alerts_are_no_silence() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        let event_id = world.receipt("evt_1").await;
        world.fail(event_id, json!({})).await;
        let judge = async || watch_probes::judge(&world.pool).await.expect("a database");
        execute(&world, "DELETE FROM outbox").await;
        assert_eq!(judge().await, None);
        execute(&world, "UPDATE alerts SET created_at = now() - interval '3 minutes'").await;
        assert_eq!(judge().await, Some(watch_probes::Fault::AlertsWait));
        for works in [
            "UPDATE destinations SET retry_at = now() + interval '1 minute'",
            "UPDATE destinations SET retry_at = now() - interval '1 minute'",
            "UPDATE destinations SET removed_at = now()",
            "UPDATE alerts SET leased_until = now() + interval '9 seconds'",
            "INSERT INTO alerts (id, incident_id, event_id, destination_id, kind, state, finished_at)
             SELECT gen_random_uuid(), incident_id, event_id, destination_id, 'incident_resolved', 'delivered', now() FROM alerts",
        ] {
            execute(&world, works).await;
            assert_eq!(judge().await, None, "{works}");
            execute(
                &world,
                "UPDATE destinations SET retry_at = NULL, removed_at = NULL;
                 DELETE FROM alerts WHERE state = 'delivered'; UPDATE alerts SET leased_until = NULL",
            )
            .await;
            assert_eq!(judge().await, Some(watch_probes::Fault::AlertsWait));
        }
    });
}

#[test]
fn an_address_that_asks_for_patience_or_is_busy_and_alerts_just_released_are_no_silence() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        let event_id = world.receipt("evt_1").await;
        world.fail(event_id, json!({})).await;
        let other = "carol@cometcart.test";
        world.add_destination(&Target::Email(other.to_owned()), other).await;
        execute(
            &world,
            "DELETE FROM outbox; UPDATE destinations SET paced_by = 1;
             UPDATE alerts SET created_at = now() - interval '3 minutes'",
        )
        .await;
        let judge = async || watch_probes::judge(&world.pool).await.expect("a database");
        for (works, until) in [
            ("UPDATE alerts SET released_at = now()", "UPDATE alerts SET released_at = NULL"),
            (
                "UPDATE destinations SET retry_at = now() + interval '10 minutes',
                     asked_until = now() + interval '10 minutes' WHERE address = 'carol@cometcart.test'",
                "UPDATE destinations SET retry_at = NULL, asked_until = now() - interval '3 minutes'",
            ),
            (
                "UPDATE destinations SET next_send_at = now() WHERE address = 'carol@cometcart.test'",
                "UPDATE destinations SET next_send_at = now() - interval '3 minutes'",
            ),
        ] {
            assert_eq!(judge().await, Some(watch_probes::Fault::AlertsWait));
            execute(&world, works).await;
            assert_eq!(judge().await, None, "{works}");
            execute(&world, until).await;
        }
        assert_eq!(judge().await, Some(watch_probes::Fault::AlertsWait));
    });
}

#[test]
fn a_service_that_does_not_take_the_call_is_named_and_called_again() {
    run(async {
        let world = World::start_with(WorldOptions::default().with_probes()).await;
        called_again(&world).await;
        let before = calls(&world);
        world.repair.redirect_to("https://elsewhere.example.com/canary");
        world.repair.respond_with(&[302, 404, 404]);
        minute_passes(&world).await;
        when(&world, "failed", "it responded 404").await;
        assert_eq!(
            calls(&world),
            before + 3,
            "a redirect is not followed, and three times is enough"
        );
        let check = check_when(&world, "failed", "does not take the call: it responded 404").await;
        assert!(check["cure"].as_str().expect("a cure").contains(SETTING), "{check}");
        called_again(&world).await;
    });
}

#[test]
fn where_no_url_is_set_nothing_is_started_and_nothing_is_said() {
    run(async {
        let world = World::start().await;
        world.receipt("evt_1").await;
        until_dispatched(&world.pool).await;
        let started = "SELECT count(started_at) FROM watch_probes";
        let started: i64 = sqlx::query_scalar(started).fetch_one(&world.pool).await.expect("a row");
        assert_eq!(started, 0);
        assert_eq!(check(&world).await, None);
    });
}

/// A world with a Temporal of its own, for processes that come and go.
async fn processes() -> (World, OwnTemporal) {
    let options = WorldOptions::default().without_api().without_worker();
    World::start_beside_temporal(options).await
}

#[test]
fn without_a_worker_it_is_silent_and_one_that_is_killed_in_the_middle_leaves_it_to_the_next() {
    run(async {
        let (world, server) = processes().await;
        let url = format!("{}?key=canary", world.repair.url());
        let settings = [(SETTING, url.as_str()), ("SENDPROMPTLY_LOG", "debug")];
        let (_api, api_log) = world.spawn_logged("api", &settings).expect("an API");
        check_when(&world, "degraded", "was not called yet").await;
        eventually("a probe that waits for a worker", async || {
            let client = world.engine.client().await.ok()?;
            let probe = client.get_workflow_handle::<WatchProbe>(probe_id(TASK_QUEUE));
            probe.fetch_history(WorkflowFetchHistoryOptions::default()).to_json().await.ok()
        })
        .await;
        assert_eq!(calls(&world), 0);

        world.repair.hang_next(std::time::Duration::from_mins(1));
        let (worker, log) = world.spawn_logged("worker", &settings).expect("a worker");
        world.repair.wait_for(1).await;
        worker.kill().await.expect("killed");
        let (_another, another_log) = world.spawn_logged("worker", &settings).expect("a worker");
        let called = world.repair.wait_for(2).await;
        assert!(called[1].head.starts_with("GET /repair?key=canary "), "{}", called[1].head);
        check_when(&world, "ok", "was called").await;
        for text in [api_log.text(), log.text(), another_log.text()] {
            assert!(!text.contains("canary"), "{text}");
        }
        server.stop().await;
    });
}

#[test]
fn while_temporal_is_away_it_is_silent_and_called_again_after() {
    run(async {
        let (world, server) = processes().await;
        let settings = [(SETTING, world.repair.url())];
        let _api = world.spawn_logged("api", &settings).expect("an API");
        let (_worker, _log) = world.spawn_logged("worker", &settings).expect("a worker");
        world.repair.wait_for(1).await;
        server.stop().await;
        is_silent(&world, "Temporal does not take the start of the probe").await;

        let port = world.temporal_address.rsplit_once(':').expect("a port").1;
        let server = OwnTemporal::start(port.parse().expect("a port")).await;
        called_again(&world).await;
        server.stop().await;
    });
}

#[test]
fn an_api_that_alone_does_not_reach_temporal_leaves_the_probes_to_the_worker() {
    run(async {
        let (world, server) = processes().await;
        let nowhere = [(SETTING, world.repair.url()), ("TEMPORAL_ADDRESS", "127.0.0.1:1")];
        let (_api, _log) = world.spawn_logged("api", &nowhere).expect("an API");
        when(&world, "silent", "Temporal does not take the start of the probe").await;
        let settings = [(SETTING, world.repair.url())];
        let (_worker, _log) = world.spawn_logged("worker", &settings).expect("a worker");
        called_again(&world).await;
        let due = "UPDATE watch_probes SET started_at = now() - interval '61 seconds'";
        for _ in 0..5 {
            let before = calls(&world);
            execute(&world, due).await;
            eventually("a call", async || (calls(&world) > before).then_some(())).await;
            when(&world, "called", "").await;
        }
        server.stop().await;
    });
}

#[test]
fn a_url_that_leads_where_it_must_not_stops_the_start_and_is_not_shown() {
    run(async {
        let world = World::start_with(WorldOptions::default().without_api().without_worker()).await;
        for (url, cure) in [
            ("http://hc-ping.com/canary", "must begin with https://"),
            ("https://169.254.169.254/canary", "SENDPROMPTLY_CALLBACK_ALLOW"),
        ] {
            for service in ["api", "worker"] {
                let set = [(SETTING, url)];
                let (code, error, log) =
                    world.cli_with(&[service], &set, "").await.expect("a command");
                let message = error["error"]["message"].as_str().expect("a message");
                assert!(code == 1 && message.starts_with(SETTING), "{message}");
                assert!(message.contains(cure), "{message}");
                assert!(!format!("{error}{log}").contains("canary"), "{error}{log}");
            }
        }
    });
}
