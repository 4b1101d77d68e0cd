//! The database of a round: the role that the product works with, and its shorter minutes.

use std::path::Path;

use anyhow::Context as _;
use embedded::Postgres;
use sqlx::error::DatabaseError;
use store::PgPool;
use tokio::process::Command;
use url::Url;

use super::cast::MINUTE;

/// What the product connects as. It may not change what the audit says.
pub const ROLE: &str = "sendpromptly_faults";

/// Migrates, makes the role, and makes minutes short; gives the owner's connections.
pub async fn prepare(binary: &Path, owner_url: &str, password: &str) -> anyhow::Result<PgPool> {
    migrate_by(binary, owner_url).await?;
    let owner = store::pool::connect_lazily(owner_url, 4)?;
    let role = format!("CREATE ROLE {ROLE} LOGIN PASSWORD '{password}'");
    sqlx::raw_sql(sqlx::AssertSqlSafe(role)).execute(&owner).await?;
    store::privileges::grant(owner_url, ROLE).await?;
    sqlx::raw_sql(sqlx::AssertSqlSafe(shorten())).execute(&owner).await?;
    Ok(owner)
}

/// Migrates with a release's own command.
pub async fn migrate_by(binary: &Path, owner_url: &str) -> anyhow::Result<()> {
    let output = Command::new(binary)
        .arg("migrate")
        .env_clear()
        .env("DATABASE_URL", owner_url)
        .kill_on_drop(true)
        .output()
        .await
        .with_context(|| format!("run {}", binary.display()))?;
    let said = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "{} migrate: {said}", binary.display());
    Ok(())
}

/// The same database as the product's role reaches it, through a way.
pub fn url_of_role(postgres: &Postgres, password: &str, port: u16) -> anyhow::Result<String> {
    let mut url = Url::parse(&postgres.url(embedded::DATABASE))?;
    let changed = url
        .set_username(ROLE)
        .and_then(|()| url.set_password(Some(password)))
        .and_then(|()| url.set_port(Some(port)));
    changed.ok().context("a URL of a server")?;
    Ok(url.into())
}

/// Whether the product's role can change an audit entry, or delete one, in the table or in one of its months.
pub async fn audit_can_be_changed(url: &str) -> anyhow::Result<bool> {
    const TABLES: &str = "
        SELECT 'audit_entries' UNION ALL
        SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'audit_entries'::regclass";
    let pool: PgPool = store::pool::connect_lazily(url, 1)?;
    let tables: Vec<String> = sqlx::query_scalar(TABLES).fetch_all(&pool).await?;
    let mut can_be_changed = false;
    for table in tables {
        let statements = [
            format!("UPDATE {table} SET actor = 'nobody'"),
            format!("DELETE FROM {table}"),
            format!("TRUNCATE {table}"),
        ];
        for statement in statements {
            match sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&pool).await {
                Ok(_) => can_be_changed = true,
                Err(error) => {
                    let code = error.as_database_error().and_then(DatabaseError::code);
                    anyhow::ensure!(code.as_deref() == Some("42501"), "not a refusal: {error}");
                }
            }
        }
    }
    pool.close().await;
    Ok(can_be_changed)
}

fn shorten() -> String {
    let millis = MINUTE.as_millis();
    format!(
        "CREATE FUNCTION shorten_event() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN NEW.timeout_at := clock_timestamp() + NEW.timeout_minutes * interval '{millis} milliseconds'; RETURN NEW; END $$;
         CREATE TRIGGER shorten BEFORE INSERT ON payment_events FOR EACH ROW EXECUTE FUNCTION shorten_event();
         CREATE FUNCTION shorten_reprocess() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN NEW.result_due_at := clock_timestamp() + interval '30 seconds'; RETURN NEW; END $$;
         CREATE TRIGGER shorten BEFORE UPDATE ON reprocesses FOR EACH ROW
         WHEN (NEW.state = 'awaiting_result' AND OLD.state = 'delivering') EXECUTE FUNCTION shorten_reprocess();"
    )
}
