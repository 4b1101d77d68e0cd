//! How much memory the bodies of calls may take while they are read.
//!
//! A key may send thousands of requests a second, and a body may have megabytes, so that the rate alone bounds no memory. A body
//! that is not small takes room until it has been read, that of a list until its receipts are taken. One key has a quarter of
//! the room at most, so that no app takes the process from the others; who finds none is asked to come again. The room is
//! this process's alone.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::ids::KeyId;

use crate::error::ApiError;

/// Up to so many bytes a body takes no room: there are only so many connections.
pub const SMALL: usize = 16 * 1024;
/// For the bodies of all keys, in bytes.
const ALL: usize = 256 * 1024 * 1024;
/// For those of one.
const OF_ONE: usize = ALL / 4;

/// What is taken of the room.
#[derive(Debug, Default)]
pub struct BodyRoom(Mutex<Taken>);

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    of_key: BTreeMap<KeyId, usize>,
}

/// Room for one body. Dropping it gives it back.
#[derive(Debug)]
pub struct Room {
    bytes: usize,
    key: KeyId,
    of: Arc<BodyRoom>,
}

impl BodyRoom {
    /// Room for a body of this key; `None` where it is so small that it needs none.
    ///
    /// # Errors
    /// [`ApiError::RateLimited`] where there is none left.
    pub fn take(self: &Arc<Self>, key: KeyId, bytes: usize) -> Result<Option<Room>, ApiError> {
        if bytes <= SMALL {
            return Ok(None);
        }
        let mut taken = self.lock();
        let of_key = taken.of_key.get(&key).copied().unwrap_or_default() + bytes;
        if of_key > OF_ONE || taken.all + bytes > ALL {
            return Err(ApiError::RateLimited { retry_after_secs: 1 });
        }
        taken.all += bytes;
        taken.of_key.insert(key, of_key);
        Ok(Some(Room { bytes, key, of: Arc::clone(self) }))
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut taken = self.of.lock();
        taken.all -= self.bytes;
        if let Some(of_key) = taken.of_key.get_mut(&self.key) {
            *of_key -= self.bytes;
            if *of_key == 0 {
                taken.of_key.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const LIST: usize = 8 * 1024 * 1024;

    fn key(n: u128) -> KeyId {
        KeyId::from_uuid(Uuid::from_u128(n))
    }

    fn fill(room: &Arc<BodyRoom>, key: KeyId) -> Vec<Option<Room>> {
        let lists = OF_ONE / LIST;
        (0..lists).map(|_| room.take(key, LIST).expect("room")).collect()
    }

    #[test]
    fn one_key_has_a_quarter_and_small_bodies_need_none() {
        let room = Arc::new(BodyRoom::default());
        let mut held = fill(&room, key(1));
        let rejected = room.take(key(1), SMALL + 1).expect_err("no room");
        assert_eq!(rejected.retry_after_secs(), Some(1));
        assert!(room.take(key(1), SMALL).expect("a small one").is_none());
        assert!(room.take(key(2), LIST).expect("another's").is_some());
        held.pop();
        assert!(room.take(key(1), LIST).is_ok(), "what is over gives its room back");
    }

    #[test]
    fn all_keys_together_have_no_more_than_there_is_and_leave_nothing_behind() {
        let room = Arc::new(BodyRoom::default());
        let held: Vec<_> = (1..=4).map(|n| fill(&room, key(n))).collect();
        assert!(room.take(key(5), LIST).is_err());
        drop(held);
        assert!(room.take(key(5), LIST).is_ok());
        let taken = room.lock();
        assert!(taken.all == 0 && taken.of_key.is_empty(), "{taken:?}");
    }
}
