//! Whose a key is, without a query per request.
//!
//! All valid keys are kept in memory with what their projects allow. A task polls one number in the
//! database (`key_versions`) twice a second and reads the keys again when it has changed, so that a
//! revoked key, a setting and a declared name take effect within a second in every process. It
//! guarantees that
//!
//! - a key that was just created works immediately: one that is not known waits for a poll that
//!   began after it came;
//! - a wrong key costs no query of its own: all that come within [`POLLS_APART`] share a poll, and
//!   a key that was wrong stays so until something changes;
//! - what was not confirmed for [`TRUSTED_FOR`] is not trusted: then each request asks the
//!   database, which says what is right, or is away;
//! - when a key was used is noted beside the polls: a row that another transaction has locked keeps
//!   no change from being seen.

mod key_cache;
mod key_uses;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use domain::api_key::ApiKey;
use store::api_keys::{self, KeyOwner};
use store::erasure::KNOWN_AFTER;
use store::{PgPool, StoreError};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use self::key_cache::KeyCache;
use self::key_uses::KeyUses;

const POLL_EVERY: Duration = Duration::from_millis(500);
/// How far apart two polls are at least, however many unknown keys come.
const POLLS_APART: Duration = Duration::from_millis(20);
/// After this a poll has failed: its connection may be one on which nothing comes through.
const POLL_WITHIN: Duration = Duration::from_secs(2);
const TRUSTED_FOR: Duration = Duration::from_secs(5);
/// The longest between finding an owner and the begin of a transaction: the wait for a connection, and some. Who
/// comes later, because much else waits too, has to find the owner again.
pub const USED_WITHIN: Duration = Duration::from_secs(4);
const _: () = assert!(
    TRUSTED_FOR.as_secs() + USED_WITHIN.as_secs() <= KNOWN_AFTER.as_secs(),
    "a receipt of someone who was erased would be taken for another event"
);

/// The keys of all projects. Clones share them.
#[derive(Clone)]
pub struct Admission(Arc<Shared>);

struct Shared {
    pool: PgPool,
    polled: watch::Sender<Polled>,
    /// Asks for a poll before its time.
    poll_wanted: Arc<Notify>,
    uses: Mutex<KeyUses>,
}

/// What the polls so far have shown.
#[derive(Clone, Default)]
struct Polled {
    /// When the last one that succeeded began.
    confirmed_at: Option<Instant>,
    /// When the last one that failed began.
    failed_at: Option<Instant>,
    keys: Arc<KeyCache>,
}

impl Polled {
    /// When the keys were confirmed, if they still are to be trusted.
    fn trusted_since(&self) -> Option<Instant> {
        self.confirmed_at.filter(|at| at.elapsed() < TRUSTED_FOR)
    }
}

impl Admission {
    /// Starts to poll; that ends with the last clone.
    #[must_use]
    pub fn start(pool: PgPool) -> Self {
        let admission = Self::idle(pool);
        tokio::spawn(keep_polling(Arc::downgrade(&admission.0)));
        tokio::spawn(keep_noting(Arc::downgrade(&admission.0)));
        admission
    }

    fn idle(pool: PgPool) -> Self {
        let (polled, poll_wanted) = (watch::Sender::default(), Arc::default());
        Self(Arc::new(Shared { pool, polled, poll_wanted, uses: Mutex::default() }))
    }

    /// The project of a key; `None` for an unknown or revoked one.
    ///
    /// # Errors
    /// When the database has to be asked and fails.
    pub async fn find_owner(&self, key: &ApiKey) -> Result<Option<Arc<KeyOwner>>, StoreError> {
        let (hash, polled) = (key.hash(), self.0.polled.borrow().clone());
        if polled.trusted_since().is_some() {
            let owner = self.0.find_owner(&polled.keys, &hash);
            if owner.is_some() || polled.keys.is_wrong(&hash) {
                return Ok(owner);
            }
        }
        self.confirm_owner(key).await
    }

    /// The same, as it is now: waits for a poll.
    ///
    /// # Errors
    /// When the database has to be asked and fails.
    pub async fn confirm_owner(&self, key: &ApiKey) -> Result<Option<Arc<KeyOwner>>, StoreError> {
        let (hash, asked_at) = (key.hash(), Instant::now());
        let mut polls = self.0.polled.subscribe();
        loop {
            let polled = polls.borrow_and_update().clone();
            let has_failed = polled.failed_at.is_some_and(|at| at >= asked_at);
            let Some(confirmed_at) = polled.trusted_since().filter(|_| !has_failed) else {
                return Ok(api_keys::find_owner(&self.0.pool, key).await?.map(Arc::new));
            };
            if confirmed_at >= asked_at {
                let owner = self.0.find_owner(&polled.keys, &hash);
                if owner.is_none() {
                    polled.keys.remember_wrong(hash);
                }
                return Ok(owner);
            }
            self.0.poll_wanted.notify_one();
            // Where none comes, nothing is trusted any more.
            let _polled = timeout_at(confirmed_at + TRUSTED_FOR, polls.changed()).await;
        }
    }
}

async fn keep_polling(shared: Weak<Shared>) {
    while let Some(shared) = shared.upgrade() {
        let next_at = Instant::now() + POLL_EVERY;
        shared.poll().await;
        let poll_wanted = Arc::clone(&shared.poll_wanted);
        drop(shared);
        sleep(POLLS_APART).await;
        let _wanted = timeout_at(next_at, poll_wanted.notified()).await;
    }
}

async fn keep_noting(shared: Weak<Shared>) {
    while let Some(shared) = shared.upgrade() {
        shared.note_uses().await;
        drop(shared);
        sleep(POLL_EVERY).await;
    }
}

impl Shared {
    fn find_owner(&self, keys: &KeyCache, hash: &[u8]) -> Option<Arc<KeyOwner>> {
        let owner = keys.find(hash)?;
        lock(&self.uses).add(owner.key_id, Instant::now());
        Some(owner)
    }

    async fn poll(&self) {
        let began_at = Instant::now();
        let keys = timeout(POLL_WITHIN, self.read_keys()).await;
        self.polled.send_modify(|polled| match keys {
            Ok(Ok(keys)) => (polled.confirmed_at, polled.keys) = (Some(began_at), keys),
            Ok(Err(_)) | Err(_) => polled.failed_at = Some(began_at),
        });
    }

    /// The keys, which are read where they may have changed. After a failed poll they are: a
    /// database that was restored in the meantime may show the same number again. The number is
    /// read before the keys, so a change in between is found by the next poll.
    async fn read_keys(&self) -> Result<Arc<KeyCache>, StoreError> {
        let version = api_keys::find_version(&self.pool).await?;
        let polled = self.polled.borrow().clone();
        let was_confirmed = polled.confirmed_at > polled.failed_at;
        if was_confirmed && polled.keys.version() == version {
            return Ok(polled.keys);
        }
        let owners = api_keys::list_owners(&self.pool).await?;
        Ok(Arc::new(KeyCache::new(version, owners)))
    }

    async fn note_uses(&self) {
        let used = lock(&self.uses).take();
        if used.is_empty() {
            return;
        }
        if let Err(error) = api_keys::note_uses(&self.pool, &used).await {
            tracing::debug!(%error, "could not note the use of keys");
            lock(&self.uses).forget(&used);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::catalogue::Catalogue;
    use domain::ids::{KeyId, ProjectId};
    use domain::project::Mode;
    use store::erasure::ErasedCustomers;
    use store::pool::{self, Limits, PoolOptions};
    use uuid::Uuid;

    fn key(n: u8) -> ApiKey {
        ApiKey::from_random(Mode::Test, &[n; 64]).expect("a key")
    }

    fn owner() -> KeyOwner {
        let project_id = ProjectId::from_uuid(Uuid::from_u128(2));
        KeyOwner {
            key_id: KeyId::from_uuid(Uuid::from_u128(1)),
            project_id,
            timeout_minutes: 30,
            snapshots: false,
            mode: Mode::Test,
            catalogue: Catalogue::new(project_id, Vec::new()),
            erased: ErasedCustomers::default(),
        }
    }

    /// The database is away since a poll has found the first key, so long ago.
    fn away_since(ago: Duration) -> Admission {
        let nowhere = "postgres://sendpromptly@127.0.0.1:1/none";
        let limits = Limits { acquire: Duration::from_millis(50), ..Limits::default() };
        let options = PoolOptions { limits, ..PoolOptions::new(1) };
        let admission = Admission::idle(pool::open(nowhere, options).expect("a pool"));
        let keys = Arc::new(KeyCache::new(7, vec![(key(1).hash().to_vec(), owner())]));
        let confirmed_at = Instant::now().checked_sub(ago);
        admission.0.polled.send_replace(Polled { confirmed_at, failed_at: None, keys });
        admission
    }

    #[tokio::test]
    async fn a_known_key_needs_no_database_as_long_as_the_keys_are_trusted() {
        let found = away_since(TRUSTED_FOR / 5).find_owner(&key(1)).await.expect("no query");
        assert_eq!(found.as_deref(), Some(&owner()));
        let error = away_since(TRUSTED_FOR).find_owner(&key(1)).await.expect_err("a query");
        assert!(error.is_unavailable(), "{error}");
    }

    #[tokio::test]
    async fn a_wrong_key_is_remembered_and_an_unknown_one_is_not_called_wrong() {
        let admission = away_since(Duration::ZERO);
        admission.0.polled.borrow().keys.remember_wrong(key(2).hash());
        assert_eq!(admission.find_owner(&key(2)).await.expect("no query"), None);
        let began_at = Instant::now();
        let unknown = key(3);
        let (found, ()) = tokio::join!(admission.find_owner(&unknown), admission.0.poll());
        assert!(found.expect_err("a query").is_unavailable());
        assert!(began_at.elapsed() < TRUSTED_FOR, "it waited for a poll although one has failed");
    }

    #[tokio::test]
    async fn what_an_earlier_poll_has_shown_confirms_nothing() {
        let admission = away_since(TRUSTED_FOR / 100 * 99);
        let error = admission.confirm_owner(&key(1)).await.expect_err("a query");
        assert!(error.is_unavailable(), "{error}");
    }
}
