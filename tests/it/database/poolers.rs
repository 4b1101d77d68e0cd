//! Debian's pgbouncer between the product and Postgres, in both modes, with few server connections.

use std::time::Duration;

use domain::incident::IncidentState;
use domain::operator::Role;
use e2e::console::Operator;
use e2e::pgbouncer::Pgbouncer;
use e2e::world::receipt;
use e2e::{World, WorldOptions, eventually, run, temporal};
use futures::future::join_all;
use serde_json::{Value, json};
use sqlx::{ConnectOptions as _, Row as _};
use store::pool::{Limits, PoolOptions, Pooler, open};

use super::{bare_world, direct};

const TRANSACTION: (&str, &str) = ("SENDPROMPTLY_DATABASE_POOLER", "transaction");

/// What a pooler is like, and what it is given to do.
struct Pool {
    mode: &'static str,
    size: u32,
    receipts_at_once: usize,
}

/// The product, all of it, through a pooler.
async fn works_through(pool: Pool, variables: Vec<(&'static str, &'static str)>) {
    let options = WorldOptions::default().without_api().without_worker();
    let (mut world, server) = World::start_beside_temporal(options).await;
    let pooler = Pgbouncer::start(&world.database_url, pool.mode, pool.size).await;
    let pooler = pooler.expect("pgbouncer");
    world.database_url = pooler.url(&world.database_url);
    world.variables = variables;
    let _api = world.spawn_api().expect("an API");
    let _worker = world.spawn_worker().expect("a worker");
    eventually("an API that is ready", async || world.ready().await.then_some(())).await;

    let many: Vec<_> = (0..40).map(|n| format!("evt_{n}")).collect();
    let mut events = Vec::new();
    for at_once in many.chunks(pool.receipts_at_once) {
        events.extend(join_all(at_once.iter().map(|event| world.receipt(event))).await);
    }
    let (status, again) = world.post("/api/v1/receipt", &receipt("evt_0")).await;
    assert_eq!((status, &again["duplicate"]), (202, &json!(true)));
    world.result(events[0], "success", json!({})).await;
    temporal::finished(&world.temporal().await, events[0]).await;
    world.alert_bob().await;
    world.result(events[1], "failed", json!({"error_code": "card_declined"})).await;
    let incident = world.incident_when(events[1], "open", |i| i.state == IncidentState::Open).await;
    eventually("a mail", async || (!world.mailbox.mails().is_empty()).then_some(())).await;

    let bob = Operator::signed_in(&world, Role::Admin).await;
    for page in ["/incidents", &format!("/incidents/{}", incident.id), "/events", "/audit"] {
        let page_answer = bob.get(page).await;
        assert_eq!(page_answer.status, 200, "{page}: {}", page_answer.body);
    }
    let (code, found) = world.cli(&["doctor"]).await.expect("a command");
    assert_eq!(code, 0, "{found}");
    server.stop().await;
}

#[test]
fn everything_works_through_pgbouncer_in_session_mode_without_a_setting() {
    // Debian's size. Each of our connections holds one of the server's, so a peak would take them
    // all.
    run(works_through(Pool { mode: "session", size: 20, receipts_at_once: 1 }, Vec::new()));
}

#[test]
fn everything_works_through_pgbouncer_in_transaction_mode_with_three_connections() {
    let pool = Pool { mode: "transaction", size: 3, receipts_at_once: 40 };
    run(works_through(pool, vec![TRANSACTION]));
}

/// Limits whose statement time-out is the server's to keep.
fn limits() -> Limits {
    Limits { statement: Duration::from_millis(300), ..Limits::default() }
}

#[test]
fn time_outs_hold_behind_a_pooler_and_nothing_of_ours_stays_in_its_sessions() {
    run(async {
        let world = bare_world().await;
        for (mode, pooler) in [("session", Pooler::Session), ("transaction", Pooler::Transaction)] {
            let pgbouncer =
                Pgbouncer::start(&world.database_url, mode, 2).await.expect("pgbouncer");
            let url = pgbouncer.url(&world.database_url);
            let options = PoolOptions { limits: limits(), ..PoolOptions::new(2).behind(pooler) };
            let pool = open(&url, options).expect("a pool");
            let sleep = "SELECT pg_sleep(60)";
            let alone = sqlx::query(sleep).execute(&pool).await.expect_err("an end");
            let code = alone.as_database_error().expect("the server's word").code();
            assert_eq!(code.as_deref(), Some("57014"), "{mode}");
            let mut tx = pool.begin().await.expect("a transaction");
            let within = sqlx::query(sleep).execute(&mut *tx).await.expect_err("an end");
            let code = within.as_database_error().expect("the server's word").code();
            assert_eq!(code.as_deref(), Some("57014"), "{mode}");
            drop(tx);
            if pooler == Pooler::Transaction {
                let names = "SELECT count(*), current_setting('statement_timeout') FROM pg_prepared_statements";
                let mut other = direct_through(&url).await;
                let left = sqlx::raw_sql(names).fetch_one(&mut other).await.expect("a look");
                assert_eq!((left.get(0), left.get(1)), (0_i64, "0"));
            }
            pool.close().await;
        }
    });
}

#[test]
fn in_transaction_mode_four_connections_share_one_of_the_servers_between_transactions() {
    run(async {
        let world = bare_world().await;
        let pgbouncer = Pgbouncer::start(&world.database_url, "transaction", 1).await;
        let pgbouncer = pgbouncer.expect("pgbouncer");
        // Every connection is checked before it is used; a check must not keep the server's either.
        let limits = Limits { check_after: Duration::ZERO, ..Limits::default() };
        let options = PoolOptions { limits, ..PoolOptions::new(4).behind(Pooler::Transaction) };
        let pool = open(&pgbouncer.url(&world.database_url), options).expect("a pool");
        for _ in 0..2 {
            let mut four = Vec::new();
            for connection in join_all((0..4).map(|_| pool.acquire())).await {
                four.push(connection.expect("a connection"));
            }
            for connection in &mut four {
                let one = sqlx::query_scalar("SELECT $1::int4 + 1").bind(0);
                let one: i32 = one.fetch_one(&mut **connection).await.expect("a response");
                assert_eq!(one, 1);
            }
        }
    });
}

/// Another client of the same pooler, who meets whatever we left behind.
async fn direct_through(url: &str) -> sqlx::PgConnection {
    let options: sqlx::postgres::PgConnectOptions = url.parse().expect("a URL");
    let options = options.extra_float_digits(None);
    options.connect().await.expect("a connection")
}

#[test]
fn a_pooler_in_transaction_mode_that_was_not_named_is_named_by_the_first_doctor() {
    run(async {
        let check = doctor_behind("transaction").await;
        assert_eq!(check["status"], "fail", "{check}");
        let cure = check["cure"].as_str().expect("a cure");
        assert!(cure.starts_with("set SENDPROMPTLY_DATABASE_POOLER=transaction"), "{check}");
        let check = doctor_behind("session").await;
        assert_eq!(check["status"], "pass", "{check}");
    });
}

/// What `doctor` says of a pooler that no setting names.
async fn doctor_behind(mode: &str) -> Value {
    let mut world = bare_world().await;
    let pooler = Pgbouncer::start(&world.database_url, mode, 20).await.expect("pgbouncer");
    world.database_url = pooler.url(&world.database_url);
    let (_, found) = world.cli(&["doctor"]).await.expect("a command");
    let checks = found["checks"].as_array().expect("checks").iter();
    checks.clone().find(|check| check["name"] == "pooler").expect("a check").clone()
}

#[test]
fn migrations_go_past_a_pooler_in_transaction_mode_or_not_at_all() {
    run(async {
        let mut world = bare_world().await;
        let past = world.database_url.clone();
        let pooler = Pgbouncer::start(&past, "transaction", 1).await.expect("pgbouncer");
        world.database_url = pooler.url(&past);
        world.variables = vec![TRANSACTION];
        let (code, output) = world.cli(&["migrate"]).await.expect("a command");
        let message = output["error"]["message"].to_string();
        assert_eq!(code, 1, "{output}");
        assert!(message.contains("SENDPROMPTLY_MIGRATE_DATABASE_URL is not set"), "{message}");
        world.variables.push(("SENDPROMPTLY_MIGRATE_DATABASE_URL", past.leak()));
        let (code, output) = world.cli(&["migrate"]).await.expect("a command");
        assert_eq!((code, &output["status"]), (0, &json!("ok")), "{output}");
        let held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database =
             (SELECT oid FROM pg_database WHERE datname = current_database())";
        let mut direct = direct(world.variables[1].1).await;
        let held: i64 = sqlx::query_scalar(held).fetch_one(&mut direct).await.expect("a count");
        assert_eq!(held, 0);
    });
}

#[test]
fn a_pooler_that_nobody_knows_is_an_error_that_names_the_setting() {
    run(async {
        let mut world = bare_world().await;
        world.variables = vec![("SENDPROMPTLY_DATABASE_POOLER", "pgbouncer")];
        let (code, output) = world.cli(&["project", "list"]).await.expect("a command");
        assert_ne!(code, 0);
        let message = output["error"]["message"].to_string();
        assert!(message.contains("SENDPROMPTLY_DATABASE_POOLER must be session"), "{message}");
    });
}
