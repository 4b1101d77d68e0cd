//! A Temporal development server of our own.
//!
//! With a file it keeps its workflows over restarts, without one they live in memory. It listens on
//! `127.0.0.1` only and has no authentication, as every development server of Temporal. A start is
//! complete when the `default` namespace responds, has its retention and knows the search
//! attributes, also those that an older file does not have yet. A killed server leaves nothing that
//! hinders the next start.

mod launch;
mod namespace;

use std::path::PathBuf;
use std::process::ExitStatus;

use crate::error::StartError;
use crate::locate::TemporalBin;
use crate::process::{Process, Stopped};

/// The namespace that every development server has.
pub const NAMESPACE: &str = "default";

/// How to run one server.
#[derive(Clone, Debug)]
pub struct TemporalOptions {
    pub port: u16,
    /// Port of Temporal's web interface; without it there is none.
    pub ui_port: Option<u16>,
    /// Where workflows are kept; in memory if not given.
    pub db_file: Option<PathBuf>,
    /// Hours that closed workflows are kept.
    pub retention_hours: u32,
    /// Names of search attributes of type keyword.
    pub search_attributes: Vec<String>,
    /// Settings of the server as `key=value`, the value in JSON.
    pub dynamic_config: Vec<String>,
    pub log_file: PathBuf,
}

impl TemporalOptions {
    #[must_use]
    pub fn new(port: u16, log_file: impl Into<PathBuf>) -> Self {
        Self {
            port,
            ui_port: None,
            db_file: None,
            retention_hours: 72,
            search_attributes: vec![],
            dynamic_config: vec![],
            log_file: log_file.into(),
        }
    }
}

/// A running server. Dropping it ends it.
#[derive(Debug)]
pub struct Temporal {
    process: Process,
    bin: TemporalBin,
    options: TemporalOptions,
}

impl Temporal {
    /// Starts the server and waits until its namespace can be used.
    ///
    /// # Errors
    /// When a port is taken or the server does not come up.
    pub async fn start(bin: &TemporalBin, options: TemporalOptions) -> Result<Self, StartError> {
        // The server draws ports for its own services, and dies where another program was quicker.
        match Self::start_once(bin, options.clone()).await {
            Err(StartError::Died { .. }) => Self::start_once(bin, options).await,
            ended => ended,
        }
    }

    async fn start_once(bin: &TemporalBin, options: TemporalOptions) -> Result<Self, StartError> {
        let (process, log) = launch::launch(bin, &options).await?;
        namespace::prepare(bin, &options, &process, &log).await?;
        Ok(Self { process, bin: bin.clone(), options })
    }

    /// Starts a server like this one, which has died, on the same file and the same ports.
    ///
    /// # Errors
    /// As [`Temporal::start`].
    pub async fn start_again(&self) -> Result<Self, StartError> {
        Self::start(&self.bin, self.options.clone()).await
    }

    /// Host and port of the gRPC service.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.options.port)
    }

    #[must_use]
    pub fn port(&self) -> u16 {
        self.options.port
    }

    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Returns when the server has ended, for whatever reason.
    pub async fn wait_exit(&self) -> ExitStatus {
        self.process.wait_exit().await
    }

    /// Stops the server in order.
    pub async fn stop(self) -> Stopped {
        self.process.stop().await
    }
}
