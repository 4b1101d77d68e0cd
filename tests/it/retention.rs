//! `sendpromptly retention`, as a program, and what runs it by itself.

mod schedule;

use e2e::{World, WorldOptions, eventually, run};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

/// So many events ended fourteen months ago.
const EVENTS: i64 = 1_500;

async fn sql(world: &World, statements: String) {
    sqlx::raw_sql(AssertSqlSafe(statements)).execute(&world.pool).await.expect("a database");
}

async fn count(world: &World, query: &'static str) -> i64 {
    sqlx::query_scalar(query).fetch_one(&world.pool).await.expect("a count")
}

/// A shop of fourteen months, each of whose old events has two rows more.
async fn old_shop() -> World {
    let world = World::start_with(WorldOptions::default().without_api().without_worker()).await;
    let project = world.project.id.as_uuid();
    sql(
        &world,
        format!(
            "INSERT INTO payment_events (id, project_id, api_key_id, provider, provider_event_id, event_type, effect_type,
                 internal_reference, occurred_at, effect, received_at, timeout_minutes, timeout_at, settled_at)
             SELECT gen_random_uuid(), '{project}', gen_random_uuid(), 'stripe', 'evt_' || n, 'invoice.paid', 'credit_grant',
                 'user_' || n, at, 'succeeded', at, 30, at, at
             FROM generate_series(1, {EVENTS}) AS n, LATERAL (SELECT now() - interval '14 months' - n * interval '1 hour' AS at) AS t;
             INSERT INTO results (id, event_id, project_id, outcome) SELECT gen_random_uuid(), id, project_id, 'success' FROM payment_events;
             INSERT INTO audit_entries (id, actor, action, project_id, event_id)
             SELECT gen_random_uuid(), 'key:1', 'receipt.accepted', project_id, id FROM payment_events; ANALYZE"
        ),
    )
    .await;
    world
}

fn totals(report: &Value) -> Vec<(String, i64)> {
    let rules = report["rules"].as_array().expect("rules").iter();
    let of = |rule: &Value| (rule["rule"].to_string(), rule["total"].as_i64().expect("a total"));
    rules.map(of).collect()
}

#[test]
fn a_dry_run_says_by_table_and_month_what_the_run_then_deletes() {
    run(async {
        let world = old_shop().await;
        let before = count(&world, "SELECT count(*) FROM audit_entries").await;
        let (code, dry) = world.cli(&["retention", "run", "--dry-run"]).await.expect("a command");
        assert_eq!((code, &dry["dry_run"]), (0, &json!(true)), "{dry}");
        assert_eq!(count(&world, "SELECT count(*) FROM audit_entries").await, before);
        assert_eq!(count(&world, "SELECT count(*) FROM retention_runs").await, 0, "no run");
        let events = &dry["rules"][0];
        assert_eq!((&events["rule"], &events["total"]), (&json!("events"), &json!(EVENTS * 3)));
        let months = events["rows"].as_array().expect("rows").iter();
        let months = months.filter(|row| row["table"] == "payment_events").count();
        assert!((2..=4).contains(&months), "62 days lie in three months: {events}");

        let (code, done) = world.cli(&["retention", "run"]).await.expect("a command");
        assert_eq!(code, 0, "{done}");
        assert_eq!(totals(&done), totals(&dry));
        assert_eq!(done["rules"][0]["rows"], dry["rules"][0]["rows"]);
        assert_eq!(count(&world, "SELECT count(*) FROM payment_events").await, 0);

        let (code, status) = world.cli(&["retention", "status"]).await.expect("a command");
        let events = &status["rules"][0];
        assert_eq!((code, &events["rule"]), (0, &json!("events")), "{status}");
        let last = &events["last_run"];
        assert_eq!((&last["outcome"], &last["started_by"]), (&json!("done"), &json!("cli:bob")));
        assert_eq!(last["deleted"], json!(EVENTS * 3));
        assert_eq!(events["succeeded_at"], last["ended_at"]);
    });
}

#[test]
fn an_unknown_rule_is_rejected_with_the_known_ones() {
    run(async {
        let world = World::start_with(WorldOptions::default().without_api().without_worker()).await;
        let (code, rejected) =
            world.cli(&["retention", "run", "--rule", "everything"]).await.expect("a command");
        let message = rejected["error"]["message"].as_str().expect("a message");
        assert_eq!((code, &rejected["error"]["code"]), (1, &json!("validation_error")));
        assert!(message.starts_with("rule must be one of events, identities"), "{message}");
    });
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, to be read as a whole")]
fn a_run_that_is_killed_leaves_whole_events_and_the_next_one_goes_on() {
    run(async {
        let world = old_shop().await;
        // Each event takes the server a moment, so the command cannot be done before it is killed.
        sql(
            &world,
            "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN PERFORM pg_sleep(0.005); RETURN OLD; END $$;
             CREATE TRIGGER slow BEFORE DELETE ON payment_events FOR EACH ROW EXECUTE FUNCTION slow();"
                .to_owned(),
        )
        .await;
        let mut command =
            world.command(&["retention", "run", "--rule", "events"]).expect("a command");
        let mut killed = command.spawn().expect("a process");
        eventually("some events to leave", async || {
            let gone = count(&world, "SELECT count(*) FROM expired_events").await;
            (gone > 50).then_some(())
        })
        .await;
        killed.kill().await.expect("killed");
        // What the killed command had sent may still be done by the server.
        eventually("the server to be done", async || {
            let busy = count(
                &world,
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                AND state <> 'idle' AND query LIKE '%purge_events%' AND pid <> pg_backend_pid()",
            )
            .await;
            (busy == 0).then_some(())
        })
        .await;
        let left = count(&world, "SELECT count(*) FROM payment_events").await;
        assert!(left > 0 && left < EVENTS, "{left}");
        for (what, table) in [
            ("gone", "SELECT count(*) FROM expired_events"),
            ("left", "SELECT count(*) FROM results"),
            ("left", "SELECT count(*) FROM audit_entries WHERE event_id IS NOT NULL"),
        ] {
            let wanted = if what == "gone" { EVENTS - left } else { left };
            assert_eq!(count(&world, table).await, wanted, "{table}");
        }
        sql(&world, "DROP TRIGGER slow ON payment_events".to_owned()).await;
        let (code, done) =
            world.cli(&["retention", "run", "--rule", "events"]).await.expect("a command");
        assert_eq!((code, &done["rules"][0]["total"]), (0, &json!(left * 3)), "{done}");
        assert_eq!(count(&world, "SELECT count(*) FROM payment_events").await, 0);
        assert_eq!(
            count(&world, "SELECT count(*) FROM retention_runs WHERE ended_at IS NULL").await,
            1,
            "the killed one"
        );
    });
}
