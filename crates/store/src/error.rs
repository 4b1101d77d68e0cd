//! What can go wrong in the store. Absence is an `Option`, a duplicate is a value; neither is here.

use sqlx::error::DatabaseError;
use sqlx::postgres::{PgDatabaseError, PgSeverity};

use crate::fault::Fault;
use crate::seal::SealError;

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database or the way to it failed.
    #[error("the database failed: {0}")]
    Driver(#[source] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("the migrations failed: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A migration got no lock for minutes. Those before it hold, and it is undone.
    #[error(
        "migration {migration} got no lock of a table that a long transaction holds, such as a backup's: \
         wait for its end or end it, and migrate again"
    )]
    Locked { migration: i64 },
    /// The schema cannot be made there. Nothing was changed.
    #[error(
        "the server is Postgres {version}, and 15 is the oldest that will do: upgrade it, or name \
         another one"
    )]
    OldServer { version: String },
    /// Not every text that apps send can be kept there. Nothing was changed.
    #[error(
        "the encoding of the database is {encoding}, and only UTF8 keeps every text: make it again \
         with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
    )]
    Encoding { encoding: String },
    /// A row holds what no code of ours writes, or only that of a newer release.
    #[error("a row holds an unknown value: {source} (column {column} of the query)")]
    Inconsistent {
        /// Its place among the columns that the query reads, from 0.
        column: String,
        source: sqlx::error::BoxDynError,
    },
    /// A row that must be there is not: the caller named it, or another row does.
    #[error("a row of {0} is missing")]
    Missing(&'static str),
    /// A conditional change met another state than the one read under the lock.
    #[error("expected to change {expected} rows of {table}, changed {actual}")]
    RowsAffected {
        table: &'static str,
        /// How many rows should have changed.
        expected: u64,
        /// How many did.
        actual: u64,
    },
    /// A sealed value could not be opened.
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl StoreError {
    /// Whether the database itself is out of reach, or a table of it, so that the same request may succeed later.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Driver(error) => is_unavailable(error),
            Self::Locked { .. } => true,
            Self::Migrate(_)
            | Self::OldServer { .. }
            | Self::Encoding { .. }
            | Self::Missing(_)
            | Self::Inconsistent { .. }
            | Self::RowsAffected { .. }
            | Self::Seal(_) => false,
        }
    }

    /// What is wrong with the database itself, if that is why.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        match self {
            Self::Driver(error) => Fault::from_driver(error),
            Self::Migrate(error) => Fault::from_migration(error),
            _ => None,
        }
    }

    /// The innermost cause; of what the server said its words alone, without the line of its own code.
    #[must_use]
    pub fn root_cause(&self) -> String {
        let mut cause: &(dyn std::error::Error + 'static) = self;
        while let Some(source) = cause.source() {
            cause = source;
        }
        cause
            .downcast_ref::<Box<dyn DatabaseError>>()
            .map_or_else(|| cause.to_string(), |said| said.message().to_owned())
    }

    /// Whether a secret was sealed with a master key that this process does not have.
    #[must_use]
    pub fn is_sealed_elsewhere(&self) -> bool {
        matches!(self, Self::Seal(SealError::UnknownKey(_)))
    }

    /// Whether a secret was cut, changed or moved since it was sealed.
    #[must_use]
    pub fn is_damaged_secret(&self) -> bool {
        let damaged = |error: &SealError| match error {
            SealError::Truncated
            | SealError::UnknownVersion(_)
            | SealError::OfProject
            | SealError::Damaged => true,
            SealError::UnknownKey(_) | SealError::MalformedKey | SealError::WeakKey => false,
        };
        matches!(self, Self::Seal(error) if damaged(error))
    }

    /// Whether the database responds and takes no writes, as a standby does.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        match self {
            Self::Driver(sqlx::Error::Database(error)) => {
                error.code().as_deref() == Some(READ_ONLY)
            }
            _ => false,
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::ColumnDecode { index: column, source } => {
                Self::Inconsistent { column, source }
            }
            other => Self::Driver(other),
        }
    }
}

/// Why a change was not made: a rule rejects it, or the store failed. Given out of a
/// [`transaction`](crate::pool::transaction) it undoes whatever was done before the rule was met.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError<R> {
    /// A rule forbids the change in the present state.
    #[error(transparent)]
    Rejected(R),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl<R> ChangeError<R> {
    /// What the rule says; a failure of the store is the caller's to pass on.
    ///
    /// # Errors
    /// The failure of the store, if it was one.
    pub fn rejection(self) -> Result<R, StoreError> {
        match self {
            Self::Rejected(rejection) => Ok(rejection),
            Self::Store(error) => Err(error),
        }
    }

    /// The error of a caller that says a rejection in its own words.
    #[must_use]
    pub fn into_error<E: From<StoreError>>(self, words: impl FnOnce(R) -> E) -> E {
        self.rejection().map_or_else(E::from, words)
    }
}

impl<R> From<sqlx::Error> for ChangeError<R> {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// The SQLSTATE of a write to a server that takes none: `read_only_sql_transaction`.
pub(crate) const READ_ONLY: &str = "25006";
/// The SQLSTATE of a statement that found no room on the server's disk: `disk_full`.
pub(crate) const DISK_FULL: &str = "53100";

fn is_unavailable(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Configuration(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::Protocol(_) => true,
        sqlx::Error::Database(error) => {
            error.try_downcast_ref::<PgDatabaseError>().is_some_and(ends_the_connection)
                || error.code().is_some_and(|code| is_of_the_system(&code))
        }
        _ => false,
    }
}

/// Whether the server hung up with this error, or did not let us in: it restarts, the database is
/// gone or closed, or the password is being changed.
fn ends_the_connection(error: &PgDatabaseError) -> bool {
    matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic)
}

/// Classes of SQLSTATE: 08 connection, 40 given up in favour of others, 53 out of resources, 57
/// shutdown or out of time, 58 system; and a standby's.
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn is_of_the_system(code: &str) -> bool {
    ["08", "40", "53", "57", "58"].iter().any(|class| code.starts_with(class)) || code == READ_ONLY
}

/// Checks that a conditional change met the state that was read under the lock.
pub(crate) fn expect_one(table: &'static str, actual: u64) -> Result<(), StoreError> {
    expect_all(table, 1, actual)
}

/// Checks that a statement for several rows added each of them.
pub(crate) fn expect_all(
    table: &'static str,
    expected: usize,
    actual: u64,
) -> Result<(), StoreError> {
    let expected = expected as u64;
    if actual == expected {
        Ok(())
    } else {
        Err(StoreError::RowsAffected { table, expected, actual })
    }
}
