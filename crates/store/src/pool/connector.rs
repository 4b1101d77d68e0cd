//! Making connections, in tasks of the pool's own.
//!
//! An attempt goes on when the request that began it has given up, and what it makes serves the
//! next one. After a failure a single attempt at a time goes on, with short pauses, until one
//! succeeds; so the pool is back soon after the database, however many requests come and go in the
//! meantime. A failure that waiting cannot cure (a wrong password, no such database) is reported
//! immediately to those who wait, unless connections that there are serve them: a password that has
//! been changed, or a pooler that is full and says so in words of its own, keeps out new ones alone.
//! Attempts end with the pool.

use std::io;
use std::sync::{Arc, Weak};

use sqlx::Error;
use tokio::sync::watch;

use super::connection::PgConnection;
use super::limits::{RETRY_FIRST, RETRY_MOST};
use super::shared::Shared;
use crate::fault::{Fault, NotConnected};

/// Why no connection could be made.
pub(super) struct Failure {
    text: String,
    kind: io::ErrorKind,
    pub(super) fault: Fault,
    /// Whether the server is on its way, or cannot be reached at the moment.
    passing: bool,
}

impl Failure {
    fn new(error: &Error) -> Self {
        let (kind, text) = match error {
            // [`Self::to_error`] names the kind of error again.
            Error::Io(error) => (error.kind(), error.to_string()),
            Error::Database(error) => (io::ErrorKind::Other, error.message().to_owned()),
            other => (io::ErrorKind::Other, other.to_string()),
        };
        let fault = Fault::from_driver(error).unwrap_or(Fault::Silent);
        Self { text, kind, fault, passing: is_passing(error) }
    }

    /// The same for each who waited.
    pub(super) fn to_error(&self) -> Error {
        let rejected = NotConnected { text: self.text.clone(), fault: self.fault };
        Error::Io(io::Error::new(self.kind, rejected))
    }
}

/// A server that starts, stops or has no place left (57P03, 57P01, 53300), and every failure of the
/// way there, may be over in a moment.
fn is_passing(error: &Error) -> bool {
    match error {
        Error::Io(_) | Error::Protocol(_) => true,
        Error::Database(error) => {
            error.code().is_some_and(|code| ["57P", "53", "08"].iter().any(|c| code.starts_with(c)))
        }
        _ => false,
    }
}

/// Ends when waiting for a connection is of no use, with the reason.
pub(super) async fn rejected(
    failure: &mut watch::Receiver<Option<Arc<Failure>>>,
    shared: &Shared,
) -> Error {
    loop {
        if failure.changed().await.is_err() {
            return Error::PoolClosed;
        }
        let latest = failure.borrow_and_update().clone();
        if let Some(failure) = latest.filter(|failure| !failure.passing && shared.is_away()) {
            return failure.to_error();
        }
    }
}

/// An attempt that the pool counts as long as this lives.
pub(super) struct Attempt(Weak<Shared>);

impl Attempt {
    pub(super) const fn new(pool: Weak<Shared>) -> Self {
        Self(pool)
    }

    /// Gives way to the connection that it made.
    fn becomes(mut self, connection: PgConnection, shared: &Arc<Shared>) {
        shared.add(connection);
        self.0 = Weak::new();
    }

    /// Leaves it to the other attempts, if there are any. Of several that fail concurrently, one
    /// goes on.
    fn yields(&mut self, shared: &Shared) -> bool {
        let yields = shared.attempt_yields();
        if yields {
            // It is not counted any more.
            self.0 = Weak::new();
        }
        yields
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if let Some(shared) = self.0.upgrade() {
            shared.attempt_ended();
        }
    }
}

/// Tries to connect until it succeeds, another attempt is left, or the pool is gone.
pub(super) async fn run(mut attempt: Attempt) {
    let mut pause = RETRY_FIRST;
    loop {
        let target = match attempt.0.upgrade() {
            Some(shared) if !shared.is_closed() => shared.target.clone(),
            _ => return,
        };
        let connected = target.connect().await;
        let Some(shared) = attempt.0.upgrade() else { return };
        match connected {
            Ok(connection) => {
                succeeded(&shared);
                return attempt.becomes(connection, &shared);
            }
            Err(error) => failed(&shared, &error),
        }
        if attempt.yields(&shared) {
            return;
        }
        drop(shared);
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(RETRY_MOST);
    }
}

fn succeeded(shared: &Shared) {
    if shared.failure.send_replace(None).is_some() {
        tracing::info!("the database can be reached again");
    }
}

fn failed(shared: &Shared, error: &Error) {
    let before = shared.failure.send_replace(Some(Arc::new(Failure::new(error))));
    if before.is_none() {
        tracing::warn!(%error, "the database cannot be reached; trying again until it can");
        if matches!(error, Error::Io(error) if error.kind() == io::ErrorKind::TimedOut) {
            tokio::spawn(shared.target.clone().name_silent_addresses());
        }
    }
}
