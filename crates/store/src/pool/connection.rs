//! One connection, on which every statement ends.
//!
//! It guarantees that
//!
//! - a statement takes at most [`Limits::answer`], whether the server lives or not;
//! - every statement runs in READ COMMITTED, whatever a role, a database or a server has as the
//!   default: locks are taken first, and what is read behind one must be what stands there by then;
//! - a connection knows whether it is fit for others: one whose statement was cut off, whose
//!   transaction is open, or whose server is gone says so, and the pool repairs or closes it;
//! - behind a pooler in transaction mode no statement leaves a trace there: it runs in a
//!   transaction with its own time-outs and is prepared without a name. The author of a query does
//!   nothing for that.
//!
//! A statement that is given up may have been done by the server all the same, like one whose
//! response was lost on the way; callers treat it as such.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, Instant};

use futures::TryStreamExt as _;
use sqlx::postgres::{PgDatabaseError, PgQueryResult, PgRow, PgSeverity, PgStatement, Postgres};
use sqlx::{AssertSqlSafe, Connection as _, Either, Error, Execute, Executor as _, SqlStr};
use tokio::time::timeout;

use super::defaults;
use super::limits::Limits;
use super::target::{Pooler, timed_out};
use crate::error::{DISK_FULL, READ_ONLY};

/// How old a connection to a read-only server is before it is replaced, so that one that stays so
/// is not asked for connections all the time.
const REPLACED_AFTER: Duration = Duration::from_secs(5);

/// What an error says that only such a pooler can be the cause of.
pub const UNNAMED_POOLER: &str = "a pooler in transaction mode is in front of this database";

/// What a statement gives: how many rows it changed, or a row.
pub(super) type Step = Either<PgQueryResult, PgRow>;

/// A connection to Postgres, an executor of sqlx's queries.
pub struct PgConnection {
    pub(super) raw: sqlx::PgConnection,
    pooler: Pooler,
    limits: Limits,
    pub(super) state: State,
    in_transaction: bool,
    /// Whether a statement found no room on the server's disk.
    pub(super) met_full_disk: bool,
    pub(super) created: Instant,
    /// When it was last used.
    pub(super) used: Instant,
    /// When its server last responded.
    pub(super) answered: Instant,
}

/// Whether a connection can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Ready,
    /// A statement is under way, or was cut off.
    Busy,
    /// Its server responds, but a new connection may find a better one.
    Outdated,
    /// It is of no use any more, and those that are idle in the meantime probably are not either.
    Broken,
}

impl PgConnection {
    pub(super) async fn start(
        raw: sqlx::PgConnection,
        pooler: Pooler,
        limits: Limits,
    ) -> Result<Self, Error> {
        let now = Instant::now();
        let (state, in_transaction) = (State::Ready, false);
        let mut started = Self {
            raw,
            pooler,
            limits,
            state,
            in_transaction,
            met_full_disk: false,
            created: now,
            used: now,
            answered: now,
        };
        if pooler == Pooler::Session {
            started.run(AssertSqlSafe(started.settings("SET"))).await?;
        }
        Ok(started)
    }

    fn settings(&self, set: &str) -> String {
        let (statement, idle) =
            (self.limits.statement.as_millis(), self.limits.idle_in_transaction.as_millis());
        format!(
            "{set} statement_timeout = {statement}; \
             {set} idle_in_transaction_session_timeout = {idle}; {}",
            defaults::statements(set)
        )
    }

    /// Begins a transaction with this statement.
    pub(super) async fn begin(&mut self, words: &str) -> Result<(), Error> {
        let begin = match self.pooler {
            Pooler::Session => words.to_owned(),
            Pooler::Transaction => {
                format!("{}; {}", read_committed(words), self.settings("SET LOCAL"))
            }
        };
        // From here on it may have begun, whatever becomes of the response.
        self.in_transaction = true;
        self.ask(AssertSqlSafe(begin)).await.map(drop)
    }

    /// Ends the transaction.
    pub(super) async fn end(&mut self, how: End) -> Result<(), Error> {
        let word = match how {
            // The server undoes it by itself when it sees that we are gone.
            End::Rollback if self.state == State::Broken => return Ok(()),
            End::Commit => "COMMIT",
            End::Rollback => "ROLLBACK",
        };
        let ended = self.ask(word).await;
        // A commit that the server rejects has undone everything.
        self.in_transaction = self.state == State::Broken;
        ended.map(drop)
    }

    /// Runs a statement to its end.
    pub(super) async fn run<'q, E>(&mut self, query: E) -> Result<Vec<Step>, Error>
    where
        E: Execute<'q, Postgres> + 'q,
    {
        if self.pooler == Pooler::Session || self.in_transaction {
            return self.ask(query).await;
        }
        self.begin("BEGIN").await?;
        let steps = self.ask(query).await;
        let ended = self.end(if steps.is_ok() { End::Commit } else { End::Rollback }).await;
        let steps = steps?;
        ended.map(|()| steps)
    }

    async fn ask<'q, E>(&mut self, query: E) -> Result<Vec<Step>, Error>
    where
        E: Execute<'q, Postgres> + 'q,
    {
        if self.state == State::Broken {
            // A caller that goes on after an error must not wait for the same silence again.
            return Err(Error::Io(std::io::ErrorKind::NotConnected.into()));
        }
        let query = Prepared { query, named: self.pooler == Pooler::Session };
        self.state = State::Busy;
        let steps = timeout(self.limits.answer, self.raw.fetch_many(query).try_collect()).await;
        self.settle(steps.unwrap_or_else(|_| Err(no_answer(self.limits.answer))))
    }

    /// Checks that the server responds, within [`Limits::check`].
    pub(super) async fn check(&mut self) -> Result<(), Error> {
        self.state = State::Busy;
        let answer = timeout(self.limits.check, self.raw.ping()).await;
        self.settle(answer.unwrap_or_else(|_| Err(no_answer(self.limits.check))))
    }

    /// Makes a connection fit for others that was left in the middle of something.
    pub(super) async fn recover(&mut self) -> Result<(), Error> {
        self.state = State::Busy;
        // What the statement has left to say comes first; that takes as long as the statement does.
        let answer = timeout(self.limits.answer, self.raw.ping()).await;
        let drained = self.settle(answer.unwrap_or_else(|_| Err(no_answer(self.limits.answer))));
        match self.state {
            // It ended with an error of its own, which no caller waits for any more.
            State::Ready if self.in_transaction => self.end(End::Rollback).await,
            State::Ready => Ok(()),
            State::Busy | State::Outdated | State::Broken => drained,
        }
    }

    /// Has it closed instead of given to others.
    pub(super) const fn retire(&mut self) {
        self.state = State::Outdated;
    }

    /// Whether it can be given to others as it is.
    pub(super) fn is_clean(&self) -> bool {
        self.state == State::Ready && !self.in_transaction
    }

    fn settle<T>(&mut self, answer: Result<T, Error>) -> Result<T, Error> {
        match answer {
            Ok(answer) => {
                self.state = State::Ready;
                self.answered = Instant::now();
                Ok(answer)
            }
            Err(error) => {
                self.state = self.state_after(&error);
                self.met_full_disk |= has_code(&error, DISK_FULL);
                Err(self.explain(error))
            }
        }
    }

    fn state_after(&self, error: &Error) -> State {
        if breaks(error) {
            State::Broken
        } else if is_read_only(error) && self.created.elapsed() > REPLACED_AFTER {
            State::Outdated
        } else {
            State::Ready
        }
    }

    /// Two clients of one server connection get in the way of each other's statement names.
    fn explain(&self, error: Error) -> Error {
        let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
        let mixed_up = matches!(code.as_deref(), Some("26000" | "42P05"));
        if self.pooler == Pooler::Transaction || !mixed_up {
            return error;
        }
        Error::Configuration(
            format!("{error}; {UNNAMED_POOLER}: set SENDPROMPTLY_DATABASE_POOLER=transaction")
                .into(),
        )
    }
}

impl fmt::Debug for PgConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgConnection").field("state", &self.state).finish_non_exhaustive()
    }
}

/// How a transaction ends.
#[derive(Debug, Clone, Copy)]
pub(super) enum End {
    Commit,
    Rollback,
}

/// The same statement, which names the level of the transaction that it begins: the default of the
/// pooler's session is anyone's.
fn read_committed(begin: &str) -> Cow<'_, str> {
    match begin.strip_prefix("BEGIN") {
        Some(rest) if !rest.trim_start().starts_with("ISOLATION LEVEL") => {
            Cow::Owned(format!("BEGIN ISOLATION LEVEL READ COMMITTED{rest}"))
        }
        _ => Cow::Borrowed(begin),
    }
}

fn no_answer(limit: Duration) -> Error {
    timed_out(format!("the database did not respond within {} s", limit.as_secs_f32()))
}

/// Whether a connection is of no use after this error.
fn breaks(error: &Error) -> bool {
    match error {
        Error::Database(error) => error
            .try_downcast_ref::<PgDatabaseError>()
            .is_some_and(|error| matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic)),
        Error::Encode(_) | Error::TypeNotFound { .. } => false,
        _ => true,
    }
}

/// Whether the server takes no writes. After a fail-over the connections to a server that was
/// demoted stay open, and the address already leads to another.
fn is_read_only(error: &Error) -> bool {
    has_code(error, READ_ONLY)
}

fn has_code(error: &Error, code: &str) -> bool {
    error.as_database_error().is_some_and(|error| error.code().as_deref() == Some(code))
}

/// A query that is prepared under a name, and so only once, or without one. Without a cache sqlx
/// would still give names; behind a pooler they meet those of others.
struct Prepared<E> {
    query: E,
    named: bool,
}

impl<'q, E: Execute<'q, Postgres>> Execute<'q, Postgres> for Prepared<E> {
    fn sql(self) -> SqlStr {
        self.query.sql()
    }

    fn statement(&self) -> Option<&PgStatement> {
        self.query.statement()
    }

    fn take_arguments(
        &mut self,
    ) -> Result<Option<sqlx::postgres::PgArguments>, sqlx::error::BoxDynError> {
        self.query.take_arguments()
    }

    fn persistent(&self) -> bool {
        self.named && self.query.persistent()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_names_its_level_unless_its_author_does() {
        for (words, named) in [
            ("BEGIN", "BEGIN ISOLATION LEVEL READ COMMITTED"),
            ("BEGIN READ ONLY", "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY"),
            (
                "BEGIN; SET LOCAL jit = off",
                "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL jit = off",
            ),
            (
                "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
                "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            ),
        ] {
            assert_eq!(read_committed(words), named);
        }
    }
}
