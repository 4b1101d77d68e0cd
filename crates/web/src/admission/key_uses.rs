//! Which keys were used, to be noted in the database.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::ids::KeyId;
use tokio::time::Instant;

/// How long a use stands for those that follow. The database notes one a minute.
const STANDS_FOR: Duration = Duration::from_secs(10);

#[derive(Default)]
pub(super) struct KeyUses {
    added_at: BTreeMap<KeyId, Instant>,
    to_note: BTreeSet<KeyId>,
}

impl KeyUses {
    /// Adds a use, which is to be noted unless one of a moment ago stands for it.
    pub(super) fn add(&mut self, key: KeyId, now: Instant) {
        let added_at = self.added_at.get(&key);
        let stands = added_at.is_some_and(|at| now.duration_since(*at) < STANDS_FOR);
        if !stands {
            self.added_at.insert(key, now);
            self.to_note.insert(key);
        }
    }

    pub(super) fn take(&mut self) -> Vec<KeyId> {
        std::mem::take(&mut self.to_note).into_iter().collect()
    }

    /// Forgets uses that could not be noted: the next ones are to be.
    pub(super) fn forget(&mut self, keys: &[KeyId]) {
        for key in keys {
            self.added_at.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_busy_key_is_to_be_noted_now_and_then() {
        let [key, other] = [1, 2].map(|n| KeyId::from_uuid(Uuid::from_u128(n)));
        let now = Instant::now();
        let mut uses = KeyUses::default();
        for it in [key, key, other] {
            uses.add(it, now);
        }
        assert_eq!((uses.take(), uses.take()), (vec![key, other], Vec::new()));
        uses.forget(&[other]);
        for it in [key, other] {
            uses.add(it, now);
        }
        assert_eq!(uses.take(), [other]);
        uses.add(key, now + STANDS_FOR);
        assert_eq!(uses.take(), [key]);
    }
}
