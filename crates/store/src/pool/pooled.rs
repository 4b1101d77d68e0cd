//! A connection on loan, and a transaction on one.
//!
//! Dropping either gives the connection back. One that was left in the middle of a statement or a
//! transaction is first made fit again by a task of its own, which no caller waits for; one that
//! cannot be is closed. So a transaction that was not committed is undone, and its locks are free,
//! as soon as the server notices.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Instant;

use sqlx::{Connection as _, Error};
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::connection::{End, PgConnection, State};
use super::limits::GOODBYE;
use super::shared::Shared;

/// A connection on loan.
pub struct PooledConnection {
    /// Taken out only while it is dropped.
    connection: Option<PgConnection>,
    shared: Arc<Shared>,
    recovers: bool,
}

const ON_LOAN: &str = "a connection is on loan until it is dropped";

impl PooledConnection {
    pub(super) const fn new(connection: PgConnection, shared: Arc<Shared>) -> Self {
        Self { connection: Some(connection), shared, recovers: false }
    }

    /// Puts one back that was only checked: it goes on counting as unused.
    pub(super) fn put_back_unused(mut self) {
        if let Some(connection) = self.connection.take() {
            self.shared.put(connection);
        }
    }

    /// Closes it in order; what others do goes on.
    pub(super) async fn close(mut self) {
        if let Some(connection) = self.connection.take() {
            close(connection, Arc::clone(&self.shared)).await;
        }
    }
}

impl PgConnection {
    /// Says good-bye, if the server listens.
    pub(super) async fn close(self) {
        // It is closed either way.
        let _told = timeout(GOODBYE, self.raw.close()).await;
    }
}

impl Deref for PooledConnection {
    type Target = PgConnection;

    #[expect(clippy::expect_used, reason = "only `drop` and what consumes it take it out")]
    fn deref(&self) -> &PgConnection {
        self.connection.as_ref().expect(ON_LOAN)
    }
}

impl DerefMut for PooledConnection {
    #[expect(clippy::expect_used, reason = "only `drop` and what consumes it take it out")]
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.connection.as_mut().expect(ON_LOAN)
    }
}

impl fmt::Debug for PooledConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.connection.fmt(f)
    }
}

impl Drop for PooledConnection {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        connection.used = Instant::now();
        if std::mem::take(&mut connection.met_full_disk) {
            self.shared.note_full_disk();
        }
        let limits = &self.shared.target.limits;
        let expired = self.shared.is_closed() || connection.created.elapsed() > limits.lifetime;
        let unfit = !connection.is_clean();
        match (connection.state, Handle::try_current()) {
            (State::Broken | State::Outdated, _) => self.shared.forget(connection.state),
            (_, Ok(runtime)) if unfit && !self.recovers => {
                runtime.spawn(recover(connection, Arc::clone(&self.shared)));
            }
            _ if unfit => self.shared.forget(State::Outdated),
            (_, Ok(runtime)) if expired => {
                runtime.spawn(close(connection, Arc::clone(&self.shared)));
            }
            _ if expired => self.shared.forget(State::Outdated),
            _ => self.shared.put(connection),
        }
    }
}

/// Holds no loan: a runtime that ends drops immediately what is spawned, and a loan that is dropped here
/// would be given back here again, without end.
async fn close(connection: PgConnection, shared: Arc<Shared>) {
    connection.close().await;
    shared.forget(State::Outdated);
}

async fn recover(connection: PgConnection, shared: Arc<Shared>) {
    let mut on_loan = PooledConnection { connection: Some(connection), shared, recovers: true };
    if let Err(error) = on_loan.recover().await {
        tracing::debug!(%error, "a connection that was cut off is closed");
    }
}

/// A transaction; dropping it undoes everything in it.
#[derive(Debug)]
pub struct Transaction(PooledConnection);

impl Transaction {
    pub(super) async fn begin(mut on: PooledConnection, words: &str) -> Result<Self, Error> {
        on.begin(words).await?;
        Ok(Self(on))
    }

    /// Makes everything in it last.
    ///
    /// # Errors
    /// When the database fails; whether the change was kept is then not known.
    pub async fn commit(mut self) -> Result<(), Error> {
        self.0.end(End::Commit).await
    }

    /// Undoes everything in it, and waits until that is done.
    ///
    /// # Errors
    /// When the database fails; it undoes everything all the same.
    pub async fn rollback(mut self) -> Result<(), Error> {
        self.0.end(End::Rollback).await
    }
}

impl Deref for Transaction {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.0
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.0
    }
}
