//! Why an engine could not be started.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::names::POSTGRES_BIN_DIR;
use crate::version::Version;

/// What can go wrong between a found engine and a running one.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The caller knows which flag the port came from and should name it.
    #[error("port {port} on 127.0.0.1 is taken by another program")]
    PortTaken { port: u16 },
    #[error("cannot {task} {}", path.display())]
    File { task: &'static str, path: PathBuf, source: io::Error },
    #[error("cannot run {program}")]
    Run { program: String, source: io::Error },
    #[error("{program} failed ({status}):\n{output}")]
    Tool { program: &'static str, status: String, output: String },
    #[error("{engine} ended while it was starting ({status}). The end of {}:\n{tail}", log.display())]
    Died { engine: &'static str, status: String, log: PathBuf, tail: String },
    #[error("{engine} was not ready after {timeout:?}. The end of {}:\n{tail}", log.display())]
    NotReady { engine: &'static str, timeout: Duration, log: PathBuf, tail: String },
    #[error(
        "{} was made by PostgreSQL {found}, but this is PostgreSQL {version}. Set \
         {POSTGRES_BIN_DIR} to a PostgreSQL {found}, or use another data folder",
        path.display()
    )]
    OtherMajor { path: PathBuf, found: String, version: Version },
    #[error("{} is not empty and not a PostgreSQL data folder", path.display())]
    NotACluster { path: PathBuf },
    #[error(transparent)]
    Account(io::Error),
}

impl StartError {
    /// The error and its causes in one text, for a place where no error type fits.
    pub(crate) fn with_causes(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        text
    }

    pub(crate) fn file(
        task: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { task, path, source }
    }
}
