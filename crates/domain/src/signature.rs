//! Signing a callback, in both schemes that receivers know.
//!
//! `X-SP-Signature` is ours: `v1=` and the hex HMAC-SHA256 over `timestamp.nonce.body`.
//! `webhook-signature` is that of Standard Webhooks 1.0
//! (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>):
//! `v1,` and the base64 HMAC-SHA256 over `id.timestamp.body`. Both use the decoded bytes of the
//! secret. During a rotation every valid secret signs, so a receiver may change at its own pace.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// What a signing secret's text begins with.
pub const SECRET_PREFIX: &str = "whsec_";

/// The text is no signing secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a signing secret is whsec_ and the base64 of 32 bytes")]
pub struct MalformedSecret;

/// The key that signs callbacks. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret([u8; 32]);

impl SigningSecret {
    /// A secret out of 32 random bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads `whsec_…`.
    ///
    /// # Errors
    /// When the prefix, the base64 or the length is wrong.
    pub fn parse(text: &str) -> Result<Self, MalformedSecret> {
        let encoded = text.strip_prefix(SECRET_PREFIX).ok_or(MalformedSecret)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| MalformedSecret)?;
        bytes.try_into().map(Self).map_err(|_| MalformedSecret)
    }

    /// The secret as people paste it, to be shown once.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("{SECRET_PREFIX}{}", STANDARD.encode(self.0))
    }

    /// Bytes that only who has the secret can make, others for each purpose. No signature of ours is made of a text that
    /// begins as a purpose does and has a single dot.
    #[must_use]
    pub(crate) fn derive(&self, purpose: &str) -> [u8; 64] {
        let mut bytes = [0; 64];
        for (half, name) in bytes.chunks_exact_mut(32).zip(["1", "2"]) {
            half.copy_from_slice(&self.mac(&[purpose.as_bytes(), name.as_bytes()]));
        }
        bytes
    }

    fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        // HMAC takes keys of any length, so this cannot fail; an all-zero MAC would verify nowhere.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else {
            return [0; 32];
        };
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                mac.update(b".");
            }
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

impl std::fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningSecret(…)")
    }
}

/// What one attempt signs.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// The reprocess, equal on every attempt; also `webhook-id`.
    pub id: &'a str,
    /// Unix seconds of this attempt.
    pub timestamp: i64,
    /// New on every attempt, without a dot.
    pub nonce: &'a str,
    /// The raw body.
    pub body: &'a [u8],
}

/// The value of `X-SP-Signature`: one `v1=` per secret, separated by commas.
#[must_use]
pub fn sp_signature(secrets: &[SigningSecret], signed: Signed<'_>) -> String {
    let timestamp = signed.timestamp.to_string();
    join(secrets, ",", |secret| {
        let mac = secret.mac(&[timestamp.as_bytes(), signed.nonce.as_bytes(), signed.body]);
        format!("v1={}", hex::encode(mac))
    })
}

/// The value of `webhook-signature`: one `v1,` per secret, separated by spaces.
#[must_use]
pub fn standard_signature(secrets: &[SigningSecret], signed: Signed<'_>) -> String {
    let timestamp = signed.timestamp.to_string();
    join(secrets, " ", |secret| {
        let mac = secret.mac(&[signed.id.as_bytes(), timestamp.as_bytes(), signed.body]);
        format!("v1,{}", STANDARD.encode(mac))
    })
}

/// Checks an `X-SP-Signature` in constant time, as a receiver does; used by the built-in test shop and by `demo`.
#[must_use]
pub fn verify_sp_signature(secret: &SigningSecret, header: &str, signed: Signed<'_>) -> bool {
    let wanted = sp_signature(std::slice::from_ref(secret), signed);
    header.split(',').any(|given| given.trim().as_bytes().ct_eq(wanted.as_bytes()).into())
}

fn join(
    secrets: &[SigningSecret],
    separator: &str,
    sign: impl Fn(&SigningSecret) -> String,
) -> String {
    secrets.iter().map(sign).collect::<Vec<_>>().join(separator)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNED: Signed<'_> = Signed {
        id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp: 1_614_265_330,
        nonce: "n",
        body: br#"{"test": 2432232314}"#,
    };

    /// The wanted values were computed by another implementation (Python's `hmac`).
    #[test]
    fn both_schemes_sign_what_the_contract_says() {
        let secret = SigningSecret::from_bytes([0; 32]);
        let standard = standard_signature(std::slice::from_ref(&secret), SIGNED);
        let ours = sp_signature(&[secret], SIGNED);
        assert_eq!(standard, "v1,woH/1mJtZGSMCmpFTxRYbStS24eLLD/oXIYr4PYyZ7g=");
        assert_eq!(ours, "v1=882a7a05edc99f04fd761dc459b67128a565eb659e8686545e96f237c0ab6d59");
    }

    #[test]
    fn during_a_rotation_every_secret_signs() {
        let secrets = [SigningSecret::from_bytes([1; 32]), SigningSecret::from_bytes([2; 32])];
        let ours = sp_signature(&secrets, SIGNED);
        assert_eq!(ours.split(',').count(), 2);
        assert_eq!(standard_signature(&secrets, SIGNED).split(' ').count(), 2);
        assert!(secrets.iter().all(|secret| verify_sp_signature(secret, &ours, SIGNED)));
        let other = SigningSecret::from_bytes([3; 32]);
        assert!(!verify_sp_signature(&other, &ours, SIGNED));
    }

    #[test]
    fn a_secret_reads_back_and_hides_from_debug() {
        let secret = SigningSecret::from_bytes([9; 32]);
        assert_eq!(SigningSecret::parse(&secret.reveal()), Ok(secret.clone()));
        assert_eq!(format!("{secret:?}"), "SigningSecret(…)");
        for bad in ["", "whsec_", "whsec_!!", "CQkJ", "whsec_CQkJ"] {
            assert_eq!(SigningSecret::parse(bad), Err(MalformedSecret), "{bad}");
        }
    }
}
