//! Where connections go, and the settings that each of them gets when it starts.
//!
//! Nothing is sent at the start of a connection that a pooler between us and Postgres rejects:
//! pgbouncer takes no `options` and no `extra_float_digits`. So time-outs are statements: once per
//! connection ([`Pooler::Session`]), or at the start of every transaction
//! ([`Pooler::Transaction`]), because there the next transaction may run on another connection of
//! the pooler's.

use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Error};
use tokio::time::timeout;

use super::addresses::find_silent;
use super::connection::PgConnection;
use super::limits::Limits;

/// The pooler between us and Postgres.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Pooler {
    /// Nothing, or a pooler that keeps one server connection for each of ours.
    #[default]
    Session,
    /// A pooler that gives the server connection to others after each transaction. Every statement
    /// runs in a transaction with its own time-outs, and is prepared without a name.
    Transaction,
}

impl FromStr for Pooler {
    type Err = UnknownPooler;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "session" => Ok(Self::Session),
            "transaction" => Ok(Self::Transaction),
            _ => Err(UnknownPooler),
        }
    }
}

/// A text that names no kind of pooler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be session or transaction")]
pub struct UnknownPooler;

/// Where a pool connects to.
#[derive(Clone)]
pub(super) struct PoolTarget {
    options: PgConnectOptions,
    pub(super) pooler: Pooler,
    pub(super) limits: Limits,
}

impl PoolTarget {
    pub(super) fn parse(url: &str, pooler: Pooler, limits: Limits) -> Result<Self, Error> {
        Ok(Self { options: connect_options(url)?, pooler, limits })
    }

    /// A connection without any setting of ours.
    pub(super) async fn open(&self) -> Result<sqlx::PgConnection, Error> {
        self.options.connect().await
    }

    /// Logs which addresses of the database's name say nothing, where others take connections.
    pub(super) async fn name_silent_addresses(self) {
        if self.options.get_socket().is_some() {
            return;
        }
        for address in find_silent(self.options.get_host(), self.options.get_port()).await {
            tracing::warn!(
                %address, "an address of the database says nothing: each new connection that begins with it fails, \
                 although another one takes connections",
            );
        }
    }

    /// A connection that is ready for use; gives up after [`Limits::connect`].
    pub(super) async fn connect(&self) -> Result<PgConnection, Error> {
        let ready = async {
            let raw = self.open().await?;
            PgConnection::start(raw, self.pooler, self.limits).await
        };
        timeout(self.limits.connect, ready).await.unwrap_or_else(|_| {
            let seconds = self.limits.connect.as_secs_f32();
            Err(timed_out(format!("connecting to the database took longer than {seconds} s")))
        })
    }
}

/// The options of every connection of ours.
///
/// # Errors
/// When `url` is no Postgres URL.
pub(super) fn connect_options(url: &str) -> Result<PgConnectOptions, Error> {
    // Values travel in binary, which `extra_float_digits` does not touch.
    Ok(PgConnectOptions::from_str(url)?.application_name("sendpromptly").extra_float_digits(None))
}

pub(super) fn timed_out(text: String) -> Error {
    Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pooler_is_named_exactly() {
        assert_eq!("session".parse(), Ok(Pooler::Session));
        assert_eq!("transaction".parse(), Ok(Pooler::Transaction));
        for wrong in ["", "Transaction", "statement", "pgbouncer"] {
            assert_eq!(wrong.parse::<Pooler>(), Err(UnknownPooler), "{wrong}");
        }
    }
}
