//! The connections to Postgres.
//!
//! A pool of our own, because what people run decides what it must do, and no pool on offer does it
//! (`docs/decisions/0030-own-pool.md` says which was weighed). It guarantees that
//!
//! - a request never waits for long: not for a connection, not for a statement, not for a server
//!   that is gone silently ([`Limits`]);
//! - a database that returns is used within a second, however many requests ask for it in the
//!   meantime;
//! - poolers between us and Postgres work, in session and in transaction mode ([`Pooler`]).
//!
//! What is given up may have been done: an error says that the outcome is not known, never that
//! nothing happened. Queries are sqlx's and run on a [`PgPool`], a [`PooledConnection`] or a
//! [`Transaction`]; the latter two lend a [`PgConnection`].

mod addresses;
mod connection;
mod connector;
mod defaults;
mod executor;
mod limits;
mod maintenance;
mod pooled;
mod schema;
mod sessions;
mod shared;
mod target;

use std::fmt;
use std::sync::Arc;

use sqlx::{Error, SqlSafeStr};

pub use connection::{PgConnection, UNNAMED_POOLER};
pub use limits::Limits;
pub use pooled::{PooledConnection, Transaction};
pub use schema::{READ_ONLY_CURE, is_writable, migrate, pending_migrations, unknown_migrations};
pub(crate) use schema::{connect_alone, take_turn};
pub use sessions::share_sessions;
use shared::Shared;
use target::PoolTarget;
pub use target::{Pooler, UnknownPooler};

use crate::StoreError;
use crate::fault::Fault;

/// A pool of connections. Clones share it; it ends with the last of them.
#[derive(Clone)]
pub struct PgPool(Arc<Shared>);

/// How many connections a pool has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolUsage {
    /// Those that nobody uses now.
    pub idle: u32,
    /// All that are open.
    pub open: u32,
    /// How many there may be.
    pub most: u32,
    /// Callers that wait for one now.
    pub waiting: u32,
    /// Callers that have had to wait for one, since the pool was made.
    pub waits: u64,
    /// Connections that were found broken, since then. Idle ones that are closed with such a one do not count.
    pub lost: u64,
}

/// What a pool is like.
#[derive(Debug, Clone, Copy)]
pub struct PoolOptions {
    /// The most concurrent connections.
    pub max_connections: u32,
    /// The pooler between us and Postgres.
    pub pooler: Pooler,
    /// How long things may take.
    pub limits: Limits,
}

impl PoolOptions {
    /// As the product uses it, straight to Postgres or through a pooler in session mode.
    #[must_use]
    pub fn new(max_connections: u32) -> Self {
        Self { max_connections, pooler: Pooler::default(), limits: Limits::default() }
    }

    /// The same behind a pooler.
    #[must_use]
    pub const fn behind(self, pooler: Pooler) -> Self {
        Self { pooler, ..self }
    }
}

/// A pool straight to Postgres, with the limits of the product.
///
/// # Errors
/// When `url` is no Postgres URL.
pub fn connect_lazily(url: &str, max_connections: u32) -> Result<PgPool, StoreError> {
    open(url, PoolOptions::new(max_connections))
}

/// A pool that connects when it is first used, so that a process starts while the database is down.
///
/// # Errors
/// When `url` is no Postgres URL.
pub fn open(url: &str, options: PoolOptions) -> Result<PgPool, StoreError> {
    let target = PoolTarget::parse(url, options.pooler, options.limits)?;
    let shared = Shared::new(target, options.max_connections);
    tokio::spawn(maintenance::run(Arc::downgrade(&shared), options.limits.keep_alive));
    Ok(PgPool(shared))
}

impl PgPool {
    /// A connection, for several statements in a row.
    ///
    /// # Errors
    /// When the database cannot be reached, or all connections stay taken.
    pub async fn acquire(&self) -> Result<PooledConnection, Error> {
        self.0.acquire().await
    }

    /// Begins a transaction.
    pub async fn begin(&self) -> Result<Transaction, Error> {
        Transaction::begin(self.acquire().await?, "BEGIN").await
    }

    /// Begins a transaction with its own statement, such as `BEGIN READ ONLY`, and settings behind
    /// it.
    ///
    /// # Errors
    /// When the database is out of reach or does not know the statement.
    pub async fn begin_with(&self, words: impl SqlSafeStr) -> Result<Transaction, Error> {
        Transaction::begin(self.acquire().await?, words.into_sql_str().as_str()).await
    }

    /// Why the last attempt to connect failed; `None` once one succeeded, or before the first has
    /// ended.
    #[must_use]
    pub fn connect_failure(&self) -> Option<String> {
        self.0.failure.borrow().as_deref().map(|failure| failure.to_error().to_string())
    }

    /// The same as one of the faults that a database can have.
    #[must_use]
    pub fn connect_fault(&self) -> Option<Fault> {
        self.0.failure.borrow().as_deref().map(|failure| failure.fault)
    }

    /// Whether the database is away: no connection can be made, and none that there is serves requests.
    #[must_use]
    pub fn is_away(&self) -> bool {
        self.0.is_away()
    }

    /// Whether a statement found no room on the server's disk within the last half a minute. What needs
    /// no more room may be taken all the same.
    #[must_use]
    pub fn met_full_disk(&self) -> bool {
        self.0.met_full_disk()
    }

    /// How many connections there are.
    #[must_use]
    pub fn usage(&self) -> PoolUsage {
        self.0.usage()
    }

    /// Accepts no more callers and closes what is idle. What is in use is closed when it is given
    /// back; it is not waited for, because its server may be gone.
    pub async fn close(&self) {
        self.0.close().await;
    }
}

/// Runs a change in a transaction of its own: it lasts if the change succeeds, and nothing of it
/// stays if it fails.
///
/// # Errors
/// The change's, and when the database fails; whether the change was kept is not known if it failed
/// while it was committed.
pub async fn transaction<T, E: From<StoreError>>(
    pool: &PgPool,
    change: impl AsyncFnOnce(&mut PgConnection) -> Result<T, E>,
) -> Result<T, E> {
    let mut tx = begin(pool).await?;
    let done = change(&mut tx).await?;
    commit(tx).await?;
    Ok(done)
}

/// What became of one of several that are seen to one after the other, each in a transaction of its own: one that fails is
/// logged, and keeps no other from being seen to. Where the database is at fault, none of them is.
pub(crate) fn or_skip<T: Default>(
    done: Result<T, StoreError>,
    what: &'static str,
    id: impl fmt::Display,
) -> Result<T, StoreError> {
    match done {
        Err(error) if !error.is_unavailable() => {
            tracing::warn!(%id, %error, "could not {what}");
            Ok(T::default())
        }
        done => done,
    }
}

/// Begins a transaction.
pub async fn begin(pool: &PgPool) -> Result<Transaction, StoreError> {
    Ok(pool.begin().await?)
}

/// The same, for what is done for many events together. Each is found by an index, however few rows the planner believes a
/// table to have: of a month that has just begun it knows nothing. A statement is planned once:
/// to plan over all months for each batch would cost ten times what the batch does.
pub async fn begin_by_index(pool: &PgPool) -> Result<Transaction, StoreError> {
    let begin = "BEGIN; SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off;
        SET LOCAL plan_cache_mode = force_generic_plan";
    Ok(pool.begin_with(begin).await?)
}

/// Makes everything in a transaction last.
///
/// # Errors
/// When the database fails; whether the change was kept is then not known.
pub async fn commit(transaction: Transaction) -> Result<(), StoreError> {
    Ok(transaction.commit().await?)
}
