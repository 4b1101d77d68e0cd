//! Why a database cannot be worked with: one list for the command line, `doctor` and readiness, so that none of
//! them says of a server that rejects a password that it does not respond.
//!
//! What is none of these is the failure of one statement, which says by itself what it is.

use sqlx::Error;
use sqlx::migrate::MigrateError;
use sqlx::postgres::{PgDatabaseError, PgSeverity};

use crate::error::READ_ONLY;
use crate::pool::{READ_ONLY_CURE, UNNAMED_POOLER};

/// What is wrong with a database; the text continues a sentence that begins with its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The server is away, or the way there.
    #[error("does not respond")]
    Silent,
    /// Server and client do not agree on TLS.
    #[error("cannot be reached over TLS")]
    Tls,
    /// Postgres says the same of an unknown user and of a wrong password.
    #[error("rejects the user or the password")]
    Password,
    /// The server has no rule that lets this role in, or no such role.
    #[error("does not let this user in from here")]
    Login,
    /// The server has no database of this name.
    #[error("does not exist on its server")]
    NoDatabase,
    /// The role may not connect to this database.
    #[error("may not be connected to by this role")]
    Connect,
    /// The role may not read or write a table, or change the schema.
    #[error("may not be worked on by this role")]
    Rights,
    /// A table or a column is not there.
    #[error("lacks tables of this version")]
    Schema,
    /// It has migrations that this program does not know.
    #[error("is of a newer version than this program")]
    Newer,
    /// A migration was applied with another text.
    #[error("was migrated by another build of this program")]
    OtherBuild,
    /// A standby, or a server that was set to take no writes.
    #[error("takes no writes")]
    ReadOnly,
    /// Sessions are shared with other clients.
    #[error("is behind a pooler in transaction mode, which is not named")]
    Pooler,
    /// As many are connected as may be.
    #[error("has no connection left")]
    Full,
    /// It responds, and is not ready.
    #[error("is starting or shutting down")]
    Restarting,
    /// Anything else that a server or a pooler says in place of letting us in.
    #[error("rejects the connection")]
    Rejected,
}

impl Fault {
    /// What to do about it.
    #[must_use]
    pub const fn cure(self) -> &'static str {
        match self {
            Self::Silent => "is it running, and do host and port of its URL lead to it?",
            Self::Tls => "see sslmode and sslrootcert of its URL, and whether the server has TLS",
            Self::Password => "correct them in its URL, special characters percent-encoded",
            Self::Login => {
                "see that the role exists and may LOGIN, and that pg_hba.conf takes it from this host and with \
                 the sslmode of the URL"
            }
            Self::NoDatabase => "correct the name in its URL, or CREATE DATABASE it",
            Self::Connect => "GRANT CONNECT ON DATABASE to the role of its URL",
            Self::Rights => {
                "run `sendpromptly migrate --grant-to` with the role of api and worker, as the owner of the \
                 schema"
            }
            Self::Schema => "run `sendpromptly migrate` as the owner of the schema",
            Self::Newer => "migrate with the program of that version, or a later one",
            Self::OtherBuild => {
                "migrate with the program that migrated it, or a later release of it"
            }
            Self::ReadOnly => READ_ONLY_CURE,
            Self::Pooler => "set SENDPROMPTLY_DATABASE_POOLER=transaction wherever its URL is set",
            Self::Full => "let fewer clients connect to it, or raise its max_connections",
            Self::Restarting => "try again in a moment",
            Self::Rejected => "the log of the server, or of the pooler in front of it, says why",
        }
    }

    pub(crate) fn from_driver(error: &Error) -> Option<Self> {
        match error {
            Error::Database(error) => {
                let postgres = error.try_downcast_ref::<PgDatabaseError>();
                let ends = postgres.is_some_and(|error| {
                    matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic)
                });
                Self::from_code(&error.code()?, ends)
            }
            Error::Io(error) => {
                let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<NotConnected>());
                Some(inner.map_or(Self::Silent, |rejected| rejected.fault))
            }
            Error::Configuration(error) => {
                error.to_string().contains(UNNAMED_POOLER).then_some(Self::Pooler)
            }
            Error::Tls(_) => Some(Self::Tls),
            Error::Protocol(_) | Error::PoolTimedOut | Error::PoolClosed | Error::WorkerCrashed => {
                Some(Self::Silent)
            }
            _ => None,
        }
    }

    /// What a migration reads and writes is its own, so that a table that is missing is its failure.
    pub(crate) fn from_migration(error: &MigrateError) -> Option<Self> {
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
                Self::from_driver(error).filter(|fault| *fault != Self::Schema)
            }
            MigrateError::VersionMissing(_) => Some(Self::Newer),
            MigrateError::VersionMismatch(_) => Some(Self::OtherBuild),
            _ => None,
        }
    }

    /// By SQLSTATE; `ends` where the server hung up with it.
    /// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
    fn from_code(code: &str, ends: bool) -> Option<Self> {
        match code {
            "28P01" => Some(Self::Password),
            "28000" => Some(Self::Login),
            "3D000" | "57P04" => Some(Self::NoDatabase),
            "42501" if ends => Some(Self::Connect),
            "42501" => Some(Self::Rights),
            "3F000" | "42P01" | "42703" => Some(Self::Schema),
            READ_ONLY => Some(Self::ReadOnly),
            "53300" => Some(Self::Full),
            "57P01" | "57P02" | "57P03" => Some(Self::Restarting),
            _ => ends.then_some(Self::Rejected),
        }
    }
}

/// Why no connection could be made, in the words of who rejected it. An [`std::io::Error`] brings it to each
/// who waited.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub(crate) struct NotConnected {
    pub(crate) text: String,
    pub(crate) fault: Fault,
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::StoreError;

    #[test]
    fn what_a_server_says_is_not_taken_for_silence() {
        for (code, ends, fault) in [
            ("28P01", true, Some(Fault::Password)),
            ("28000", true, Some(Fault::Login)),
            ("3D000", true, Some(Fault::NoDatabase)),
            ("42501", true, Some(Fault::Connect)),
            ("42501", false, Some(Fault::Rights)),
            ("42P01", false, Some(Fault::Schema)),
            ("25006", false, Some(Fault::ReadOnly)),
            ("53300", true, Some(Fault::Full)),
            ("57P03", true, Some(Fault::Restarting)),
            ("08P01", true, Some(Fault::Rejected)),
            ("23505", false, None),
        ] {
            assert_eq!(Fault::from_code(code, ends), fault, "{code}");
        }
    }

    #[test]
    fn a_connection_that_was_rejected_says_so_to_each_who_waited() {
        let (text, fault) = ("no password for bob".to_owned(), Fault::Password);
        let rejected = io::Error::other(NotConnected { text, fault });
        let error = StoreError::Driver(Error::Io(rejected));
        assert_eq!(error.fault(), Some(Fault::Password));
        assert!(error.to_string().ends_with("no password for bob"), "{error}");
        let refused = StoreError::Driver(Error::Io(io::ErrorKind::ConnectionRefused.into()));
        assert_eq!(refused.fault(), Some(Fault::Silent));
    }

    #[test]
    fn a_schema_of_another_program_is_newer_or_of_another_build() {
        let newer = StoreError::Migrate(MigrateError::VersionMissing(1));
        assert_eq!(newer.fault(), Some(Fault::Newer));
        let other = StoreError::Migrate(MigrateError::VersionMismatch(1));
        assert_eq!(other.fault(), Some(Fault::OtherBuild));
        assert_eq!(StoreError::Missing("projects").fault(), None);
    }
}
