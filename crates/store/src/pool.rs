//! Connecting, and bringing the schema up to date.

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgConnection, PgPool};

use crate::StoreError;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations");

/// A pool that connects when it is first used, so that a process starts while the database is down.
///
/// A wait for a connection ends after 3 s; a statement after 15 s, whatever the database does.
///
/// # Errors
/// When `url` is no Postgres URL.
pub fn connect_lazily(url: &str, max_connections: u32) -> Result<PgPool, StoreError> {
    let options = PgConnectOptions::from_str(url)?
        .application_name("sendpromptly")
        .options([("statement_timeout", "15s"), ("idle_in_transaction_session_timeout", "30s")]);
    let pool = PgPoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(Duration::from_secs(3))
        .idle_timeout(Duration::from_mins(5))
        .connect_lazy_with(options);
    Ok(pool)
}

/// A transaction; dropping it undoes everything in it.
pub type Transaction = sqlx::Transaction<'static, sqlx::Postgres>;

/// Begins a transaction.
///
/// # Errors
/// When the database is out of reach.
pub async fn begin(pool: &PgPool) -> Result<Transaction, StoreError> {
    Ok(pool.begin().await?)
}

/// Makes everything in a transaction last.
///
/// # Errors
/// When the database fails; whether the change was kept is then not known.
pub async fn commit(transaction: Transaction) -> Result<(), StoreError> {
    Ok(transaction.commit().await?)
}

/// Brings the schema up to date; safe to call from several processes at once.
///
/// # Errors
/// When the database is out of reach, or holds migrations that this version does not know.
pub async fn migrate(url: &str) -> Result<(), StoreError> {
    let mut connection = PgConnection::connect(url).await?;
    MIGRATIONS.run_direct(None, &mut connection, false).await?;
    connection.close().await?;
    Ok(())
}

/// How many migrations this version has that the database lacks.
///
/// # Errors
/// When the database is out of reach.
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

/// Whether receipts can be written: the database answers, has the schema and is no standby.
///
/// # Errors
/// When it does not answer, or has no schema.
pub async fn is_writable(pool: &PgPool) -> Result<bool, StoreError> {
    let question = "SELECT NOT pg_is_in_recovery() FROM (VALUES (1)) AS one
         LEFT JOIN (SELECT FROM payment_events LIMIT 0) AS events ON true";
    Ok(sqlx::query_scalar(question).fetch_one(pool).await?)
}
