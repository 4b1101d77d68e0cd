//! What a team has set on its database for others holds for none of our statements.

use e2e::{World, run, until_lock_wait};
use sqlx::{AssertSqlSafe, PgConnection};
use store::PgPool;
use store::pool::{PoolOptions, Pooler, migrate, open};

use super::{bare_world, direct};
use crate::migrations::empty_database;

/// Sets a default of the database, which holds for connections that begin later.
async fn set_default(connection: &mut PgConnection, name: &str, value: &str) {
    let set = format!(
        "DO $do$ BEGIN EXECUTE format('ALTER DATABASE %I SET {name} = {value}', current_database()); END $do$"
    );
    sqlx::raw_sql(AssertSqlSafe(set)).execute(connection).await.expect("a default");
}

/// Pools as behind no pooler and as behind one in transaction mode.
fn pools(world: &World) -> [PgPool; 2] {
    [Pooler::Session, Pooler::Transaction].map(|pooler| {
        open(&world.database_url, PoolOptions::new(1).behind(pooler)).expect("a pool")
    })
}

/// A setting as a statement alone, and one in a transaction of its own, has it.
async fn read(pool: &PgPool, setting: &str) -> [String; 2] {
    let read = "SELECT current_setting($1)";
    let alone = sqlx::query_scalar(read).bind(setting).fetch_one(pool).await.expect("a setting");
    let mut tx = pool.begin().await.expect("a transaction");
    let within = sqlx::query_scalar(read).bind(setting).fetch_one(&mut *tx).await;
    [alone, within.expect("a setting")]
}

#[test]
fn what_is_read_behind_a_lock_is_what_others_committed_by_then() {
    run(async {
        let world = bare_world().await;
        let mut owner = direct(&world.database_url).await;
        set_default(&mut owner, "default_transaction_isolation", "serializable").await;
        for pool in pools(&world) {
            assert_eq!(read(&pool, "transaction_isolation").await, ["read committed"; 2]);
            let look = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
            let mut tx = pool.begin_with(look).await.expect("a transaction");
            let level = sqlx::query_scalar("SELECT current_setting('transaction_isolation')");
            let level: String = level.fetch_one(&mut *tx).await.expect("a level");
            assert_eq!(level, "repeatable read", "as its author says");
        }
    });
}

#[test]
fn a_lock_is_waited_for_whatever_time_out_a_database_has_for_it() {
    run(async {
        let world = bare_world().await;
        let mut owner = direct(&world.database_url).await;
        set_default(&mut owner, "lock_timeout", "1").await;
        let lock = "SELECT pg_advisory_xact_lock(7)";
        for pool in pools(&world) {
            assert_eq!(read(&pool, "lock_timeout").await, ["0"; 2]);
            let mut held = world.pool.begin().await.expect("a transaction");
            sqlx::query(lock).execute(&mut *held).await.expect("a lock");
            let let_go = async {
                until_lock_wait(&world.pool).await;
                held.commit().await.expect("an end");
            };
            let (waited, ()) = tokio::join!(sqlx::query(lock).execute(&pool), let_go);
            waited.expect("the lock, when it is free");
        }
    });
}

#[test]
fn tables_are_found_whatever_schema_a_database_looks_in_first() {
    run(async {
        let world = bare_world().await;
        let mut owner = direct(&world.database_url).await;
        let other = "CREATE SCHEMA app; CREATE TABLE app.payment_events ()";
        sqlx::raw_sql(other).execute(&mut owner).await.expect("a schema of others");
        set_default(&mut owner, "search_path", "app").await;
        set_default(&mut owner, "standard_conforming_strings", "off").await;
        for pool in pools(&world) {
            assert_eq!(read(&pool, "search_path").await, ["public"; 2]);
            assert_eq!(store::pool::pending_migrations(&pool).await.expect("a count"), 0);
            assert!(store::pool::is_writable(&pool).await.expect("the tables"));
            let behind = store::partitions::list_behind(&pool).await.expect("the months");
            assert!(behind.is_empty(), "{behind:?}");
        }
    });
}

#[test]
fn a_database_is_migrated_whatever_its_defaults_are() {
    run(async {
        let (_engines, url) = empty_database().await;
        let mut owner = direct(&url).await;
        sqlx::raw_sql("CREATE SCHEMA app").execute(&mut owner).await.expect("a schema");
        set_default(&mut owner, "default_transaction_isolation", "serializable").await;
        set_default(&mut owner, "search_path", "app, public").await;
        migrate(&url).await.expect("migrated");
        let pool = store::pool::connect_lazily(&url, 1).expect("a pool");
        assert_eq!(store::pool::pending_migrations(&pool).await.expect("a count"), 0);
    });
}
