//! The engines that all stories share.

use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError, Weak};

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
    /// The names of databases whose stories are over.
    ended: StdMutex<Vec<String>>,
    _folder: TempDir,
}

/// A database of a story. What it holds goes when the next one is made.
pub struct Database {
    /// Where it is.
    pub url: String,
    name: String,
    engines: Arc<Engines>,
}

impl Drop for Database {
    fn drop(&mut self) {
        self.engines.lock_ended().push(std::mem::take(&mut self.name));
    }
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
    store::pool::migrate(&create_database(&postgres, TEMPLATE, None).await?).await?;
    let temporal = start_temporal(&found, embedded::free_port()?, &folder).await?;
    Ok(Engines { postgres, temporal, found, ended: StdMutex::default(), _folder: folder })
}

/// A Temporal server that one story has for itself, so that it may stop it. The real binary can work there.
pub struct OwnTemporal {
    server: Temporal,
    _folder: TempDir,
    _engines: Arc<Engines>,
}

impl OwnTemporal {
    /// Starts it at this port.
    pub async fn start(port: u16) -> Self {
        let engines = shared().await.expect("engines");
        let folder = embedded::scratch_dir().expect("a folder");
        let server = start_temporal(&engines.found, port, &folder).await.expect("Temporal");
        Self { server, _folder: folder, _engines: engines }
    }

    /// Stops it in order, with all that it knew.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

/// A Temporal server in memory, with time skipping and our search attributes.
async fn start_temporal(found: &Found, port: u16, folder: &TempDir) -> anyhow::Result<Temporal> {
    Temporal::start(&found.temporal, options(port, folder)).await.context("start Temporal")
}

/// A Temporal server with a file: one that was killed can be [started again](Temporal::start_again) with all that it knew.
///
/// # Errors
/// When it cannot be started.
pub async fn start_lasting_temporal(
    found: &Found,
    port: u16,
    folder: &TempDir,
) -> anyhow::Result<Temporal> {
    let db_file = Some(folder.path().join("temporal.db"));
    let options = TemporalOptions { db_file, ..options(port, folder) };
    Temporal::start(&found.temporal, options).await.context("start Temporal")
}

fn options(port: u16, folder: &TempDir) -> TemporalOptions {
    let mut options =
        TemporalOptions::new(port, folder.path().join(format!("temporal-{port}.log")));
    options.search_attributes = search_attribute::ALL.iter().map(ToString::to_string).collect();
    let enabled = ["frontend.WorkflowTimeSkippingEnabled", "frontend.WorkflowPauseEnabled"];
    options.dynamic_config = enabled.iter().map(|name| format!("{name}=true")).collect();
    options
}

impl Engines {
    /// A fresh database with the current schema.
    ///
    /// # Errors
    /// When the server rejects.
    pub async fn create_database(self: &Arc<Self>) -> anyhow::Result<Database> {
        let ended = std::mem::take(&mut *self.lock_ended());
        for name in ended {
            let drop = format!("DROP DATABASE {name} WITH (FORCE)");
            execute(&self.postgres, &drop).await?;
        }
        let name = format!("world_{}", uuid::Uuid::now_v7().simple());
        let url = create_database(&self.postgres, &name, Some(TEMPLATE)).await?;
        Ok(Database { url, name, engines: Arc::clone(self) })
    }

    fn lock_ended(&self) -> MutexGuard<'_, Vec<String>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn create_database(
    server: &Postgres,
    name: &str,
    template: Option<&str>,
) -> anyhow::Result<String> {
    // A copy of the files writes a third less to the disk than one through the server's log.
    let template = template.map(|template| format!(" TEMPLATE {template} STRATEGY FILE_COPY"));
    execute(server, &format!("CREATE DATABASE {name}{}", template.unwrap_or_default())).await?;
    Ok(server.url(name))
}

async fn execute(server: &Postgres, sql: &str) -> anyhow::Result<()> {
    let mut connection = sqlx::PgConnection::connect(&server.url("postgres")).await?;
    sqlx::query(sqlx::AssertSqlSafe(sql.to_owned())).execute(&mut connection).await?;
    Ok(connection.close().await?)
}
