//! Our own API goes away: what falls due then makes no false incident, and what stays unreported
//! makes one when the grace has ended, which says so.

use std::time::Duration;

use domain::ids::EventId;
use domain::incident::IncidentState;
use e2e::{World, WorldOptions, eventually, run, temporal};
use engine::workflow_id;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use store::incidents::Incident;
use temporalio_client::Client;

/// A story with a worker, and with APIs as processes, on a Temporal of its own.
fn tell(story: impl AsyncFnOnce(&World)) {
    run(async {
        let options = WorldOptions::default().without_api();
        let (world, server) = World::start_beside_temporal(options).await;
        story(&world).await;
        server.stop().await;
    });
}

async fn execute(world: &World, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&world.pool).await.expect("a statement");
}

async fn count(world: &World, table: &str) -> i64 {
    let sql = AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
    sqlx::query_scalar(sql).fetch_one(&world.pool).await.expect("a count")
}

/// Waits for an API that takes requests and has said so.
async fn until_ready(world: &World) {
    eventually("an API that answers", async || world.ready().await.then_some(())).await;
    eventually("a heartbeat", async || {
        let sql = "SELECT beat_at > now() - interval '7 seconds' AND NOT ended FROM api_heartbeats";
        let beats: Option<bool> =
            sqlx::query_scalar(sql).fetch_optional(&world.pool).await.expect("a database");
        beats.filter(|beats| *beats)
    })
    .await;
}

/// Takes a receipt and waits for its watch.
async fn watched(world: &World, client: &Client, n: usize) -> EventId {
    let event_id = world.receipt(&format!("evt_{n}")).await;
    eventually("a watch", async || temporal::status(client, event_id).await.ok()).await;
    event_id
}

/// Lets the watch of an event ask for its judgement, and sees that it opens nothing.
async fn judge_too_early(world: &World, client: &Client, event_id: EventId) {
    temporal::skip_time(client, workflow_id(event_id)).await.expect("skipped");
    eventually("a judgement that is too early", async || {
        let history = temporal::history(client, event_id).await.ok()?;
        temporal::activities(&history).contains(&"open_incident_if_due".to_owned()).then_some(())
    })
    .await;
    assert_eq!(world.timeline(event_id).await, ["receipt.accepted"]);
}

/// The incident says why it was opened so late, wherever people and programs look.
async fn says_why(world: &World, incident: &Incident) {
    let grace = incident.outage_grace_seconds;
    assert!(grace.is_some_and(|grace| grace >= 15), "{incident:?}");
    let mail = world.mailbox.wait_for(1).await.remove(0);
    let mail = mail_parser::MessageParser::default().parse(mail.as_bytes()).expect("a mail");
    let text = mail.body_text(0).expect("a text").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("because the SendPromptly API was away"), "{text}");
    let id = incident.id.to_string();
    let (_, shown) = world.cli(&["incident", "show", &id]).await.expect("a command");
    assert_eq!(shown["outage_grace_seconds"], json!(grace));
    let opened = |entry: &&Value| entry["action"] == "incident.opened";
    let entry = shown["timeline"].as_array().and_then(|all| all.iter().find(opened));
    assert_eq!(entry.expect("an entry")["detail"]["outage_grace_seconds"], json!(grace));
}

#[test]
fn an_api_that_was_away_for_20_s_makes_no_false_incident_and_keeps_no_true_one() {
    tell(async |world| {
        world.alert_bob().await;
        let api = world.spawn_api().expect("an API");
        until_ready(world).await;
        let client = world.temporal().await;
        let mut events = Vec::new();
        for n in 0..4 {
            events.push(watched(world, &client, n).await);
        }
        api.kill().await.expect("killed");
        // It was killed 20 s ago, and all fell due 5 s later.
        let gap = "UPDATE api_heartbeats SET beat_at = now() - interval '20 s';
                   UPDATE payment_events SET timeout_at = now() - interval '15 s'";
        execute(world, gap).await;
        for event_id in &events {
            judge_too_early(world, &client, *event_id).await;
        }

        let _api = world.spawn_api().expect("another API");
        until_ready(world).await;
        let silent = events.pop().expect("an event");
        for event_id in &events {
            world.result(*event_id, "success", json!({})).await;
            temporal::finished(&client, *event_id).await;
        }
        engine::sweep::sweep(&world.pool).await;
        assert_eq!(count(world, "incidents").await, 0);
        execute(world, "UPDATE outages SET judged_at = clock_timestamp()").await;
        temporal::skip_time(&client, workflow_id(silent)).await.expect("skipped");
        let opened = |incident: &Incident| incident.state == IncidentState::Open;
        let incident = world.incident_when(silent, "open", opened).await;
        says_why(world, &incident).await;
        assert_eq!(count(world, "incidents").await, 1);
    });
}

#[test]
fn one_of_two_apis_dies_and_nothing_waits_for_it() {
    tell(async |world| {
        let first = world.spawn_api().expect("an API");
        until_ready(world).await;
        let client = world.temporal().await;
        let event_id = watched(world, &client, 1).await;
        let listen = format!("127.0.0.1:{}", embedded::free_port().expect("a port"));
        let mut second = world.command(&["api"]).expect("a command");
        let second = second.env("SENDPROMPTLY_LISTEN", listen).kill_on_drop(true).spawn();
        let _second = second.expect("another API");
        tokio::time::sleep(Duration::from_secs(2)).await;
        first.kill().await.expect("killed");
        // More than an outage takes: the other one goes on beating.
        for n in 1..=4 {
            execute(world, "UPDATE api_heartbeats SET beat_at = now() - interval '6 s'").await;
            eventually(&format!("heartbeat {n} of the one that lives"), async || {
                let sql = "SELECT beat_at > now() - interval '5 s' FROM api_heartbeats";
                let beats: bool =
                    sqlx::query_scalar(sql).fetch_one(&world.pool).await.expect("a database");
                beats.then_some(())
            })
            .await;
        }
        execute(world, "UPDATE payment_events SET timeout_at = now()").await;
        temporal::skip_time(&client, workflow_id(event_id)).await.expect("skipped");
        let opened = |incident: &Incident| incident.state == IncidentState::Open;
        let incident = world.incident_when(event_id, "open", opened).await;
        assert_eq!((incident.outage_grace_seconds, count(world, "outages").await), (None, 0));
    });
}

#[test]
fn an_api_that_ends_in_order_says_so_and_its_successor_takes_it_back() {
    tell(async |world| {
        let api = world.spawn_api().expect("an API");
        until_ready(world).await;
        assert_eq!(api.end().await.expect("ended"), Some(0));
        assert_eq!(count(world, "api_heartbeats WHERE ended").await, 1);
        let _api = world.spawn_api().expect("another API");
        until_ready(world).await;
        assert_eq!(count(world, "outages").await, 0);
    });
}
