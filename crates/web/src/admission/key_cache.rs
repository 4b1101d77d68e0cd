//! The keys as one poll has read them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use store::api_keys::KeyOwner;

use super::lock;

/// How many wrong keys are remembered.
const MAX_WRONG: usize = 10_000;

#[derive(Default)]
pub(super) struct KeyCache {
    version: i64,
    /// By the hash of the key.
    owners: BTreeMap<Vec<u8>, Arc<KeyOwner>>,
    /// Hashes of keys that were looked up and are none of these.
    wrong: Mutex<BTreeSet<[u8; 32]>>,
}

impl KeyCache {
    pub(super) fn new(version: i64, owners: Vec<(Vec<u8>, KeyOwner)>) -> Self {
        let owners = owners.into_iter().map(|(hash, owner)| (hash, Arc::new(owner))).collect();
        Self { version, owners, wrong: Mutex::default() }
    }

    pub(super) const fn version(&self) -> i64 {
        self.version
    }

    pub(super) fn find(&self, hash: &[u8]) -> Option<Arc<KeyOwner>> {
        self.owners.get(hash).cloned()
    }

    pub(super) fn is_wrong(&self, hash: &[u8; 32]) -> bool {
        lock(&self.wrong).contains(hash)
    }

    pub(super) fn remember_wrong(&self, hash: [u8; 32]) {
        let mut wrong = lock(&self.wrong);
        if wrong.len() >= MAX_WRONG {
            wrong.clear();
        }
        wrong.insert(hash);
    }
}
