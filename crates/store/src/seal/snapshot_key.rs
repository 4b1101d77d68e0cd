//! The key of a project's snapshots: random, and itself sealed with the master key, so that a new master key
//! has one small value of each project to seal again, however many snapshots there are.
//!
//! Its envelopes are of [`Version::Three`] and name it. One of another project does not open with it, nor does
//! a snapshot that was moved to another event.

use super::sealing_key::SealingKey;
use super::{Cell, Head, SealError, Version};

/// Seals and opens the snapshots of one project.
#[derive(Clone)]
pub struct SnapshotKey(SealingKey);

impl std::fmt::Debug for SnapshotKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SnapshotKey(…)")
    }
}

impl SnapshotKey {
    /// The bytes of a new one.
    pub(crate) fn generate() -> [u8; 32] {
        SealingKey::generate()
    }

    /// # Errors
    /// When there are not 32 bytes.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, SealError> {
        SealingKey::from_bytes(bytes).map(Self).ok_or(SealError::Damaged)
    }

    /// # Errors
    /// Only when the value is too long for the cipher.
    pub(crate) fn seal(&self, cell: &Cell, value: &[u8]) -> Result<Vec<u8>, SealError> {
        self.0.seal_as(Version::Three, cell, value)
    }

    /// # Errors
    /// When another key sealed it, or it was cut, changed or moved.
    pub(crate) fn open(&self, cell: &Cell, envelope: &[u8]) -> Result<Vec<u8>, SealError> {
        let head = Head::read(envelope)?;
        if head.version != Version::Three || head.key != self.0.id {
            return Err(SealError::Damaged);
        }
        self.0.open(head, cell, envelope)
    }
}

#[cfg(test)]
mod tests {
    use domain::ids::{EventId, ProjectId};
    use uuid::Uuid;

    use super::*;
    use crate::MasterKey;

    fn key() -> SnapshotKey {
        SnapshotKey::from_bytes(&SnapshotKey::generate()).expect("a key")
    }

    fn cell(project: u128, event: u128) -> Cell {
        let project_id = ProjectId::from_uuid(Uuid::from_u128(project));
        Cell::snapshot(project_id, EventId::from_uuid(Uuid::from_u128(event)))
    }

    #[test]
    fn a_snapshot_opens_with_its_projects_key_in_its_row_only() {
        let key = key();
        let sealed = key.seal(&cell(1, 1), b"{}").expect("sealed");
        assert_eq!(Head::read(&sealed).expect("a head").version, Version::Three);
        assert_eq!(key.open(&cell(1, 1), &sealed).expect("opened"), b"{}");
        for elsewhere in [cell(1, 2), cell(2, 1)] {
            assert_eq!(key.open(&elsewhere, &sealed), Err(SealError::Damaged));
        }
        let other = SnapshotKey::from_bytes(&SnapshotKey::generate()).expect("a key");
        assert_eq!(other.open(&cell(1, 1), &sealed), Err(SealError::Damaged));
        for at in 0..sealed.len() {
            let mut bad = sealed.clone();
            bad[at] ^= 1;
            assert!(key.open(&cell(1, 1), &bad).is_err(), "byte {at}");
            assert!(key.open(&cell(1, 1), &sealed[..at]).is_err(), "{at} bytes");
        }
    }

    #[test]
    fn a_master_key_does_not_open_it_and_says_so() {
        let master = MasterKey::parse(&MasterKey::generate()).expect("a key");
        let sealed = key().seal(&cell(1, 1), b"{}").expect("sealed");
        assert_eq!(master.open(&cell(1, 1), &sealed), Err(SealError::OfProject));
    }

    #[test]
    fn a_key_has_32_bytes() {
        assert_eq!(SnapshotKey::from_bytes(&[1; 31]).err(), Some(SealError::Damaged));
    }
}
