//! Things that go away: Temporal, an API, a worker. What was accepted is never lost.

use std::time::Duration;

use domain::incident::IncidentState;
use domain::signature::SigningSecret;
use doubles::http_server::HttpServer;
use e2e::engines::OwnTemporal;
use e2e::world::receipt;
use e2e::{World, WorldOptions, eventually, run, temporal, until_dispatched, until_lock_wait};
use serde_json::json;
use store::destinations::Target;
use tokio::sync::watch;

#[test]
fn receipts_are_accepted_while_temporal_is_down_and_watched_when_it_returns() {
    run(async {
        let port = embedded::free_port().expect("a port");
        let world = World::start_on(format!("127.0.0.1:{port}"), WorldOptions::default()).await;
        let mut events = Vec::new();
        for n in 0..20 {
            events.push(world.receipt(&format!("evt_{n}")).await);
        }
        world.result(events[0], "success", json!({})).await;

        let server = OwnTemporal::start(port).await;
        let client = eventually("a client", async || world.engine.client().await.ok()).await;
        temporal::finished(&client, events[0]).await;
        for event_id in &events[1..] {
            let watched = async || temporal::status(&client, *event_id).await.ok();
            assert_eq!(eventually("a watch", watched).await.state, "pending");
        }
        until_dispatched(&world.pool).await;
        server.stop().await;
    });
}

#[test]
fn an_api_that_is_killed_between_commit_and_relay_loses_nothing() {
    run(async {
        let port = embedded::free_port().expect("a port");
        let options = WorldOptions::default().without_api().without_worker();
        let world = World::start_on(format!("127.0.0.1:{port}"), options).await;
        // Temporal is away, so the API can commit and cannot relay; then it is killed.
        let api = world.spawn_api().expect("an API");
        eventually("an API that answers", async || world.ready().await.then_some(())).await;
        let event_id = world.receipt("evt_1").await;
        world.result(event_id, "success", json!({})).await;
        api.kill().await.expect("killed");

        let server = OwnTemporal::start(port).await;
        let _worker = world.spawn_worker().expect("a worker");
        let client = eventually("a client", async || world.engine.client().await.ok()).await;
        let history = temporal::finished(&client, event_id).await;
        assert!(temporal::activities(&history).is_empty());
        server.stop().await;
    });
}

#[test]
fn receipts_keep_their_connections_while_all_that_follows_them_is_stuck() {
    run(async {
        let options = WorldOptions::default().without_api().without_worker();
        let world = World::start_on("127.0.0.1:1".to_owned(), options).await;
        sqlx::raw_sql(
            "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NEW; END $$;
             CREATE TRIGGER wait BEFORE UPDATE ON outbox FOR EACH ROW EXECUTE FUNCTION wait();",
        )
        .execute(&world.pool)
        .await
        .expect("a trigger");
        let mut held = world.pool.begin().await.expect("a transaction");
        let lock =
            "SET LOCAL idle_in_transaction_session_timeout = 0; SELECT pg_advisory_xact_lock(1)";
        sqlx::raw_sql(lock).execute(&mut *held).await.expect("a lock");

        let _api = world.spawn_api().expect("an API");
        eventually("an API that answers", async || world.ready().await.then_some(())).await;
        for n in 0..40 {
            world.receipt(&format!("evt_{n}")).await;
        }
        until_lock_wait(&world.pool).await;
        let stuck: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )
        .fetch_one(&world.pool)
        .await
        .expect("a count");
        assert!(stuck <= 4, "{stuck} connections are stuck, of 20");
        held.rollback().await.expect("a rollback");
    });
}

#[test]
fn a_worker_that_is_killed_in_the_middle_of_a_callback_loses_nothing() {
    run(async {
        let options = WorldOptions::default().without_worker();
        let (world, server) = World::start_beside_temporal(options).await;
        let event_id = world.receipt("evt_1").await;
        let incident_id = world.fail(event_id, json!({})).await;
        world.repair.hang_next(Duration::from_mins(1));
        let worker = world.spawn_worker().expect("a worker");
        let replay_id = world.reprocess(incident_id).await;
        world.repair.wait_for(1).await;
        worker.kill().await.expect("killed");

        let _another = world.spawn_worker().expect("a worker");
        let callbacks = world.repair.wait_for(2).await;
        for callback in &callbacks {
            assert_eq!(callback.header("webhook-id"), replay_id.to_string());
        }
        assert_eq!(callbacks[0].body, callbacks[1].body);
        assert_ne!(callbacks[0].header("x-sp-nonce"), callbacks[1].header("x-sp-nonce"));
        world.result(event_id, "success", json!({"replay_id": replay_id})).await;
        world.incident_when(event_id, "resolved", |i| i.state == IncidentState::Resolved).await;
        assert!(world.timeline(event_id).await.contains(&"reprocess.interrupted".to_owned()));
        server.stop().await;
    });
}

#[test]
fn another_projects_key_sees_nothing() {
    run(async {
        let world = World::start_without_worker().await;
        let event_id = world.receipt("evt_1").await;
        let charlie = world.charlie().await;
        let result = json!({"event_id": event_id, "status": "success"});
        let (status, response) = world.post_as(&charlie, "/api/v1/result", &result, "k1").await;
        assert_eq!((status, response["error"]["code"].as_str()), (404, Some("not_found")));
        let (status, response) =
            world.post_as(&charlie, "/api/v1/receipt", &receipt("evt_1"), "k2").await;
        assert_eq!((status, &response["duplicate"]), (202, &json!(false)));
        assert_ne!(response["event_id"], json!(event_id));
        assert_eq!(world.timeline(event_id).await, ["receipt.accepted"]);
    });
}

/// Keeps every connection and serves none; returns how many are held.
async fn start_hanging() -> (HttpServer, watch::Receiver<usize>) {
    let (held, count) = watch::channel(0);
    let server = HttpServer::accepting(move |mut stream| {
        let held = held.clone();
        async move {
            held.send_modify(|held| *held += 1);
            let _request = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
            held.send_modify(|held| *held -= 1);
        }
    });
    (server.await, count)
}

#[test]
fn a_hundred_exchanges_that_hang_keep_no_other_activity_waiting() {
    run(async {
        let world = World::start().await;
        let (hanging, mut held) = start_hanging().await;
        let url = hanging.url().to_string();
        for _ in 0..10 {
            let secrets = vec![SigningSecret::from_bytes([7; 32])];
            let target = Target::Webhook { url: url.clone(), secrets };
            world.add_destination(&target, "127.0.0.1").await;
        }
        for n in 0..11 {
            let event_id = world.receipt(&format!("evt_{n}")).await;
            world.result(event_id, "failed", json!({})).await;
        }
        let all = held.wait_for(|held| *held >= 110);
        tokio::time::timeout(Duration::from_mins(1), all)
            .await
            .expect("all hang at once")
            .expect("a listener");
    });
}

#[test]
fn a_terminated_watch_is_started_again_when_its_event_is_overdue() {
    run(async {
        let world = World::start().await;
        let event_id = world.receipt("evt_1").await;
        let client = world.temporal().await;
        eventually("a watch", async || temporal::status(&client, event_id).await.ok()).await;
        let id = workflows::names::workflow_id(event_id);
        let terminate = ["workflow", "terminate", "--workflow-id", &id, "--reason", "by mistake"];
        world.engines.cli(&terminate).await.expect("terminated");
        sqlx::query("UPDATE payment_events SET timeout_at = now() - interval '3 minutes'")
            .execute(&world.pool)
            .await
            .expect("an overdue event");
        engine::sweep::sweep(&world.pool).await;
        world.incident_when(event_id, "open", |i| i.state == IncidentState::Open).await;
    });
}
