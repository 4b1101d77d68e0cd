//! Sealing secrets that must be read back: signing secrets, destinations' URLs, snapshots.
//!
//! `XChaCha20-Poly1305` with a random 24-byte nonce. The envelope is a version byte, four bytes
//! that name the key, the nonce and the ciphertext. The associated data names the row, so that a
//! value copied to another row does not open. A wrong key, another row and a damaged value all
//! fail.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, AeadCore, KeyInit, OsRng, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use sha2::{Digest, Sha256};

const VERSION: u8 = 1;
const KEY_ID_LENGTH: usize = 4;
const NONCE_LENGTH: usize = 24;

/// A sealed value could not be made or opened. It says nothing of the content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The text is no key.
    #[error(
        "SENDPROMPTLY_MASTER_KEY must be the base64 of 32 bytes (make one with: openssl rand -base64 32)"
    )]
    MalformedKey,
    /// The text is 32 times one byte: what is left of a placeholder.
    #[error(
        "SENDPROMPTLY_MASTER_KEY is one byte 32 times over, which anyone guesses: make one with: openssl rand -base64 32"
    )]
    WeakKey,
    /// The envelope names a key that is not configured.
    #[error("a secret was sealed with a master key that is not configured")]
    UnknownKey,
    /// The value is damaged, or belongs to another row.
    #[error("a sealed value is damaged")]
    Damaged,
}

/// The keys that seal. The first one seals; all of them open, so that a key can be changed.
#[derive(Clone)]
pub struct MasterKey(Vec<([u8; KEY_ID_LENGTH], XChaCha20Poly1305)>);

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
        let keys: Result<Vec<_>, _> =
            text.trim().split(',').map(|key| read_key(key.trim())).collect();
        keys.map(Self)
    }

    /// A new key in the form in which it is configured.
    #[must_use]
    pub fn generate() -> String {
        STANDARD.encode(XChaCha20Poly1305::generate_key(&mut OsRng))
    }

    /// Seals a value for one row.
    ///
    /// # Errors
    /// Only when the value is too long for the cipher.
    pub fn seal(&self, row: &str, value: &[u8]) -> Result<Vec<u8>, SealError> {
        let (id, cipher) = self.0.first().ok_or(SealError::UnknownKey)?;
        let nonce = XChaCha20Poly1305::generate_nonce(&mut OsRng);
        let payload = Payload { msg: value, aad: row.as_bytes() };
        let sealed = cipher.encrypt(&nonce, payload).map_err(|_| SealError::Damaged)?;
        Ok([&[VERSION], id.as_slice(), nonce.as_slice(), &sealed].concat())
    }

    /// What envelopes name the keys by.
    pub(crate) fn ids(&self) -> Vec<Vec<u8>> {
        self.0.iter().map(|(id, _)| id.to_vec()).collect()
    }

    /// Opens a value of one row.
    ///
    /// # Errors
    /// When its key is not configured, or it is damaged or of another row.
    pub fn open(&self, row: &str, envelope: &[u8]) -> Result<Vec<u8>, SealError> {
        let (version, rest) = envelope.split_first().ok_or(SealError::Damaged)?;
        if *version != VERSION || rest.len() < KEY_ID_LENGTH + NONCE_LENGTH {
            return Err(SealError::Damaged);
        }
        let (id, rest) = rest.split_at(KEY_ID_LENGTH);
        let (nonce, sealed) = rest.split_at(NONCE_LENGTH);
        let (_, cipher) =
            self.0.iter().find(|(known, _)| known == id).ok_or(SealError::UnknownKey)?;
        let payload = Payload { msg: sealed, aad: row.as_bytes() };
        cipher.decrypt(XNonce::from_slice(nonce), payload).map_err(|_| SealError::Damaged)
    }

    /// Opens a text of one row.
    ///
    /// # Errors
    /// As [`MasterKey::open`], and when it is no text.
    pub(crate) fn open_text(&self, row: &str, envelope: &[u8]) -> Result<String, SealError> {
        String::from_utf8(self.open(row, envelope)?).map_err(|_| SealError::Damaged)
    }
}

fn read_key(text: &str) -> Result<([u8; KEY_ID_LENGTH], XChaCha20Poly1305), SealError> {
    let bytes = STANDARD.decode(text).map_err(|_| SealError::MalformedKey)?;
    let cipher = XChaCha20Poly1305::new_from_slice(&bytes).map_err(|_| SealError::MalformedKey)?;
    if bytes.iter().all(|byte| *byte == bytes[0]) {
        return Err(SealError::WeakKey);
    }
    let mut id = [0; KEY_ID_LENGTH];
    id.copy_from_slice(&Sha256::digest(&bytes)[..KEY_ID_LENGTH]);
    Ok((id, cipher))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> MasterKey {
        MasterKey::parse(&MasterKey::generate()).expect("a key")
    }

    #[test]
    fn a_sealed_value_opens_in_its_row_only() {
        let key = key();
        let sealed = key.seal("signing_secrets:1", b"secret").expect("sealed");
        assert_eq!(key.open("signing_secrets:1", &sealed).expect("opened"), b"secret");
        assert_eq!(key.open("signing_secrets:2", &sealed), Err(SealError::Damaged));
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
    }

    #[test]
    fn any_changed_byte_is_noticed() {
        let key = key();
        let sealed = key.seal("r", b"secret").expect("sealed");
        for at in 0..sealed.len() {
            let mut bad = sealed.clone();
            bad[at] ^= 1;
            assert!(key.open("r", &bad).is_err(), "byte {at}");
        }
        assert_eq!(key.open("r", &[]), Err(SealError::Damaged));
    }

    #[test]
    fn an_older_key_still_opens_and_a_foreign_one_does_not() {
        let (old, new) = (MasterKey::generate(), MasterKey::generate());
        let sealed = MasterKey::parse(&old).expect("a key").seal("r", b"s").expect("sealed");
        let both = MasterKey::parse(&format!("{new}, {old}")).expect("two keys");
        assert_eq!(both.open("r", &sealed).expect("opened"), b"s");
        let only_new = MasterKey::parse(&new).expect("a key");
        assert_eq!(only_new.open("r", &sealed), Err(SealError::UnknownKey));
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
}
