//! What a pool bounds: statements, waiting, and what is left of those who gave up.

use std::time::Duration;

use e2e::way::Way;
use e2e::{World, eventually, run};
use futures::future::join_all;
use sqlx::AssertSqlSafe;
use store::PgPool;
use store::pool::{Limits, PoolOptions, open};

use super::privileges::create_role;
use super::{bare_world, direct, put_on_a_way};

/// Short limits; the statement's is the server's.
fn limits() -> Limits {
    let brief = Duration::from_millis(500);
    Limits { statement: brief, answer: 4 * brief, ..Limits::default() }
}

fn pool(world: &World, max_connections: u32) -> PgPool {
    let options = PoolOptions { limits: limits(), ..PoolOptions::new(max_connections) };
    open(&world.database_url, options).expect("a pool")
}

#[test]
fn a_statement_that_takes_too_long_is_ended_by_the_server_and_its_connection_is_used_again() {
    run(async {
        let world = bare_world().await;
        let pool = pool(&world, 1);
        let pid = "SELECT pg_backend_pid()";
        let before: i32 = sqlx::query_scalar(pid).fetch_one(&pool).await.expect("a number");
        let slept = sqlx::query("SELECT pg_sleep(60)").execute(&pool).await.expect_err("an end");
        let code = slept.as_database_error().expect("the server's word").code();
        assert_eq!(code.as_deref(), Some("57014"));
        let after: i32 = sqlx::query_scalar(pid).fetch_one(&pool).await.expect("a number");
        assert_eq!(before, after);
    });
}

#[test]
fn a_connection_that_the_server_ends_counts_as_lost() {
    run(async {
        let world = bare_world().await;
        let pool = pool(&world, 1);
        let pid = "SELECT pg_backend_pid()";
        let mut ended = pool.begin().await.expect("a transaction");
        let backend: i32 = sqlx::query_scalar(pid).fetch_one(&mut *ended).await.expect("a number");
        sqlx::query("SELECT pg_terminate_backend($1, 10000)")
            .bind(backend)
            .execute(&world.pool)
            .await
            .expect("ended");
        sqlx::query(pid).execute(&mut *ended).await.expect_err("no server");
        assert_eq!(pool.usage().lost, 0, "it is on loan");
        drop(ended);
        assert_eq!(pool.usage().lost, 1);
        sqlx::query(pid).execute(&pool).await.expect("another connection");
        assert_eq!(pool.usage().lost, 1);
    });
}

#[test]
fn a_statement_and_a_transaction_that_are_cut_off_give_back_locks_and_connection() {
    run(async {
        let world = bare_world().await;
        let pool = store::pool::connect_lazily(&world.database_url, 1).expect("a pool");
        let lock = "SELECT pg_advisory_xact_lock(7)";
        let mut cut_off = pool.begin().await.expect("a transaction");
        sqlx::query(lock).execute(&mut *cut_off).await.expect("a lock");
        tokio::select! {
            slept = sqlx::query("SELECT pg_sleep(5)").execute(&mut *cut_off) => panic!("{slept:?}"),
            () = eventually("a statement under way", async || {
                let sleeps = "SELECT count(*) FROM pg_stat_activity
                     WHERE datname = current_database() AND wait_event = 'PgSleep'";
                let sleeps = sqlx::query_scalar(sleeps).fetch_one(&world.pool).await;
                (sleeps.is_ok_and(|sleeps: i64| sleeps > 0)).then_some(())
            }) => {}
        }
        drop(cut_off);
        // The one connection there is comes back without the lock and without the transaction.
        let held =
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()";
        let held: i64 = eventually("the connection", async || {
            sqlx::query_scalar(held).fetch_one(&pool).await.ok()
        })
        .await;
        assert_eq!(held, 0);
        let open = "SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
        let open: i64 = sqlx::query_scalar(open).fetch_one(&world.pool).await.expect("a count");
        assert_eq!(open, 0);
    });
}

#[test]
fn an_error_in_a_transaction_undoes_it_and_the_connection_is_used_again() {
    run(async {
        let world = bare_world().await;
        let pool = pool(&world, 1);
        let mut tx = pool.begin().await.expect("a transaction");
        sqlx::query("CREATE TABLE left_over (id int)").execute(&mut *tx).await.expect("a table");
        sqlx::query("SELECT 1 / 0").execute(&mut *tx).await.expect_err("an error");
        drop(tx);
        let there = "SELECT to_regclass('left_over') IS NOT NULL";
        let there: bool = sqlx::query_scalar(there).fetch_one(&pool).await.expect("a response");
        assert!(!there);
    });
}

#[test]
fn the_queue_for_a_connection_has_an_end_and_who_is_beyond_it_hears_at_once() {
    run(async {
        let world = bare_world().await;
        let pool = pool(&world, 1);
        let taken = pool.acquire().await.expect("a connection");
        let began = tokio::time::Instant::now();
        let queue = join_all((0..40).map(|_| pool.acquire())).await;
        assert!(began.elapsed() >= limits().acquire, "those in the queue waited");
        let rejected = |error: &sqlx::Error| error.to_string().contains("already wait");
        let (beyond, waited): (Vec<_>, Vec<_>) =
            queue.into_iter().map(|got| got.expect_err("no connection")).partition(rejected);
        assert_eq!((waited.len(), beyond.len()), (16, 24), "{waited:?}");
        drop(taken);
        pool.acquire().await.expect("a connection");
    });
}

/// A pool of connections of this role, which may have one of them, on loan; no other is let in.
async fn with_one_connection(world: &World, role: &str, keep_out: &str) -> PgPool {
    let mut url = url::Url::parse(&world.database_url).expect("a URL");
    url.set_username(role).and_then(|()| url.set_password(Some(role))).expect("a role");
    let options = PoolOptions { limits: limits(), ..PoolOptions::new(4) };
    let pool = open(url.as_str(), options).expect("a pool");
    let mut only = pool.acquire().await.expect("a connection");
    let keep_out = format!("ALTER ROLE {role} {keep_out}");
    sqlx::raw_sql(AssertSqlSafe(keep_out)).execute(&world.pool).await.expect("a limit");
    pool.acquire().await.expect_err("no other");
    assert!(pool.connect_failure().is_some());
    sqlx::query("SELECT 1").execute(&mut *only).await.expect("a response");
    pool
}

#[test]
fn a_server_that_lets_no_more_in_keeps_the_queue_for_those_that_are() {
    run(async {
        let world = bare_world().await;
        let mut owner = direct(&world.database_url).await;
        let role = create_role(&mut owner).await;
        // What the server takes for a matter of the moment, and what it does not.
        for keep_out in ["CONNECTION LIMIT 1", "CONNECTION LIMIT -1 PASSWORD 'changed'"] {
            let password = format!("ALTER ROLE {role} PASSWORD '{role}'");
            sqlx::raw_sql(AssertSqlSafe(password)).execute(&mut owner).await.expect("a password");
            let pool = with_one_connection(&world, &role, keep_out).await;
            // Longer, together, than the pause between two attempts to connect.
            let ask = async || sqlx::query("SELECT pg_sleep(0.02)").execute(&pool).await;
            let served = join_all((0..40).map(|_| ask())).await;
            let rejected: Vec<_> = served.into_iter().filter_map(Result::err).collect();
            let first = rejected.first();
            assert!(first.is_none(), "{keep_out}: {} of 40: {first:?}", rejected.len());
            pool.close().await;
        }
        let gone = format!("DROP OWNED BY {role}; DROP ROLE {role}");
        sqlx::raw_sql(AssertSqlSafe(gone)).execute(&mut owner).await.expect("no role");
    });
}

#[test]
fn a_wrong_password_is_said_at_once() {
    run(async {
        let world = bare_world().await;
        let mut url = url::Url::parse(&world.database_url).expect("a URL");
        url.set_password(Some("wrong")).expect("a password");
        let pool = store::pool::connect_lazily(url.as_str(), 2).expect("a pool");
        let error = pool.acquire().await.expect_err("no connection").to_string();
        assert!(error.contains("password authentication failed"), "{error}");
    });
}

#[test]
fn idle_connections_that_died_in_silence_cost_one_check_and_not_a_request() {
    run(async {
        let world = bare_world().await;
        let server = url::Url::parse(&world.database_url).expect("a URL").port().expect("a port");
        let way = Way::to(server).await.expect("a way");
        let brief = Duration::from_millis(50);
        let limits = Limits { check: brief, check_after: brief, ..limits() };
        let options = PoolOptions { limits, ..PoolOptions::new(5) };
        let pool = open(&way.url(&world.database_url), options).expect("a pool");
        let five = join_all((0..5).map(|_| pool.acquire())).await;
        assert!(five.iter().all(Result::is_ok));
        drop(five);
        way.fall_silent();
        way.open_for_new_ones();
        tokio::time::sleep(2 * brief).await;
        let one: i32 = sqlx::query_scalar("SELECT 1").fetch_one(&pool).await.expect("a response");
        assert_eq!(one, 1);
    });
}

#[test]
fn one_caller_after_the_other_makes_one_connection() {
    run(async {
        let mut world = bare_world().await;
        let (way, _) = put_on_a_way(&mut world).await;
        let pool = pool(&world, 5);
        for _ in 0..20 {
            sqlx::query("SELECT 1").execute(&pool).await.expect("a response");
        }
        assert_eq!(way.connections(), 1);
    });
}

#[test]
fn idle_connections_are_looked_after_and_closed_when_nobody_needs_them() {
    run(async {
        let world = bare_world().await;
        let brief = Duration::from_millis(100);
        let limits = Limits { keep_alive: brief, idle: 5 * brief, ..limits() };
        let options = PoolOptions { limits, ..PoolOptions::new(3) };
        let pool = open(&world.database_url, options).expect("a pool");
        let mut three = Vec::new();
        for _ in 0..3 {
            three.push(pool.acquire().await.expect("a connection"));
        }
        let mut ours: Vec<i32> = Vec::new();
        for connection in &mut three {
            let pid = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut **connection);
            ours.push(pid.await.expect("a number"));
        }
        drop(three);
        eventually("a server without our connections", async || {
            let left = "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY($1)";
            let left = sqlx::query_scalar(left).bind(&ours).fetch_one(&world.pool);
            let left: i64 = left.await.expect("a count");
            (left == 0).then_some(())
        })
        .await;
        assert!(pool.acquire().await.is_ok());
    });
}

/// A process that ends drops its tasks with what they hold, and takes no new ones.
#[test]
fn a_connection_that_is_held_to_the_end_of_the_process_ends_with_it() {
    let world = run(bare_world());
    let process = tokio::runtime::Runtime::new().expect("a runtime");
    let pid = process.block_on(async {
        let pool = pool(&world, 1);
        let mut held = pool.acquire().await.expect("a connection");
        let pid = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut *held);
        let pid: i32 = pid.await.expect("a number");
        tokio::spawn(async move {
            let _held = held;
            std::future::pending::<()>().await;
        });
        pool.close().await;
        pid
    });
    drop(process);
    run(async {
        eventually("a server without that connection", async || {
            let left = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1";
            let left: i64 =
                sqlx::query_scalar(left).bind(pid).fetch_one(&world.pool).await.expect("a count");
            (left == 0).then_some(())
        })
        .await;
    });
}
