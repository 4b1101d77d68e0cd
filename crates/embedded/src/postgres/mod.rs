//! A Postgres server of our own: made on the first start, reachable only over `127.0.0.1` and
//! only with its generated password.
//!
//! The password lies in the data folder, readable by its owner alone, so another user of the same
//! machine cannot get in; there is no unix socket. As root the server runs under an unprivileged
//! account, see [`crate::Account`].
//!
//! A start is rejected while the port is taken. After a `kill -9` of the server its leftovers
//! (`postmaster.pid`, orphaned backends) are never removed by us: Postgres refuses to start until
//! they are harmless, and the start is retried until then.

mod cluster;
mod create;
mod launch;

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::Arc;

use tempfile::TempDir;

use crate::account::Account;
use crate::error::StartError;
use crate::locate::PostgresBins;
use crate::port::free_port;
use crate::process::{Process, Stopped};
use crate::scratch::scratch_dir;

/// Name of the superuser of every cluster that this crate makes.
pub const USER: &str = "postgres";

/// How to run one server.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// Made on the first start. If the account cannot reach it, another place is taken, see
    /// [`Postgres::data_dir`].
    pub data_dir: PathBuf,
    pub port: u16,
    /// `<data_dir>.log` if not given.
    pub log_file: Option<PathBuf>,
    /// As root, the account to run under; `postgres` or else `nobody` if not given.
    pub account: Option<Account>,
    /// Server settings as in `postgresql.conf`; they win over ours.
    pub extra_settings: Vec<(String, String)>,
}

impl PostgresOptions {
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>, port: u16) -> Self {
        Self {
            data_dir: data_dir.into(),
            port,
            log_file: None,
            account: None,
            extra_settings: vec![],
        }
    }

    /// For data that may be lost in a power cut: faster, and still everything committed is there
    /// after a `kill -9` of the server.
    #[must_use]
    pub fn without_durability(mut self) -> Self {
        let off = ["fsync", "full_page_writes"];
        self.extra_settings.extend(off.map(|name| (name.to_owned(), "off".to_owned())));
        self
    }

    fn is_durable(&self) -> bool {
        !self.extra_settings.iter().any(|(name, value)| name == "fsync" && value == "off")
    }
}

/// A running server. Dropping it ends it.
pub struct Postgres {
    // The process is first, because it must be gone before the scratch folder is removed.
    process: Process,
    bins: PostgresBins,
    options: PostgresOptions,
    data_dir: PathBuf,
    password: String,
    scratch: Option<Arc<TempDir>>,
}

impl Postgres {
    /// Starts the server, makes its data folder if there is none, and waits until it responds.
    ///
    /// # Errors
    /// When the port is taken, the data folder cannot be used, or the server does not come up.
    pub async fn start(bins: &PostgresBins, options: PostgresOptions) -> Result<Self, StartError> {
        let folder = cluster::settle(&options)?;
        let password = create::open_or_create(bins, &folder, options.is_durable()).await?;
        let process = launch::launch(bins, &folder, &options).await?;
        let data_dir = folder.dir;
        Ok(Self { process, bins: bins.clone(), options, data_dir, password, scratch: None })
    }

    /// Starts a server on a free port with a new data folder that is removed at the end. Fast, and
    /// not durable: for tests and tools.
    ///
    /// # Errors
    /// As [`Postgres::start`].
    pub async fn start_throw_away(bins: &PostgresBins) -> Result<Self, StartError> {
        let scratch = scratch_dir().map_err(StartError::file("create", "a temporary folder"))?;
        let data_dir = scratch.path().join("postgres");
        let mut tries = 0;
        loop {
            let port = free_port().map_err(StartError::file("find", "a free port"))?;
            let options = PostgresOptions::new(&data_dir, port).without_durability();
            match Self::start(bins, options).await {
                // Someone else was faster: between choosing a port and using it there is a gap.
                Err(StartError::PortTaken { .. }) if tries < 5 => tries += 1,
                Err(error) => return Err(error),
                Ok(mut server) => {
                    server.scratch = Some(Arc::new(scratch));
                    return Ok(server);
                }
            }
        }
    }

    /// Starts a server like this one, which has died, on the same data and the same port.
    ///
    /// # Errors
    /// As [`Postgres::start`].
    pub async fn start_again(&self) -> Result<Self, StartError> {
        let mut server = Self::start(&self.bins, self.options.clone()).await?;
        server.scratch.clone_from(&self.scratch);
        Ok(server)
    }

    /// The address of a database, with the password in it. `database` is a plain name.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let Self { password, options, .. } = self;
        format!("postgres://{USER}:{password}@127.0.0.1:{}/{database}", options.port)
    }

    #[must_use]
    pub fn port(&self) -> u16 {
        self.options.port
    }

    /// Process id of the postmaster.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Where the data really is: not where it was asked for if the account cannot reach that.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Returns when the server has ended, for whatever reason.
    pub async fn wait_exit(&self) -> ExitStatus {
        self.process.wait_exit().await
    }

    /// Stops the server in order: clients are cut off, what they committed is kept.
    pub async fn stop(self) -> Stopped {
        self.process.stop().await
    }
}

impl fmt::Debug for Postgres {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres")
            .field("pid", &self.pid())
            .field("port", &self.options.port)
            .field("data_dir", &self.data_dir)
            .finish_non_exhaustive()
    }
}
