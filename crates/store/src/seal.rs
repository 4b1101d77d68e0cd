//! Sealing secrets that must be read back: signing secrets, destinations' URLs, snapshots.
//!
//! `XChaCha20-Poly1305` with a random 24-byte nonce. The envelope is a version byte, four bytes
//! that name the key, the nonce and the ciphertext. The key is a master key, or in version 3 a
//! [`SnapshotKey`], which a master key seals. The associated data is the version, the key and the
//! [`Cell`]: project, table, column and row. A value that was moved to any other cell does not open, nor
//! does one that was cut, changed, or sealed with a key that is not configured; each says what it is and
//! what to do. What was sealed before there was version 2 opens as it was sealed, bound to table, column
//! and row.

mod cell;
mod sealing_key;
mod snapshot_key;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

pub use self::cell::{Cell, SealedColumn};
pub use self::sealing_key::SealingKeyId;
use self::sealing_key::{ID_LENGTH, SealingKey, body_of};
pub use self::snapshot_key::SnapshotKey;

/// A new key for a master key to seal.
pub(crate) fn generate_key() -> [u8; 32] {
    SealingKey::generate()
}

/// A sealed value could not be made or opened. It says nothing of the content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The text is no key.
    #[error(
        "SENDPROMPTLY_MASTER_KEY must be the base64 of 32 bytes (make one with: sendpromptly master-key new)"
    )]
    MalformedKey,
    /// The text is 32 times one byte: what is left of a placeholder.
    #[error(
        "SENDPROMPTLY_MASTER_KEY is one byte 32 times over, which anyone guesses: make one with: sendpromptly master-key new"
    )]
    WeakKey,
    /// The envelope names a key that is not configured.
    #[error(
        "a secret was sealed with a master key that is not configured: put key {0} into \
         SENDPROMPTLY_MASTER_KEY again, behind the newest and a comma"
    )]
    UnknownKey(SealingKeyId),
    /// The envelope ends too soon.
    #[error("a sealed value is cut off: restore its row from a backup, or set it again")]
    Truncated,
    /// The envelope has a form that this release does not know.
    #[error(
        "a sealed value is damaged, or was sealed by a newer release: it begins with {0}, which is no version \
         that this release knows"
    )]
    UnknownVersion(u8),
    /// The envelope is of a project's own key, where a master key's is expected.
    #[error("a sealed value is sealed with its project's key: only a snapshot may be")]
    OfProject,
    /// The value was changed, or belongs to another cell.
    #[error(
        "a sealed value is damaged, or was moved here from another row, column, table or project: restore its \
         row from a backup, or set it again"
    )]
    Damaged,
}

/// The form of an envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// Bound to table, column and row, as a text. The release before opens no other.
    One,
    /// Bound to the project, too, and to the envelope's own head.
    Two,
    /// Bound as version 2 is, and sealed with a key of the project.
    Three,
}

impl Version {
    /// The envelope's first byte.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::One => 1,
            Self::Two => 2,
            Self::Three => 3,
        }
    }
}

/// The head of an envelope, which is not secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pub version: Version,
    /// The master key, or in version 3 the project's.
    pub key: SealingKeyId,
}

impl Head {
    /// Reads the first bytes of an envelope.
    ///
    /// # Errors
    /// When there are too few, or they name no version.
    pub fn read(envelope: &[u8]) -> Result<Self, SealError> {
        let version = match envelope.first() {
            None => return Err(SealError::Truncated),
            Some(1) => Version::One,
            Some(2) => Version::Two,
            Some(3) => Version::Three,
            Some(other) => return Err(SealError::UnknownVersion(*other)),
        };
        let id = envelope.get(1..=ID_LENGTH).and_then(|id| id.try_into().ok());
        Ok(Self { version, key: SealingKeyId::from_bytes(id.ok_or(SealError::Truncated)?) })
    }
}

/// The keys that seal. The first one seals; all of them open, so that a key can be changed.
#[derive(Clone)]
pub struct MasterKey {
    newest: SealingKey,
    older: Vec<SealingKey>,
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

impl MasterKey {
    /// Reads `SENDPROMPTLY_MASTER_KEY`: one key, or several separated by commas, newest first.
    ///
    /// # Errors
    /// When any of them is not the base64 of 32 bytes, or all its bytes are equal.
    pub fn parse(text: &str) -> Result<Self, SealError> {
        let mut keys = text.trim().split(',').map(|key| read_key(key.trim()));
        let newest = keys.next().ok_or(SealError::MalformedKey)??;
        Ok(Self { newest, older: keys.collect::<Result<_, _>>()? })
    }

    /// A new key in the form in which it is configured.
    #[must_use]
    pub fn generate() -> String {
        STANDARD.encode(SealingKey::generate())
    }

    /// Seals a value for one cell.
    ///
    /// # Errors
    /// Only when the value is too long for the cipher.
    pub fn seal(&self, cell: &Cell, value: &[u8]) -> Result<Vec<u8>, SealError> {
        self.seal_as(Version::Two, cell, value)
    }

    /// Seals a value in an envelope of this version.
    ///
    /// # Errors
    /// Only when the value is too long for the cipher.
    pub(crate) fn seal_as(
        &self,
        version: Version,
        cell: &Cell,
        value: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        self.newest.seal_as(version, cell, value)
    }

    /// The key that seals.
    #[must_use]
    pub const fn newest(&self) -> SealingKeyId {
        self.newest.id
    }

    /// All keys, the one that seals first.
    pub fn ids(&self) -> impl Iterator<Item = SealingKeyId> {
        std::iter::once(&self.newest).chain(&self.older).map(|key| key.id)
    }

    /// Opens a value of one cell.
    ///
    /// # Errors
    /// When its key is not configured, or it was cut, changed or moved.
    pub fn open(&self, cell: &Cell, envelope: &[u8]) -> Result<Vec<u8>, SealError> {
        let head = Head::read(envelope)?;
        body_of(envelope)?;
        if head.version == Version::Three {
            return Err(SealError::OfProject);
        }
        let mut keys = std::iter::once(&self.newest).chain(&self.older);
        let known = keys.find(|known| known.id == head.key);
        known.ok_or(SealError::UnknownKey(head.key))?.open(head, cell, envelope)
    }

    /// Opens a text of one cell.
    ///
    /// # Errors
    /// As [`MasterKey::open`], and when it is no text.
    pub(crate) fn open_text(&self, cell: &Cell, envelope: &[u8]) -> Result<String, SealError> {
        String::from_utf8(self.open(cell, envelope)?).map_err(|_| SealError::Damaged)
    }
}

fn read_key(text: &str) -> Result<SealingKey, SealError> {
    let bytes = STANDARD.decode(text).map_err(|_| SealError::MalformedKey)?;
    let key = SealingKey::from_bytes(&bytes).ok_or(SealError::MalformedKey)?;
    if bytes.iter().all(|byte| *byte == bytes[0]) {
        return Err(SealError::WeakKey);
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use domain::ids::{EventId, ProjectId, SecretId, SessionId};
    use uuid::Uuid;

    use super::*;

    fn key() -> MasterKey {
        MasterKey::parse(&MasterKey::generate()).expect("a key")
    }

    fn secret(project: u128, id: u128) -> Cell {
        let project_id = ProjectId::from_uuid(Uuid::from_u128(project));
        Cell::signing_secret(project_id, SecretId::from_uuid(Uuid::from_u128(id)))
    }

    #[test]
    fn a_sealed_value_opens_in_its_row_only() {
        let (key, cell) = (key(), secret(1, 1));
        let id = Uuid::from_u128(1);
        let project_id = ProjectId::from_uuid(id);
        for version in [Version::One, Version::Two] {
            let sealed = key.seal_as(version, &cell, b"secret").expect("sealed");
            assert_eq!(key.open(&cell, &sealed).expect("opened"), b"secret");
            assert!(!sealed.windows(6).any(|window| window == b"secret"));
            for (other, elsewhere) in [
                ("row", secret(1, 2)),
                ("table", Cell::destination_secret(project_id, SecretId::from_uuid(id))),
                ("column", Cell::snapshot(project_id, EventId::from_uuid(id))),
                ("project's none", Cell::session_message(SessionId::from_uuid(id))),
            ] {
                let opened = key.open(&elsewhere, &sealed);
                assert_eq!(opened, Err(SealError::Damaged), "another {other}");
            }
        }
        let sealed = key.seal(&cell, b"secret").expect("sealed");
        assert_eq!(key.open(&secret(2, 1), &sealed), Err(SealError::Damaged), "another project");
    }

    #[test]
    fn any_changed_byte_is_noticed() {
        let (key, cell) = (key(), secret(1, 1));
        for version in [Version::One, Version::Two] {
            let sealed = key.seal_as(version, &cell, b"secret").expect("sealed");
            for at in 0..sealed.len() {
                for bit in 0..8 {
                    let mut bad = sealed.clone();
                    bad[at] ^= 1 << bit;
                    let error = key.open(&cell, &bad).expect_err("a changed value");
                    let expected = match at {
                        0 if (1..=2).contains(&bad[0]) => matches!(error, SealError::Damaged),
                        0 if bad[0] == 3 => error == SealError::OfProject,
                        0 => error == SealError::UnknownVersion(bad[0]),
                        1..=4 => matches!(error, SealError::UnknownKey(_)),
                        _ => error == SealError::Damaged,
                    };
                    assert!(expected, "byte {at}, bit {bit}: {error:?}");
                }
            }
            for length in 0..sealed.len() {
                let error = key.open(&cell, &sealed[..length]).expect_err("a cut value");
                let cut_head = body_of(&sealed[..length]).is_err();
                let expected = if cut_head { SealError::Truncated } else { SealError::Damaged };
                assert_eq!(error, expected, "{length} bytes");
            }
        }
    }

    #[test]
    fn an_older_key_still_opens_and_a_foreign_one_does_not() {
        let (old, new, cell) = (MasterKey::generate(), MasterKey::generate(), secret(1, 1));
        let old_key = MasterKey::parse(&old).expect("a key");
        let sealed = old_key.seal(&cell, b"s").expect("sealed");
        let both = MasterKey::parse(&format!("{new}, {old}")).expect("two keys");
        assert_eq!(both.open(&cell, &sealed).expect("opened"), b"s");
        assert_eq!(both.ids().collect::<Vec<_>>(), [both.newest(), old_key.newest()]);
        let only_new = MasterKey::parse(&new).expect("a key");
        let error = only_new.open(&cell, &sealed).expect_err("a foreign key");
        assert_eq!(error, SealError::UnknownKey(old_key.newest()));
        let text = error.to_string();
        assert!(text.contains(&old_key.newest().to_string()) && !text.contains(&old), "{text}");
    }

    #[test]
    fn a_key_of_equal_bytes_is_none_and_neither_is_a_list_that_holds_one() {
        for byte in [0, b'x', 255] {
            let weak = STANDARD.encode([byte; 32]);
            assert_eq!(MasterKey::parse(&weak).err(), Some(SealError::WeakKey), "{byte}");
            let list = format!("{},{weak}", MasterKey::generate());
            assert_eq!(MasterKey::parse(&list).err(), Some(SealError::WeakKey), "{byte}");
        }
    }

    #[test]
    fn other_texts_are_no_keys() {
        for bad in ["", "short", "AAAA", "!!"] {
            assert_eq!(MasterKey::parse(bad).err(), Some(SealError::MalformedKey), "{bad}");
        }
    }

    /// Sealed by the release before, with the key of 32 bytes from 0 to 31.
    const BEFORE: &str = "AWMNzSlkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ensPFprCmlrahhsNlNyzZ0t+WF/KU1Kq";

    #[test]
    fn what_the_release_before_sealed_opens() {
        let bytes: Vec<u8> = (0..32).collect();
        let key = MasterKey::parse(&STANDARD.encode(bytes)).expect("a key");
        let sealed = STANDARD.decode(BEFORE).expect("base64");
        assert_eq!(key.open(&secret(7, 1), &sealed).expect("opened"), b"secret");
    }
}
