//! Group commit: what comes while a batch is being committed is committed together afterwards.
//!
//! There is no timer. Work that comes when nothing is under way is a batch of one and starts
//! immediately; the busier the database is, the larger the next batch. It guarantees that
//!
//! - two works that share a name are never under way at the same time: the second one waits for the
//!   end of the first, so a batch never has to order its members;
//! - work that has joined is done even if its client hangs up, and the drain of
//!   [`serve`](crate::serve) waits for it;
//! - nobody waits for long: what cannot be begun in time, and what comes when too many wait, gets
//!   its 503 immediately, as [`store::pool`] does it for single requests; a batch that hangs keeps
//!   its own members waiting and no others;
//! - a batch that panics takes only its own members along.
//!
//! How a batch is committed, and what becomes of a member for which that fails, is the
//! [`Group`]'s to say.

mod queue;

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use store::PgPool;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::timeout;

use self::queue::{Queue, Ticket};
use crate::error::ApiError;
use crate::serve::Detached;

/// The most members of a batch.
const MOST: usize = 256;
/// How many batches are committed at the same time: while one waits for the disk, the other one
/// computes.
const BATCHES: usize = 2;
/// How many may wait. The next one is rejected: it would not be begun in time.
const WAITING: usize = 4096;
/// How many may wait while the database is away.
const WAITING_FOR_DATABASE: usize = 16;
/// How long work waits to be begun.
const TIMEOUT: Duration = Duration::from_secs(3);

/// After this a batch leaves its place to others: it hangs, perhaps on a connection on which nothing
/// comes through any more, and the next one may find a better one.
const HANGS: Duration = Duration::from_secs(5);

/// What two works have in common that must not be under way at the same time. Different things may
/// have the same name: they wait for each other without need.
pub type Name = u64;

/// Work of one kind, and how several of them are committed together.
pub trait Group: Sized + Send + Sync + 'static {
    type Work: Send + Sync + 'static;
    /// What comes of it.
    type Output: Send + 'static;

    /// The names of a work.
    fn names(&self, work: &Self::Work) -> [Name; 2];

    /// Commits a batch and responds to each member. One that is kept longer keeps its names.
    fn commit(&self, batch: Vec<Member<Self>>) -> impl Future<Output = ()> + Send;
}

/// Work that is under way. Dropping it without a response is a failure of ours.
pub struct Member<G: Group> {
    waiting: Waiting<G>,
    held: Held<G>,
}

impl<G: Group> Member<G> {
    pub const fn work(&self) -> &G::Work {
        &self.waiting.work
    }

    /// Responds to the client, if it is still there, and gives up the names.
    pub fn respond(self, response: Result<G::Output, ApiError>) {
        // A client that has hung up asks again under the same key.
        let _told = self.waiting.reply.send(response);
        drop(self.held);
    }
}

/// Commits work of one kind in batches. Clones share them.
pub struct GroupCommit<G: Group>(Arc<Shared<G>>);

impl<G: Group> Clone for GroupCommit<G> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<G: Group> GroupCommit<G> {
    /// Its batches run as `detached` work on this pool.
    pub fn new(group: G, pool: PgPool, detached: Detached) -> Self {
        Self::with_timeout(group, pool, detached, TIMEOUT)
    }

    fn with_timeout(group: G, pool: PgPool, detached: Detached, timeout: Duration) -> Self {
        Self(Arc::new(Shared { group, pool, detached, timeout, commits: Mutex::default() }))
    }

    /// Has work done together with what else there is. Dropping the future does not stop it.
    ///
    /// # Errors
    /// What the group responds; [`ApiError::Unavailable`] if it could not be begun in time.
    pub async fn run(&self, work: G::Work) -> Result<G::Output, ApiError> {
        let (ticket, mut reply) = self.0.join(work)?;
        let reply = match timeout(self.0.timeout, &mut reply).await {
            Ok(reply) => reply,
            Err(_) if self.0.leave(ticket) => return Err(self.0.too_many()),
            Err(_) => reply.await,
        };
        reply.unwrap_or_else(|_| Err(ApiError::internal("its batch ended without a response")))
    }
}

struct Shared<G: Group> {
    group: G,
    pool: PgPool,
    detached: Detached,
    timeout: Duration,
    commits: Mutex<Commits<G>>,
}

struct Commits<G: Group> {
    queue: Queue<Waiting<G>>,
    /// Batches under way.
    running: usize,
    /// Whether the queue is being gone through.
    starting: bool,
}

impl<G: Group> Default for Commits<G> {
    fn default() -> Self {
        Self { queue: Queue::default(), running: 0, starting: false }
    }
}

impl<G: Group> Commits<G> {
    /// Whether a batch could be started that nobody is starting.
    fn may_start(&self) -> bool {
        !self.starting && self.running < BATCHES && self.queue.has_ready()
    }
}

struct Waiting<G: Group> {
    work: G::Work,
    reply: Reply<G>,
}

type Reply<G> = oneshot::Sender<Result<<G as Group>::Output, ApiError>>;
type Response<G> = oneshot::Receiver<Result<<G as Group>::Output, ApiError>>;

impl<G: Group> Shared<G> {
    fn commits(&self) -> MutexGuard<'_, Commits<G>> {
        self.commits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts work into the queue, unless that is too long.
    fn join(self: &Arc<Self>, work: G::Work) -> Result<(Ticket, Response<G>), ApiError> {
        let names = self.group.names(&work);
        let (reply, response) = oneshot::channel();
        let mut commits = self.commits();
        let waiting = commits.queue.waiting();
        if waiting >= WAITING || waiting >= WAITING_FOR_DATABASE && self.database_is_away() {
            drop(commits);
            return Err(self.too_many());
        }
        let ticket = commits.queue.join(names, Waiting { work, reply });
        self.start(commits);
        Ok((ticket, response))
    }

    /// Takes work out of the queue. `false` if it was begun.
    fn leave(self: &Arc<Self>, ticket: Ticket) -> bool {
        let mut commits = self.commits();
        let left = commits.queue.leave(ticket).is_some();
        self.start(commits);
        left
    }

    fn database_is_away(&self) -> bool {
        self.pool.is_away()
    }

    fn too_many(&self) -> ApiError {
        let why = self.pool.connect_failure();
        ApiError::unavailable(why.unwrap_or_else(|| "too many requests already wait".to_owned()))
    }

    /// Starts as many batches as there may be. Called whenever something may have become ready, or
    /// a batch has ended, with the lock under which that was noted: most calls start nothing. One
    /// call goes through the queue for all.
    fn start(self: &Arc<Self>, mut commits: MutexGuard<'_, Commits<G>>) {
        if !commits.may_start() || Handle::try_current().is_err() {
            return;
        }
        commits.starting = true;
        drop(commits);
        // A runtime that ends drops what is spawned, and that comes back here: to return above.
        while let Some((batch, slot)) = self.next_batch() {
            let shared = Arc::clone(self);
            self.detached.spawn(async move {
                let mut commit = pin!(shared.group.commit(batch));
                let done = timeout(HANGS, &mut commit).await;
                drop(slot);
                if done.is_err() {
                    commit.await;
                }
            });
        }
    }

    fn next_batch(self: &Arc<Self>) -> Option<(Vec<Member<G>>, Slot<G>)> {
        let mut commits = self.commits();
        let free = if commits.running < BATCHES { MOST } else { 0 };
        let taken = commits.queue.take(free);
        if taken.is_empty() {
            commits.starting = false;
            return None;
        }
        commits.running += 1;
        drop(commits);
        let batch = taken.into_iter().map(|(ticket, waiting)| Member {
            waiting,
            held: Held { ticket, shared: Arc::clone(self) },
        });
        Some((batch.collect(), Slot(Arc::clone(self))))
    }
}

/// The names of work that is under way.
struct Held<G: Group> {
    ticket: Ticket,
    shared: Arc<Shared<G>>,
}

impl<G: Group> Drop for Held<G> {
    fn drop(&mut self) {
        let mut commits = self.shared.commits();
        commits.queue.release(self.ticket);
        self.shared.start(commits);
    }
}

/// The place of a batch that is under way.
struct Slot<G: Group>(Arc<Shared<G>>);

impl<G: Group> Drop for Slot<G> {
    fn drop(&mut self) {
        let mut commits = self.0.commits();
        commits.running -= 1;
        self.0.start(commits);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::{mpsc, watch};
    use tokio::task::JoinHandle;

    /// Notes its batches and commits none before it may.
    struct Noted {
        batches: mpsc::UnboundedSender<Vec<&'static str>>,
        open: watch::Receiver<bool>,
    }

    impl Group for Noted {
        type Work = &'static str;
        type Output = &'static str;

        /// Words that begin or end alike share a name.
        fn names(&self, work: &&'static str) -> [Name; 2] {
            let bytes = work.as_bytes();
            [bytes[0].into(), u64::from(bytes[bytes.len() - 1]) << 8]
        }

        async fn commit(&self, batch: Vec<Member<Self>>) {
            let words: Vec<_> = batch.iter().map(|member| *member.work()).collect();
            self.batches.send(words).expect("a test that listens");
            self.open.clone().wait_for(|open| *open).await.expect("a test that opens");
            for member in batch {
                assert_ne!(*member.work(), "panic");
                let word = *member.work();
                member.respond(Ok(word));
            }
        }
    }

    const SOON: Duration = Duration::from_secs(5);
    /// Long enough for what is begun immediately.
    const BRIEF: Duration = Duration::from_millis(100);

    /// The response to work that has joined; `None` if there is none.
    type Joined = JoinHandle<Option<&'static str>>;

    struct Scene {
        commits: GroupCommit<Noted>,
        batches: mpsc::UnboundedReceiver<Vec<&'static str>>,
        door: watch::Sender<bool>,
        detached: Detached,
    }

    impl Scene {
        fn set(open: bool) -> Self {
            let (sender, batches) = mpsc::unbounded_channel();
            let (door, receiver) = watch::channel(open);
            let nowhere = "postgres://sendpromptly@127.0.0.1:1/none";
            let pool = store::pool::connect_lazily(nowhere, 1).expect("a pool");
            let (group, detached) =
                (Noted { batches: sender, open: receiver }, Detached::default());
            let commits = GroupCommit::with_timeout(group, pool, detached.clone(), BRIEF);
            Self { commits, batches, door, detached }
        }

        /// Has several done, each of which is joined before the next.
        fn join(&self, words: &[&'static str]) -> Vec<Joined> {
            let joined = words.iter().map(|word| {
                let (_, reply) = self.commits.0.join(*word).expect("a place");
                tokio::spawn(async move { reply.await.ok().and_then(Result::ok) })
            });
            joined.collect()
        }

        async fn next(&mut self) -> Vec<&'static str> {
            let batch = timeout(SOON, self.batches.recv()).await;
            batch.expect("in time").expect("a group")
        }
    }

    async fn all(joined: Vec<Joined>) -> Vec<Option<&'static str>> {
        let mut responses = Vec::new();
        for one in joined {
            let response = timeout(SOON, one).await.expect("in time");
            responses.push(response.expect("a response"));
        }
        responses
    }

    #[tokio::test]
    async fn what_comes_meanwhile_is_the_next_batch() {
        let mut scene = Scene::set(false);
        let joined = scene.join(&["ab", "cd", "ef", "gh", "ij"]);
        assert_eq!((scene.next().await, scene.next().await), (vec!["ab"], vec!["cd"]));
        scene.door.send_replace(true);
        assert_eq!(scene.next().await, ["ef", "gh", "ij"]);
        assert_eq!(all(joined).await, ["ab", "cd", "ef", "gh", "ij"].map(Some));
    }

    #[tokio::test]
    async fn what_shares_a_name_waits_for_its_end_and_keeps_no_other_waiting() {
        let mut scene = Scene::set(false);
        let joined = scene.join(&["ab", "ax", "yb", "cd"]);
        assert_eq!((scene.next().await, scene.next().await), (vec!["ab"], vec!["cd"]));
        scene.door.send_replace(true);
        assert_eq!(scene.next().await, ["ax", "yb"]);
        assert_eq!(all(joined).await, ["ab", "ax", "yb", "cd"].map(Some));
    }

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_is_done() {
        let mut scene = Scene::set(false);
        for word in ["ab", "cd", "ef", "gh"] {
            drop(scene.commits.0.join(word));
        }
        scene.door.send_replace(true);
        let mut done = Vec::new();
        while done.len() < 4 {
            done.extend(scene.next().await);
        }
        assert_eq!(done, ["ab", "cd", "ef", "gh"]);
        timeout(SOON, scene.detached.ended()).await.expect("an end");
    }

    #[tokio::test]
    async fn a_panic_ends_its_batch_alone() {
        let mut scene = Scene::set(true);
        let joined = scene.join(&["panic"]);
        assert_eq!(all(joined).await, [None]);
        assert_eq!(scene.next().await, ["panic"]);
        for word in ["panic", "ab", "pc"] {
            let response = scene.commits.run(word).await;
            assert_eq!(response.ok(), (word != "panic").then_some(word));
        }
    }

    #[tokio::test]
    async fn what_is_not_begun_in_time_is_rejected_and_not_done_later() {
        let mut scene = Scene::set(false);
        let joined = scene.join(&["ab", "cd"]);
        let late = scene.commits.run("ef").await.expect_err("too late");
        assert_eq!(late.code(), "unavailable");
        scene.door.send_replace(true);
        assert_eq!(all(joined).await, ["ab", "cd"].map(Some));
        assert_eq!(scene.commits.run("gh").await.ok(), Some("gh"));
        let batches = [scene.next().await, scene.next().await, scene.next().await];
        assert_eq!(batches, [["ab"], ["cd"], ["gh"]]);
    }

    #[tokio::test]
    async fn a_queue_that_is_full_rejects_the_next_one_immediately() {
        let scene = Scene::set(false);
        let joined = scene.join(&vec!["ab"; WAITING + 1]);
        let rejected = scene.commits.run("cd").await.expect_err("no place");
        assert_eq!(rejected.code(), "unavailable");
        drop(joined);
    }
}
