//! Whom something is about, without saying it: a keyed hash of the reference that the app gave.
//!
//! The same reference has the same hash in its project for good, and another one in any other project. Without the
//! project's key nobody can tell which reference it is, nor try the references that they know. Its text,
//! `erased:` and 26 characters, is what stands in a reference's place once its customer was erased.

use hmac::{Hmac, Mac};
use sha2::Sha256;
use uuid::Uuid;

use crate::ids::{CustomerHash, ProjectId};

/// The key of a project's hashes.
#[derive(Clone)]
pub struct ReferenceKey(Hmac<Sha256>);

impl std::fmt::Debug for ReferenceKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ReferenceKey(…)")
    }
}

impl ReferenceKey {
    /// `None` if there are not 32 bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; 32] = bytes.try_into().ok()?;
        Hmac::new_from_slice(bytes).ok().map(Self)
    }

    /// The first half of the HMAC-SHA256 of project and reference. What was hashed before stays as it is.
    #[must_use]
    pub fn hash(&self, project_id: ProjectId, reference: &str) -> CustomerHash {
        if let Ok(hash) = reference.parse() {
            return hash;
        }
        let mut mac = self.0.clone();
        mac.update(project_id.as_uuid().as_bytes());
        mac.update(reference.as_bytes());
        let mut half = [0; 16];
        half.copy_from_slice(&mac.finalize().into_bytes()[..16]);
        CustomerHash::from_uuid(Uuid::from_bytes(half))
    }

    /// What the key of an event becomes that held the reference: from it nobody can try references either.
    #[must_use]
    pub fn rehash(&self, event_key: &[u8]) -> [u8; 32] {
        let mut mac = self.0.clone();
        mac.update(event_key);
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> ReferenceKey {
        ReferenceKey::from_bytes(&[byte; 32]).expect("a key")
    }

    #[test]
    fn a_reference_has_one_hash_in_its_project_under_its_key() {
        let project = |id| ProjectId::from_uuid(Uuid::from_u128(id));
        let hash = key(1).hash(project(1), "user_1");
        assert_eq!(key(1).hash(project(1), "user_1"), hash);
        for other in [
            key(1).hash(project(1), "user_2"),
            key(1).hash(project(2), "user_1"),
            key(2).hash(project(1), "user_1"),
        ] {
            assert_ne!(other, hash);
        }
        assert_eq!(key(1).hash(project(1), &hash.to_string()), hash, "a hash is not hashed again");
        assert!(!hash.to_string().contains("user_1"));
    }

    /// Python: `hmac.digest(bytes([1]*32), bytes(15) + b'\x01' + b'user_1', 'sha256')[:16]`.
    #[test]
    fn it_is_what_another_implementation_computes() {
        let hash = key(1).hash(ProjectId::from_uuid(Uuid::from_u128(1)), "user_1");
        assert_eq!(hex::encode(hash.as_uuid().as_bytes()), "0e58413959d87676ea1aafedd5e7f148");
        assert!(ReferenceKey::from_bytes(&[1; 31]).is_none());
    }
}
