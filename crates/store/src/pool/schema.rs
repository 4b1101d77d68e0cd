//! The schema: bringing it up to date, and whether it can be worked with.

use std::time::{Duration, Instant};

use sqlx::migrate::MigrateError;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection};

use super::{PgPool, connect_lazily, defaults, target};
use crate::StoreError;
use crate::partitions::{is_locked, make_ahead};

/// How long a process waits before it asks again whether it may migrate.
const TURN: Duration = Duration::from_millis(200);
/// How long a migration waits for a lock. Whoever comes later waits behind it, so it is less than receipts may wait, and more
/// than the second after which Postgres ends an autovacuum that is in the way.
const LOCK_TIMEOUT: &str = "1500ms";
/// How long others go on before the migration is tried again.
const PAUSE: Duration = Duration::from_secs(3);
/// For how long one migration is tried.
const TIMEOUT: Duration = Duration::from_mins(10);

/// The oldest server, as `server_version_num` has it.
const OLDEST_SERVER: i32 = 150_000;

/// What a role, a database or a server may have set against statements that last. A migration takes as long as it takes.
const NO_LIMITS: &str = "SELECT set_config(name, '0', false) FROM pg_settings
    WHERE name IN ('statement_timeout', 'transaction_timeout', 'idle_in_transaction_session_timeout')";

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations");

/// Brings the schema up to date; safe to call from several processes concurrently, because it holds
/// a lock of its session. So `url` must not lead through a pooler in transaction mode.
///
/// # Errors
/// When the database is out of reach, or holds migrations that this version does not know, or a table that one has to lock is
/// held for minutes; and, before anything is made, when the server is too old or a new database of another encoding than UTF8.
pub async fn migrate(url: &str) -> Result<(), StoreError> {
    let mut connection = connect_alone(url).await?;
    ensure_fit(&mut connection).await?;
    take_turn(&mut connection).await?;
    drop_half_built(&mut connection).await?;
    apply_all(&mut connection).await?;
    connection.close().await?;
    let pool = connect_lazily(url, 1)?;
    make_ahead(&pool).await?;
    pool.close().await;
    Ok(())
}

/// A connection for what the owner of the schema does, which takes as long as it takes.
pub(crate) async fn connect_alone(url: &str) -> Result<PgConnection, StoreError> {
    let mut connection = target::connect_options(url)?.connect().await?;
    sqlx::raw_sql(NO_LIMITS).execute(&mut connection).await?;
    let defaults = AssertSqlSafe(defaults::statements("SET"));
    sqlx::raw_sql(defaults).execute(&mut connection).await?;
    Ok(connection)
}

/// Rejects a server on which a migration would end half-way, and a database that would reject texts of apps later.
async fn ensure_fit(connection: &mut PgConnection) -> Result<(), StoreError> {
    let asked =
        "SELECT current_setting('server_version_num')::integer, current_setting('server_version'),
        current_setting('server_encoding')";
    let (number, version, encoding): (i32, String, String) =
        sqlx::query_as(asked).fetch_one(&mut *connection).await?;
    judge_server(number, version)?;
    // One that is in use goes on as it is.
    if encoding == "UTF8" || !list_applied(connection).await?.is_empty() {
        return Ok(());
    }
    Err(StoreError::Encoding { encoding })
}

/// Constraints use `NULLS NOT DISTINCT`.
fn judge_server(number: i32, version: String) -> Result<(), StoreError> {
    if number < OLDEST_SERVER {
        return Err(StoreError::OldServer { version });
    }
    Ok(())
}

/// Lets one process after the other migrate and give rights, each until its connection ends. Whoever waits asks again and
/// again: one that waited inside a statement would keep an index from being built concurrently, which waits for every
/// statement that is under way.
pub(crate) async fn take_turn(connection: &mut PgConnection) -> Result<(), StoreError> {
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

/// The indexes that migrations build concurrently.
fn concurrent_indexes() -> Vec<String> {
    let built = MIGRATIONS.iter().filter_map(|migration| {
        let (_, named) = migration.sql.as_str().split_once("INDEX CONCURRENTLY IF NOT EXISTS ")?;
        named.split_whitespace().next().map(str::to_owned)
    });
    built.collect()
}

/// Drops what is left of an index that was being built when a process died; it is built again. Without that its migration
/// would find it there and count as applied.
async fn drop_half_built(connection: &mut PgConnection) -> Result<(), StoreError> {
    let left: Vec<String> = sqlx::query_scalar(
        "SELECT c.oid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
         WHERE NOT i.indisvalid AND c.relname = ANY ($1)",
    )
    .bind(concurrent_indexes())
    .fetch_all(&mut *connection)
    .await?;
    for index in left {
        let drop = format!("DROP INDEX CONCURRENTLY {index}");
        sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Applies what is missing. An index that is built concurrently waits for every transaction that there is, and nobody waits
/// behind it: it has all the time, and is tried once, since one that fails is left half-built. Everything else gives up soon
/// where it gets no lock. Each run reads and checks all that was applied, so there are none for indexes that are built.
async fn apply_all(connection: &mut PgConnection) -> Result<(), StoreError> {
    let applied = list_applied(connection).await?;
    let missing: Vec<_> = MIGRATIONS
        .iter()
        .filter(|migration| migration.no_tx && !applied.contains(&migration.version))
        .collect();
    for concurrent in missing {
        apply_up_to(connection, Some(concurrent.version - 1)).await?;
        set_lock_timeout(connection, "0").await?;
        MIGRATIONS.run_direct(Some(concurrent.version), &mut *connection, false).await?;
    }
    apply_up_to(connection, None).await
}

/// The versions that were applied; none in a database without a schema.
async fn list_applied(connection: &mut PgConnection) -> Result<Vec<i64>, StoreError> {
    let exists: bool = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
        .fetch_one(&mut *connection)
        .await?;
    if !exists {
        return Ok(Vec::new());
    }
    let applied = sqlx::query_scalar("SELECT version FROM _sqlx_migrations WHERE success");
    Ok(applied.fetch_all(connection).await?)
}

/// Applies what is missing up to a version, and begins a migration again that got no lock, such as beside a dump.
async fn apply_up_to(
    connection: &mut PgConnection,
    version: Option<i64>,
) -> Result<(), StoreError> {
    set_lock_timeout(connection, LOCK_TIMEOUT).await?;
    let mut tried = (0, Instant::now());
    loop {
        let Err(error) = MIGRATIONS.run_direct(version, &mut *connection, false).await else {
            return Ok(());
        };
        let Some(locked) = find_locked(&error) else { return Err(error.into()) };
        if tried.0 != locked {
            tried = (locked, Instant::now());
        }
        if tried.1.elapsed() > TIMEOUT {
            return Err(StoreError::Locked { migration: locked });
        }
        tracing::warn!(migration = locked, "a table is in use for long; trying again");
        tokio::time::sleep(PAUSE).await;
    }
}

async fn set_lock_timeout(connection: &mut PgConnection, limit: &str) -> Result<(), StoreError> {
    let set = sqlx::query("SELECT set_config('lock_timeout', $1, false)").bind(limit);
    set.execute(connection).await?;
    Ok(())
}

/// The migration that got no lock; 0 where another process, of an earlier release, is migrating.
fn find_locked(error: &MigrateError) -> Option<i64> {
    match error {
        MigrateError::ExecuteMigration(error, version) => is_locked(error).then_some(*version),
        MigrateError::Execute(error) => is_locked(error).then_some(0),
        _ => None,
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_too_old_is_named_with_its_version() {
        let old = judge_server(140_020, "14.20 (Debian 14.20-1.pgdg13+1)".to_owned());
        let said = old.expect_err("too old").to_string();
        assert!(said.starts_with("the server is Postgres 14.20"), "{said}");
        assert!(judge_server(150_000, "15.0".to_owned()).is_ok());
    }

    #[test]
    fn each_index_that_is_built_without_a_transaction_is_known_by_its_name() {
        let alone = MIGRATIONS.iter().filter(|migration| migration.no_tx).count();
        let built = concurrent_indexes();
        assert_eq!(built.len(), alone, "one in each such migration: {built:?}");
        assert!(built.iter().any(|name| name == "audit_texts_project_idx"), "{built:?}");
    }
}
