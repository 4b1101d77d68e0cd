//! The schema: bringing it up to date, and whether it can be worked with.

use std::time::Duration;

use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection};

use super::{PgPool, connect_lazily, target};
use crate::StoreError;
use crate::partitions::make_ahead;

/// How long a process waits before it asks again whether it may migrate.
const TURN: Duration = Duration::from_millis(200);

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations");

/// Brings the schema up to date; safe to call from several processes concurrently, because it holds
/// a lock of its session. So `url` must not lead through a pooler in transaction mode.
///
/// # Errors
/// When the database is out of reach, or holds migrations that this version does not know.
pub async fn migrate(url: &str) -> Result<(), StoreError> {
    let mut connection = target::connect_options(url)?.connect().await?;
    take_turn(&mut connection).await?;
    drop_half_built(&mut connection).await?;
    MIGRATIONS.run_direct(None, &mut connection, false).await?;
    connection.close().await?;
    let pool = connect_lazily(url, 1)?;
    make_ahead(&pool).await?;
    pool.close().await;
    Ok(())
}

/// Lets one process after the other migrate. Whoever waits asks again and again: one that waited inside a statement would
/// keep an index from being built concurrently, which waits for every statement that is under way.
async fn take_turn(connection: &mut PgConnection) -> Result<(), StoreError> {
    loop {
        let taken: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock(7270040)")
            .fetch_one(&mut *connection)
            .await?;
        if taken {
            return Ok(());
        }
        tokio::time::sleep(TURN).await;
    }
}

/// Drops what is left of an index that was being built when a process died; it is built again.
async fn drop_half_built(connection: &mut PgConnection) -> Result<(), StoreError> {
    let left: Vec<String> = sqlx::query_scalar(
        "SELECT c.oid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
         WHERE NOT i.indisvalid AND (c.relname LIKE '%\\_divided\\_key' OR c.relname = 'audit_texts_project_idx')",
    )
    .fetch_all(&mut *connection)
    .await?;
    for index in left {
        let drop = format!("DROP INDEX CONCURRENTLY {index}");
        sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut *connection).await?;
    }
    Ok(())
}

/// How many migrations this version has that the database lacks.
pub async fn pending_migrations(pool: &PgPool) -> Result<usize, StoreError> {
    let known = MIGRATIONS.iter().count();
    let exists: bool = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
        .fetch_one(pool)
        .await?;
    if !exists {
        return Ok(known);
    }
    let applied: i64 = sqlx::query_scalar("SELECT count(*) FROM _sqlx_migrations WHERE success")
        .fetch_one(pool)
        .await?;
    Ok(known.saturating_sub(usize::try_from(applied).unwrap_or_default()))
}

/// How many migrations the database has that this version does not know.
///
/// # Errors
/// When the database is out of reach, or has no schema.
pub async fn unknown_migrations(pool: &PgPool) -> Result<usize, StoreError> {
    let known: Vec<_> = MIGRATIONS.iter().map(|migration| migration.version).collect();
    let unknown: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM _sqlx_migrations WHERE success AND version <> ALL ($1)",
    )
    .bind(known)
    .fetch_one(pool)
    .await?;
    Ok(usize::try_from(unknown).unwrap_or_default())
}

/// What to do about a server that takes no writes.
pub const READ_ONLY_CURE: &str = "let DATABASE_URL lead to the primary; where default_transaction_read_only is \
     on, as some providers set it while the disk is full, make room and let it be written to again";

/// Whether receipts can be written: the database responds, has the schema and takes writes. A
/// standby takes none, nor does a server with `default_transaction_read_only`, which some providers
/// set while its disk is full.
///
/// # Errors
/// When it does not respond, or has no schema.
pub async fn is_writable(pool: &PgPool) -> Result<bool, StoreError> {
    let question =
        "SELECT current_setting('transaction_read_only') = 'off' AND NOT pg_is_in_recovery()
         FROM (VALUES (1)) AS one
         LEFT JOIN (SELECT FROM payment_events LIMIT 0) AS events ON true";
    let mut connection = pool.acquire().await?;
    let writable: bool = sqlx::query_scalar(question).fetch_one(&mut *connection).await?;
    if !writable {
        // The session keeps to it; a new one asks again, or finds another server.
        connection.retire();
    }
    Ok(writable)
}
