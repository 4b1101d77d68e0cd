//! The same silence between a worker and its database, while it is in activities, in a callback,
//! and in its loop for alerts that wait. Temporal is there all the time.

use std::time::Duration;

use domain::ids::EventId;
use domain::incident::IncidentState;
use e2e::binary::{Log, Part};
use e2e::way::Way;
use e2e::{World, WorldOptions, engines, eventually, run, until_dispatched};
use serde_json::json;
use sqlx::Connection as _;
use tokio::time::timeout;
use workflows::names::workflow_id;

use super::{direct, locked_out, put_on_a_way};

/// How many activities are cut off.
const EVENTS: usize = 6;

/// A worker that waits for what a silent way will never bring.
struct Watched {
    world: World,
    way: Way,
    worker: Part,
    log: Log,
    events: Vec<EventId>,
}

impl Watched {
    /// As many events as activities are to be cut off, each with a watch in a namespace of its own,
    /// and then silence in the middle of everything that the worker does.
    async fn start() -> Self {
        let engines = engines::shared().await.expect("engines");
        let options = WorldOptions::default().without_api().without_worker();
        let mut world = World::start_on(engines.temporal.address(), options).await;
        world.alert_bob().await;
        let namespace = format!("silent-{}", uuid::Uuid::now_v7().simple());
        let (way, past) = put_on_a_way(&mut world).await;
        let there = [("TEMPORAL_NAMESPACE", namespace.as_str())];
        let (code, made, _) =
            world.cli_with(&["setup", "temporal"], &there, "").await.expect("a command");
        assert_eq!(code, 0, "{made}");
        let (worker, log) = world.spawn_logged("worker", &there).expect("a worker");
        let straight = [there[0], ("DATABASE_URL", past.as_str())];
        let (api, _log) = world.spawn_logged("api", &straight).expect("an API");
        eventually("an API that is ready", async || world.ready().await.then_some(())).await;
        let mut events = Vec::new();
        for n in 0..EVENTS {
            events.push(world.receipt(&format!("evt_{n}")).await);
        }
        let watched = Self { world, way, worker, log, events };
        watched.begin_a_callback().await;
        // From here on only the worker does anything.
        assert_eq!(api.end().await.expect("a signal"), Some(0));
        watched.cut_off(&past, &namespace).await;
        watched
    }

    /// The first event's repair endpoint takes its time.
    async fn begin_a_callback(&self) {
        self.world.result(self.events[0], "failed", json!({})).await;
        let open = self.world.incident_when(self.events[0], "open", |_| true).await;
        self.world.mailbox.wait_for(1).await;
        until_dispatched(&self.world.pool).await;
        self.world.repair.hang_next(Duration::from_secs(3));
        self.world.reprocess(open.id).await;
    }

    async fn cut_off(&self, past: &str, namespace: &str) {
        let mut direct = direct(past).await;
        let mut held = direct.begin().await.expect("a transaction");
        self.world.repair.wait_for(1).await;
        let lock = "LOCK TABLE payment_events, destinations";
        sqlx::query(lock).execute(&mut *held).await.expect("a lock");
        for event_id in &self.events[1..] {
            let watch = workflow_id(*event_id);
            let signal = ["workflow", "signal", "--namespace", namespace, "--workflow-id", &watch];
            let input = format!(r#"{{"status":"failed","error_code":"{event_id}"}}"#);
            let failed = ["--name", "result", "--input", &input];
            let signal = [&signal[..], &failed].concat();
            self.world.engines.cli_bare(&signal).await.expect("a signal");
        }
        // Each of the activities, the callback that records its response, and the search for alerts
        // that wait.
        locked_out(&self.world, EVENTS + 1).await;
        self.way.fall_silent();
        held.rollback().await.expect("a rollback");
    }
}

#[test]
fn a_worker_that_meets_silence_goes_on_without_a_restart() {
    run(async {
        let Watched { world, way, worker, log, events } = Watched::start().await;
        eventually("a look that was given up", async || {
            log.text().contains("could not look for messages that wait").then_some(())
        })
        .await;
        way.open_for_new_ones();
        for event_id in &events[1..] {
            world.incident_when(*event_id, "open", |it| it.state == IncidentState::Open).await;
        }
        world.mailbox.wait_for(EVENTS).await;
        // What became of the attempt is not known, so it is made again, as the same one to the app.
        let calls = world.repair.wait_for(2).await;
        assert_eq!(calls[0].header("webhook-id"), calls[1].header("webhook-id"));
        eventually("a callback that was taken", async || {
            let taken = "SELECT count(*) FROM reprocesses WHERE state = 'awaiting_result'";
            let taken: i64 = sqlx::query_scalar(taken).fetch_one(&world.pool).await.expect("one");
            (taken == 1).then_some(())
        })
        .await;
        eventually("a heartbeat", async || {
            let seen = "SELECT count(*) FROM worker_heartbeats WHERE seen_at > now() - interval '15 seconds'";
            let seen: i64 = sqlx::query_scalar(seen).fetch_one(&world.pool).await.expect("one");
            (seen == 1).then_some(())
        })
        .await;
        assert_eq!(worker.end().await.expect("a signal"), Some(0));
    });
}

#[test]
fn a_worker_whose_database_is_silent_ends_when_it_is_asked_to() {
    run(async {
        let Watched { worker, way, log, .. } = Watched::start().await;
        let ended = timeout(Duration::from_secs(40), worker.end()).await;
        let ended = ended.unwrap_or_else(|_| panic!("no end within 40 s: {}", log.text()));
        assert_eq!(ended.expect("a signal"), Some(0), "{}", log.text());
        drop(way);
    });
}
