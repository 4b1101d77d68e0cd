//! One key of the cipher, by the name that envelopes have for it.

use chacha20poly1305::aead::{Aead, AeadCore, KeyInit, OsRng, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use sha2::{Digest, Sha256};

use super::{Cell, Head, SealError, Version};

pub(super) const ID_LENGTH: usize = 4;
const NONCE_LENGTH: usize = 24;
const TAG_LENGTH: usize = 16;

/// What envelopes name a key by: the first bytes of its SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SealingKeyId([u8; ID_LENGTH]);

impl SealingKeyId {
    pub(super) const fn from_bytes(bytes: [u8; ID_LENGTH]) -> Self {
        Self(bytes)
    }

    /// The bytes as they are in envelopes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Display for SealingKeyId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A key, ready to seal and to open.
#[derive(Clone)]
pub(super) struct SealingKey {
    pub(super) id: SealingKeyId,
    cipher: XChaCha20Poly1305,
}

impl SealingKey {
    /// 32 random bytes.
    pub(super) fn generate() -> [u8; 32] {
        XChaCha20Poly1305::generate_key(&mut OsRng).into()
    }

    /// `None` if there are not 32 bytes.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let cipher = XChaCha20Poly1305::new_from_slice(bytes).ok()?;
        let mut id = [0; ID_LENGTH];
        id.copy_from_slice(&Sha256::digest(bytes)[..ID_LENGTH]);
        Some(Self { id: SealingKeyId(id), cipher })
    }

    pub(super) fn seal_as(
        &self,
        version: Version,
        cell: &Cell,
        value: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        let nonce = XChaCha20Poly1305::generate_nonce(&mut OsRng);
        let aad = cell.associated_data(Head { version, key: self.id });
        let payload = Payload { msg: value, aad: &aad };
        let sealed = self.cipher.encrypt(&nonce, payload).map_err(|_| SealError::Damaged)?;
        Ok([&[version.byte()], self.id.as_bytes(), nonce.as_slice(), &sealed].concat())
    }

    /// Opens an envelope whose head names this key.
    pub(super) fn open(
        &self,
        head: Head,
        cell: &Cell,
        envelope: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        let rest = body_of(envelope)?;
        let (nonce, sealed) = rest.split_at(NONCE_LENGTH);
        let aad = cell.associated_data(head);
        let payload = Payload { msg: sealed, aad: &aad };
        self.cipher.decrypt(XNonce::from_slice(nonce), payload).map_err(|_| SealError::Damaged)
    }
}

/// What follows the head: nonce and ciphertext, neither of them cut off.
pub(super) fn body_of(envelope: &[u8]) -> Result<&[u8], SealError> {
    let rest = envelope.get(1 + ID_LENGTH..).unwrap_or_default();
    if rest.len() < NONCE_LENGTH + TAG_LENGTH {
        return Err(SealError::Truncated);
    }
    Ok(rest)
}
