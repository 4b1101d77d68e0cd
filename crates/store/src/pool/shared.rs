//! What the handles of a pool share: idle connections, and how many there are of which kind.
//!
//! Idle connections are counted by a semaphore, whose permits are handed out in order; a caller
//! that has one takes a connection off the stack. A caller that finds none waits, and only then is
//! a connection made, by tasks of the pool's own ([`super::connector`]): no request makes one, so
//! none that ends early throws one away. Locks are held for moments, never while waiting.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sqlx::Error;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

use super::PoolUsage;
use super::connection::{PgConnection, State};
use super::connector::{self, Failure};
use super::limits::{ANSWERED_WITHIN, CONNECTS_AT_ONCE, FULL_FOR, WAITING_PER_CONNECTION};
use super::pooled::PooledConnection;
use super::target::{PoolTarget, timed_out};

pub(super) struct Shared {
    pub(super) target: PoolTarget,
    max_connections: u32,
    /// As many permits as idle connections that no caller was promised.
    ready: Semaphore,
    counts: Mutex<Counts>,
    /// Why the last attempt to connect failed, until one succeeds.
    pub(super) failure: watch::Sender<Option<Arc<Failure>>>,
}

#[derive(Default)]
struct Counts {
    /// The one that was used last is the last.
    idle: VecDeque<PgConnection>,
    /// All that exist, idle or not.
    open: u32,
    /// Attempts under way.
    connecting: u32,
    /// Requests that wait for a connection.
    waiting: u32,
    /// Those that have waited, or do.
    waits: u64,
    /// Connections that were found broken.
    lost: u64,
    /// When a statement last found no room on the server's disk.
    full_at: Option<Instant>,
    /// When the server last responded on a connection that was given back.
    answered_at: Option<std::time::Instant>,
}

impl Counts {
    /// Whether more wait than there are connections on the way to them: those being made, and those
    /// that are idle, because a caller counts as waiting until it has taken what it was promised.
    fn lack_connections(&self) -> bool {
        let idle = u32::try_from(self.idle.len()).unwrap_or(u32::MAX);
        self.waiting > self.connecting.saturating_add(idle)
    }

    /// Whether the connections that there are serve requests.
    fn serve(&self) -> bool {
        let answers = self.answered_at.is_some_and(|at| at.elapsed() < ANSWERED_WITHIN);
        self.open > 0 && answers
    }
}

impl Shared {
    pub(super) fn new(target: PoolTarget, max_connections: u32) -> Arc<Self> {
        Arc::new(Self {
            target,
            max_connections,
            ready: Semaphore::new(0),
            counts: Mutex::default(),
            failure: watch::Sender::new(None),
        })
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether no connection can be made, and none that there is serves requests. A server that lets no more
    /// in than it has is not away.
    pub(super) fn is_away(&self) -> bool {
        let failed = self.failure.borrow().is_some();
        failed && !self.counts().serve()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.ready.is_closed()
    }

    /// An idle connection, or the next one that is given back or made.
    pub(super) async fn acquire(self: &Arc<Self>) -> Result<PooledConnection, Error> {
        let deadline = Instant::now() + self.target.limits.acquire;
        loop {
            let mut found = match self.try_take() {
                Some(found) => found,
                None => self.wait(deadline).await?,
            };
            let rested = found.answered.elapsed() > self.target.limits.check_after;
            // One that is dead takes the other idle ones along when it is dropped.
            if !rested || found.check().await.is_ok() {
                return Ok(found);
            }
        }
    }

    /// An idle connection, as long as no caller waits for it.
    pub(super) fn try_take(self: &Arc<Self>) -> Option<PooledConnection> {
        self.take_idle(VecDeque::pop_back)
    }

    /// The idle connection that was unused for the longest time.
    pub(super) fn try_take_oldest(self: &Arc<Self>) -> Option<PooledConnection> {
        self.take_idle(VecDeque::pop_front)
    }

    fn take_idle(
        self: &Arc<Self>,
        take: impl FnOnce(&mut VecDeque<PgConnection>) -> Option<PgConnection>,
    ) -> Option<PooledConnection> {
        self.ready.try_acquire().ok()?.forget();
        let mut counts = self.counts();
        let connection = take(&mut counts.idle)?;
        let was_counted_on = counts.lack_connections();
        drop(counts);
        if was_counted_on {
            self.grow();
        }
        Some(PooledConnection::new(connection, Arc::clone(self)))
    }

    async fn wait(self: &Arc<Self>, deadline: Instant) -> Result<PooledConnection, Error> {
        let mut failure = self.failure.subscribe();
        let _waiting = Waiting::start(self)?;
        tokio::select! {
            biased;
            permit = self.ready.acquire() => {
                permit.map_err(|_| Error::PoolClosed)?.forget();
                let connection = self.counts().idle.pop_back().ok_or(Error::PoolTimedOut)?;
                Ok(PooledConnection::new(connection, Arc::clone(self)))
            }
            error = connector::rejected(&mut failure, self) => Err(error),
            () = tokio::time::sleep_until(deadline) => Err(self.unavailable()),
        }
    }

    /// Why there is no connection: the database is away, or all are taken.
    fn unavailable(&self) -> Error {
        let failure = self.failure.borrow();
        failure.as_deref().map_or_else(|| none_in_time(self), Failure::to_error)
    }

    /// Starts another attempt to connect if a caller waits for it and it may be made. While the
    /// database is away, one is enough.
    pub(super) fn grow(self: &Arc<Self>) {
        let at_once = if self.failure.borrow().is_some() { 1 } else { CONNECTS_AT_ONCE };
        let mut counts = self.counts();
        let wanted = counts.lack_connections() && counts.connecting < at_once;
        if wanted && counts.open + counts.connecting < self.max_connections && !self.is_closed() {
            counts.connecting += 1;
            drop(counts);
            // A runtime that ends drops immediately what is spawned, and that counts the attempt out.
            tokio::spawn(connector::run(connector::Attempt::new(Arc::downgrade(self))));
        }
    }

    pub(super) fn usage(&self) -> PoolUsage {
        let counts = self.counts();
        let idle = u32::try_from(counts.idle.len()).unwrap_or(u32::MAX);
        let Counts { open, waiting, waits, lost, .. } = *counts;
        PoolUsage { idle, open, most: self.max_connections, waiting, waits, lost }
    }

    /// A statement found no room on the server's disk.
    pub(super) fn note_full_disk(&self) {
        self.counts().full_at = Some(Instant::now());
    }

    pub(super) fn met_full_disk(&self) -> bool {
        self.counts().full_at.is_some_and(|at| at.elapsed() < FULL_FOR)
    }

    /// How many connections are idle.
    pub(super) fn idle(&self) -> usize {
        self.ready.available_permits()
    }

    /// Counts an attempt out unless it is the last one.
    pub(super) fn attempt_yields(&self) -> bool {
        let mut counts = self.counts();
        let yields = counts.connecting > 1;
        counts.connecting -= u32::from(yields);
        yields
    }

    pub(super) fn attempt_ended(&self) {
        self.counts().connecting -= 1;
    }

    /// A new connection, in place of the attempt that made it. Whoever it is promised to has not
    /// taken it while it is judged whether another one is needed.
    pub(super) fn add(self: &Arc<Self>, connection: PgConnection) {
        let mut counts = self.counts();
        counts.connecting -= 1;
        counts.open += 1;
        counts.idle.push_back(connection);
        let lacking = counts.lack_connections();
        drop(counts);
        self.ready.add_permits(1);
        if lacking {
            self.grow();
        }
    }

    /// A connection that is fit for the next one.
    pub(super) fn put(&self, connection: PgConnection) {
        let mut counts = self.counts();
        counts.answered_at = counts.answered_at.max(Some(connection.answered));
        counts.idle.push_back(connection);
        drop(counts);
        self.ready.add_permits(1);
    }

    /// A connection that is gone. If its server is gone, so are probably those that are idle.
    pub(super) fn forget(self: &Arc<Self>, state: State) {
        let mut counts = self.counts();
        counts.open -= 1;
        counts.lost += u64::from(state == State::Broken);
        drop(counts);
        while state == State::Broken
            && let Ok(permit) = self.ready.try_acquire()
        {
            permit.forget();
            let mut counts = self.counts();
            let idle = counts.idle.pop_front();
            counts.open -= u32::from(idle.is_some());
            drop(counts);
            drop(idle);
        }
        self.grow();
    }

    /// Accepts no more callers and says good-bye on what is idle. What is in use ends when it is
    /// given back.
    pub(super) async fn close(&self) {
        self.ready.close();
        let idle = std::mem::take(&mut self.counts().idle);
        let goodbyes = idle.into_iter().map(PgConnection::close);
        futures::future::join_all(goodbyes).await;
    }
}

/// A request in the queue.
struct Waiting<'a>(&'a Arc<Shared>);

impl<'a> Waiting<'a> {
    /// Joins the queue, unless it is too long to be served. While the database is away, only as
    /// many wait as there can be connections, so that they are the first when it returns.
    fn start(shared: &'a Arc<Shared>) -> Result<Self, Error> {
        if shared.is_closed() {
            return Err(Error::PoolClosed);
        }
        let away = shared.is_away();
        let each = if away { 1 } else { WAITING_PER_CONNECTION };
        let mut counts = shared.counts();
        if counts.waiting >= shared.max_connections * each {
            drop(counts);
            return Err(if away { shared.unavailable() } else { too_many(shared) });
        }
        counts.waiting += 1;
        counts.waits += 1;
        drop(counts);
        shared.grow();
        Ok(Self(shared))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.counts().waiting -= 1;
    }
}

fn too_many(shared: &Shared) -> Error {
    let most = shared.max_connections * WAITING_PER_CONNECTION;
    timed_out(format!("{most} requests already wait for a connection to the database"))
}

fn none_in_time(shared: &Shared) -> Error {
    let seconds = shared.target.limits.acquire.as_secs_f32();
    timed_out(format!(
        "no connection to the database within {seconds} s: all of ours are in use, or the server or its \
         pooler has none left"
    ))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use tokio::runtime::Builder;

    use super::*;
    use crate::pool::{Limits, Pooler};

    #[test]
    fn a_request_that_comes_while_the_runtime_ends_waits_for_nothing_of_its_own() {
        let nowhere = "postgres://sendpromptly@127.0.0.1:1/none";
        let target = PoolTarget::parse(nowhere, Pooler::Session, Limits::default());
        let shared = Shared::new(target.expect("an address"), 1);
        let (done, end) = mpsc::channel();
        std::thread::spawn(move || {
            let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
            let runtime = runtime.expect("a runtime");
            let handle = runtime.handle().clone();
            runtime.shutdown_timeout(Duration::from_secs(5));
            let _ended = handle.enter();
            drop(Waiting::start(&shared));
            let counts = shared.counts();
            let _heard = done.send((counts.connecting, counts.waiting));
        });
        let counted = end.recv_timeout(Duration::from_secs(10));
        assert_eq!(counted, Ok((0, 0)), "nothing is under way and nobody waits");
    }
}
