//! The engines that all stories share.

use std::sync::{Arc, Weak};

use anyhow::Context as _;
use embedded::{EngineDirs, Engines as Found, Postgres, Temporal, TemporalOptions};
use sqlx::Connection;
use tempfile::TempDir;
use tokio::sync::Mutex;
use workflows::names::search_attribute;

const TEMPLATE: &str = "template_sendpromptly";

static SHARED: Mutex<Weak<Engines>> = Mutex::const_new(Weak::new());

/// A running Postgres and a running Temporal.
pub struct Engines {
    /// The database server.
    pub postgres: Postgres,
    /// The Temporal server, with time skipping.
    pub temporal: Temporal,
    /// What was started.
    pub found: Found,
    _folder: TempDir,
}

/// The engines, started by the first test that needs them.
///
/// # Errors
/// When they cannot be found, installed or started.
pub async fn shared() -> anyhow::Result<Arc<Engines>> {
    let mut shared = SHARED.lock().await;
    if let Some(engines) = shared.upgrade() {
        return Ok(engines);
    }
    let engines = Arc::new(start().await?);
    *shared = Arc::downgrade(&engines);
    Ok(engines)
}

async fn start() -> anyhow::Result<Engines> {
    let found = Found::locate(&EngineDirs::from_env()?).await?;
    let folder = embedded::scratch_dir()?;
    let postgres = Postgres::start_throw_away(&found.postgres).await?;
    leave_alone(&postgres).await?;
    store::pool::migrate(&create_database(&postgres, TEMPLATE, None).await?).await?;
    let temporal = start_temporal(&found, embedded::free_port()?, &folder).await?;
    Ok(Engines { postgres, temporal, found, _folder: folder })
}

/// Has the server look less often for what to vacuum: it goes through each of the hundreds of databases that stories leave
/// behind, which costs more and more of a processor and serves nobody.
async fn leave_alone(server: &Postgres) -> anyhow::Result<()> {
    let mut connection = sqlx::PgConnection::connect(&server.url("postgres")).await?;
    for change in ["ALTER SYSTEM SET autovacuum_naptime = '20min'", "SELECT pg_reload_conf()"] {
        sqlx::query(change).execute(&mut connection).await?;
    }
    Ok(connection.close().await?)
}

/// A Temporal server in memory, with time skipping and our search attributes.
///
/// # Errors
/// When it cannot be started.
pub async fn start_temporal(
    found: &Found,
    port: u16,
    folder: &TempDir,
) -> anyhow::Result<Temporal> {
    let mut options =
        TemporalOptions::new(port, folder.path().join(format!("temporal-{port}.log")));
    options.search_attributes = search_attribute::ALL.iter().map(ToString::to_string).collect();
    let enabled = ["frontend.WorkflowTimeSkippingEnabled", "frontend.WorkflowPauseEnabled"];
    options.dynamic_config = enabled.iter().map(|name| format!("{name}=true")).collect();
    Temporal::start(&found.temporal, options).await.context("start Temporal")
}

impl Engines {
    /// A fresh database with the current schema; gives its URL.
    ///
    /// # Errors
    /// When the server rejects.
    pub async fn create_database(&self) -> anyhow::Result<String> {
        let name = format!("world_{}", uuid::Uuid::now_v7().simple());
        create_database(&self.postgres, &name, Some(TEMPLATE)).await
    }
}

async fn create_database(
    server: &Postgres,
    name: &str,
    template: Option<&str>,
) -> anyhow::Result<String> {
    let mut connection = sqlx::PgConnection::connect(&server.url("postgres")).await?;
    // A copy of the files writes a third less to the disk than one through the server's log.
    let template = template.map(|template| format!(" TEMPLATE {template} STRATEGY FILE_COPY"));
    let template = template.unwrap_or_default();
    let create = format!("CREATE DATABASE {name}{template}");
    sqlx::query(sqlx::AssertSqlSafe(create)).execute(&mut connection).await?;
    connection.close().await?;
    Ok(server.url(name))
}
