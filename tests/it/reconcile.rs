//! The restore drill: an older database beside a newer Temporal is found and put right by one command.
//!
//! The backup is a copy of every table, and the restore puts it back, as that of a backup does.

use domain::ids::EventId;
use e2e::{World, WorldOptions, eventually, run, temporal, until_dispatched};
use serde_json::{Value, json};
use store::events::find_event;
use temporalio_client::{Client, WorkflowSignalOptions};
use temporalio_common::data_converters::RawValue;
use temporalio_common::protos::temporal::api::common::v1::Payload;
use workflows::EffectWatch;
use workflows::names::workflow_id;

/// Copies every table.
pub const BACKUP: &str = "CREATE SCHEMA backup;
    DO $$ DECLARE t text; BEGIN
      FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('CREATE TABLE backup.%I AS TABLE public.%I', t, t);
      END LOOP; END $$;";
/// Puts back what was copied.
pub const RESTORE: &str = "BEGIN; SET LOCAL session_replication_role = replica;
    DO $$ DECLARE t text; columns text; BEGIN
      FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'worker_heartbeats' LOOP
        columns := (SELECT string_agg(quote_ident(column_name), ', ') FROM information_schema.columns
            WHERE table_schema = 'public' AND table_name = t AND is_generated = 'NEVER');
        EXECUTE format('DELETE FROM public.%I', t);
        EXECUTE format('INSERT INTO public.%1$I (%2$s) OVERRIDING SYSTEM VALUE SELECT %2$s FROM backup.%1$I', t, columns);
      END LOOP; END $$; COMMIT;";

/// Lets an event go as retention does.
const EXPIRE: &str = "BEGIN; SET LOCAL session_replication_role = replica;
    INSERT INTO expired_events (event_id, timeout_at)
        SELECT id, timeout_at FROM payment_events WHERE provider_event_id = 'evt_gone';
    DELETE FROM payment_events WHERE provider_event_id = 'evt_gone'; COMMIT;";

fn names(items: &Value) -> Vec<String> {
    let items = items.as_array().unwrap_or_else(|| panic!("no list: {items}"));
    let mut names: Vec<_> = items
        .iter()
        .map(|item| item["provider_event_id"].as_str().expect("an id").to_owned())
        .collect();
    names.sort();
    names
}

/// The input of a signal, as the command line of Temporal sends it.
fn plain_json(typed: &Value) -> RawValue {
    RawValue::new(vec![Payload {
        metadata: [("encoding".to_owned(), b"json/plain".to_vec())].into(),
        data: typed.to_string().into_bytes(),
        ..Payload::default()
    }])
}

/// Waits for a watch in this state.
async fn watched_as(client: &Client, event_id: EventId, state: &str) {
    eventually(&format!("a watch that is {state}"), async || {
        let status = temporal::status(client, event_id).await.ok()?;
        (status.state == state).then_some(())
    })
    .await;
}

/// What differs, once all of it can be listed.
async fn differs_when(world: &World, lost: &[&str], applied: &[&str], asked: &[&str]) -> i32 {
    eventually("what differs", async || {
        let (code, report) = world.cli(&["reconcile", "--dry-run"]).await.expect("a command");
        let found = [&report["lost"], &report["applied"], &report["asked_again"]].map(names);
        (found == [lost, applied, asked]).then_some(code)
    })
    .await
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, to be read as a whole")]
fn an_older_database_beside_newer_watches_is_put_right_by_one_command() {
    run(async {
        let (world, server) = World::start_beside_temporal(WorldOptions::default()).await;
        let client = eventually("a client", async || world.engine.client().await.ok()).await;
        let watched = async |event_id, state: &str| watched_as(&client, event_id, state).await;
        let applied = world.receipt("evt_applied").await;
        let repaired = world.receipt("evt_repaired").await;
        world.fail(repaired, json!({})).await;
        let broke = world.receipt("evt_broke").await;
        let untouched = world.receipt("evt_untouched").await;
        for (event_id, state) in
            [(applied, "pending"), (repaired, "open"), (broke, "pending"), (untouched, "pending")]
        {
            watched(event_id, state).await;
        }
        until_dispatched(&world.pool).await;
        sqlx::raw_sql(BACKUP).execute(&world.pool).await.expect("a backup");

        world.result(applied, "success", json!({})).await;
        world.result(repaired, "success", json!({})).await;
        temporal::finished(&client, applied).await;
        temporal::finished(&client, repaired).await;
        world.fail(broke, json!({})).await;
        watched(broke, "open").await;
        let lost = world.receipt("evt_lost").await;
        watched(lost, "pending").await;

        sqlx::raw_sql(RESTORE).execute(&world.pool).await.expect("a restore");
        let (_, doctor) = world.cli(&["doctor"]).await.expect("a command");
        let checks = doctor["checks"].as_array().expect("checks");
        let found = checks.iter().find(|check| check["name"] == "restored").expect("the check");
        assert_eq!(found["status"], "fail", "{found}");
        let both = ["evt_applied", "evt_repaired"];
        assert_eq!(differs_when(&world, &["evt_lost"], &both, &["evt_broke"]).await, 1);
        let event = find_event(&world.pool, applied).await.expect("a database").expect("it");
        assert_eq!(event.effect.as_str(), "pending", "nothing was changed");

        let (code, report) = world.cli(&["reconcile"]).await.expect("a command");
        assert_eq!(code, 0, "{report}");
        let event = find_event(&world.pool, applied).await.expect("a database").expect("it");
        assert_eq!(event.effect.as_str(), "succeeded");
        assert!(!world.timeline(applied).await.contains(&"incident.opened".to_owned()));
        let incident = world.incident_when(repaired, "resolved", |_| true).await;
        assert_eq!(incident.state.as_str(), "resolved");
        watched(broke, "pending").await;
        watched(untouched, "pending").await;
        let handle = client.get_workflow_handle::<workflows::EffectWatch>(workflow_id(lost));
        let closed = handle.describe(temporalio_client::WorkflowDescribeOptions::default()).await;
        let closed = closed.expect("a watch").status();
        assert_eq!(format!("{closed:?}"), "Terminated");

        assert_eq!(differs_when(&world, &["evt_lost"], &[], &[]).await, 0, "nothing is left to do");
        // The app sends what was lost again, and it is watched as ever.
        let again = world.receipt("evt_lost").await;
        watched(again, "pending").await;
        world.result(broke, "success", json!({})).await;
        temporal::finished(&client, broke).await;
        server.stop().await;
    });
}

#[test]
fn a_success_that_a_watch_had_no_time_for_and_one_that_was_typed_are_not_forgotten() {
    run(async {
        let options = WorldOptions::default().without_worker();
        let (world, server) = World::start_beside_temporal(options).await;
        let client = eventually("a client", async || world.engine.client().await.ok()).await;
        let worker = world.spawn_worker().expect("a worker");
        let (told, typed) = (world.receipt("evt_told").await, world.receipt("evt_typed").await);
        for event_id in [told, typed] {
            watched_as(&client, event_id, "pending").await;
        }
        until_dispatched(&world.pool).await;
        sqlx::raw_sql(BACKUP).execute(&world.pool).await.expect("a backup");
        worker.kill().await.expect("a kill");
        world.result(told, "success", json!({})).await;
        until_dispatched(&world.pool).await;
        let said = plain_json(&json!({"status": "success", "reported_by": "bob"}));
        let handle = client.get_workflow_handle::<EffectWatch>(workflow_id(typed));
        let options = WorkflowSignalOptions::default();
        handle.signal(EffectWatch::result, said, options).await.expect("a signal");
        sqlx::raw_sql(RESTORE).execute(&world.pool).await.expect("a restore");
        assert_eq!(differs_when(&world, &[], &["evt_told", "evt_typed"], &[]).await, 1);
        let (code, report) = world.cli(&["reconcile"]).await.expect("a command");
        assert_eq!(code, 0, "{report}");
        for event_id in [told, typed] {
            let event = find_event(&world.pool, event_id).await.expect("a database").expect("it");
            assert_eq!(event.effect.as_str(), "succeeded");
        }
        server.stop().await;
    });
}

#[test]
fn a_success_is_found_whatever_was_done_between_the_restore_and_the_command() {
    run(async {
        let (world, server) = World::start_beside_temporal(WorldOptions::default()).await;
        let client = eventually("a client", async || world.engine.client().await.ok()).await;
        let repaired = world.receipt("evt_repaired").await;
        let incident_id = world.fail(repaired, json!({})).await.to_string();
        watched_as(&client, repaired, "open").await;
        until_dispatched(&world.pool).await;
        sqlx::raw_sql(BACKUP).execute(&world.pool).await.expect("a backup");
        world.result(repaired, "success", json!({})).await;
        temporal::finished(&client, repaired).await;
        sqlx::raw_sql(RESTORE).execute(&world.pool).await.expect("a restore");

        // Somebody sees to the incident again, which starts a new run of the watch that has ended.
        let acknowledge = ["incident", "acknowledge", &incident_id];
        let (code, done) = world.cli(&acknowledge).await.expect("a command");
        assert_eq!(code, 0, "{done}");
        watched_as(&client, repaired, "acknowledged").await;
        assert_eq!(differs_when(&world, &[], &["evt_repaired"], &[]).await, 1);
        let (code, report) = world.cli(&["reconcile"]).await.expect("a command");
        assert_eq!(code, 0, "{report}");
        let incident = world.incident_when(repaired, "resolved", |_| true).await;
        assert_eq!(incident.state.as_str(), "resolved");
        server.stop().await;
    });
}

#[test]
fn what_is_not_due_any_more_stays_so_and_what_went_with_retention_is_not_lost() {
    run(async {
        let (world, server) = World::start_beside_temporal(WorldOptions::default()).await;
        let client = eventually("a client", async || world.engine.client().await.ok()).await;
        let (void, gone) = (world.receipt("evt_void").await, world.receipt("evt_gone").await);
        watched_as(&client, void, "pending").await;
        world.result(gone, "success", json!({})).await;
        temporal::finished(&client, gone).await;
        until_dispatched(&world.pool).await;
        sqlx::raw_sql(BACKUP).execute(&world.pool).await.expect("a backup");
        world.result(void, "superseded", json!({})).await;
        temporal::finished(&client, void).await;
        sqlx::raw_sql(RESTORE).execute(&world.pool).await.expect("a restore");
        sqlx::raw_sql(EXPIRE).execute(&world.pool).await.expect("an event that went");

        let report = eventually("what differs", async || {
            let (_, report) = world.cli(&["reconcile", "--dry-run"]).await.expect("a command");
            (names(&report["superseded"]) == ["evt_void"]).then_some(report)
        })
        .await;
        assert_eq!(report["lost"], json!([]), "{report}");
        let (code, report) = world.cli(&["reconcile"]).await.expect("a command");
        assert_eq!(code, 0, "{report}");
        let event = find_event(&world.pool, void).await.expect("a database").expect("it");
        assert_eq!(event.effect.as_str(), "superseded");
        assert!(world.timeline(void).await.contains(&"result.superseded".to_owned()));
        server.stop().await;
    });
}
