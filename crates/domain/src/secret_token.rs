//! Bearer secrets: session tokens, proof tokens, operators' own tokens.
//!
//! A session token and a proof token are 256 random bits, written as base64url without padding. An
//! operator's token is pasted by people, so it has the shape of an API key, with a checksum.
//! Anything of another shape is rejected without asking the database. The database keeps SHA-256
//! only: a stolen dump opens nothing, and with that much randomness a slow hash would protect
//! nothing more. `Debug` shows none of them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

pub use crate::base62::RANDOM_LENGTH;
use crate::base62::{self, base62_secret};

/// How many characters a session token or a proof token has.
pub const TOKEN_LENGTH: usize = 43;
/// What an operator's token begins with.
pub const OPERATOR_PREFIX: &str = "op_";

macro_rules! token_256 {
    ($($(#[$meta:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name([u8; 32]);

        impl $name {
            /// A token out of 32 random bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// Reads a token as a browser sent it; `None` for anything of another shape.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                if text.len() != TOKEN_LENGTH {
                    return None;
                }
                URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
            }

            /// The token itself.
            #[must_use]
            pub fn reveal(&self) -> String {
                URL_SAFE_NO_PAD.encode(self.0)
            }

            /// What the database keeps instead of the token.
            #[must_use]
            pub fn hash(&self) -> [u8; 32] {
                Sha256::digest(self.0).into()
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    )+};
}

token_256! {
    /// What the cookie of a signed-in browser holds.
    SessionToken,
    /// What the address of a proof page ends with.
    ProofToken,
}

impl SessionToken {
    /// What each form of this session carries. Another site can neither read nor guess it, and it
    /// says nothing of the session token.
    #[must_use]
    pub fn csrf(&self) -> String {
        // HMAC takes keys of any length, so this cannot fail; an empty text is never accepted.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else {
            return String::new();
        };
        mac.update(b"csrf");
        hex::encode(mac.finalize().into_bytes())
    }

    /// Whether a form carried this session's token. Takes the same time wherever the two differ.
    #[must_use]
    pub fn accepts_csrf(&self, given: &str) -> bool {
        let wanted = self.csrf();
        !wanted.is_empty() && given.as_bytes().ct_eq(wanted.as_bytes()).into()
    }
}

base62_secret! {
    /// A well-formed operator's token, `op_…`.
    OperatorToken
}

impl OperatorToken {
    /// Makes a token out of at least twice [`RANDOM_LENGTH`] random bytes; `None` if they were too
    /// few.
    #[must_use]
    pub fn from_random(random: &[u8]) -> Option<Self> {
        base62::make(OPERATOR_PREFIX, random).map(Self::new)
    }

    /// Reads a token as a caller sent it; `None` for anything that was never made here.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        base62::is_well_formed(OPERATOR_PREFIX, text).then(|| Self::new(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api_key::ApiKey;
    use crate::project::Mode;
    use proptest::prelude::*;

    fn operator_token() -> OperatorToken {
        OperatorToken::from_random(&[7; 64]).expect("enough bytes")
    }

    #[test]
    fn a_session_token_of_another_shape_is_rejected() {
        let good = SessionToken::from_bytes([0xfb; 32]).reveal();
        assert_eq!(good.len(), TOKEN_LENGTH);
        assert!(good.contains(['-', '_']), "of the alphabet that a URL and a cookie can hold");
        let (short, long) = (good[1..].to_owned(), format!("{good}A"));
        let (padded, spaced) = (format!("{}=", &good[1..]), format!("{} ", &good[1..]));
        let standard = good.replace('-', "+").replace('_', "/");
        // The last character carries four bits: another text for the same bytes would be a second
        // key.
        let alias = format!("{}B", "A".repeat(42));
        for bad in ["", &short, &long, &padded, &spaced, &standard, &alias, "é"] {
            assert_eq!(SessionToken::parse(bad), None, "{bad:?}");
            assert_eq!(ProofToken::parse(bad), None, "{bad:?}");
        }
    }

    /// The wanted value was computed by another implementation (Python's `hmac`).
    #[test]
    fn a_form_carries_a_token_that_only_its_session_accepts() {
        let session = SessionToken::from_bytes([0; 32]);
        let csrf = session.csrf();
        assert_eq!(csrf, "fd830a6a108d4ab6ad423f7360cc3e72e451da5341d6f576b063c9f36f4f65ec");
        assert!(session.accepts_csrf(&csrf));
        let upper = csrf.to_uppercase();
        for bad in ["", &csrf[1..], &upper, &format!("{csrf} "), &session.reveal()] {
            assert!(!session.accepts_csrf(bad), "{bad:?}");
        }
        assert!(!SessionToken::from_bytes([1; 32]).accepts_csrf(&csrf));
    }

    #[test]
    fn an_operators_token_reads_back_and_has_the_promised_shape() {
        let token = operator_token();
        assert!(token.reveal().starts_with("op_"));
        assert_eq!(token.reveal().len(), 3 + 32 + 6);
        assert_eq!(OperatorToken::parse(token.reveal()), Some(token.clone()));
        assert_eq!(OperatorToken::from_random(&[255; 64]), None);
        let mistyped = token.reveal().replacen('7', "8", 1);
        assert_eq!(OperatorToken::parse(&mistyped), None, "{mistyped}");
    }

    #[test]
    fn an_api_key_is_no_operators_token_and_the_other_way_round() {
        let key = ApiKey::from_random(Mode::Test, &[7; 64]).expect("enough bytes");
        assert_eq!(OperatorToken::parse(key.reveal()), None);
        assert_eq!(ApiKey::parse(operator_token().reveal()), None);
        let swapped = key.reveal().replacen("sk_test_", OPERATOR_PREFIX, 1);
        assert_eq!(OperatorToken::parse(&swapped), None, "the checksum covers the prefix");
    }

    #[test]
    fn debug_output_shows_none_of_them() {
        let (session, proof) = (SessionToken::from_bytes([9; 32]), ProofToken::from_bytes([9; 32]));
        assert_eq!(format!("{session:?} {proof:?}"), "SessionToken(…) ProofToken(…)");
        let token = operator_token();
        let shown = format!("{token:?}");
        assert_eq!(shown, format!("OperatorToken(…{})", token.last_four()));
    }

    proptest! {
        #[test]
        fn every_token_reads_back_and_is_stored_as_something_else(bytes in any::<[u8; 32]>()) {
            let token = SessionToken::from_bytes(bytes);
            prop_assert_eq!(SessionToken::parse(&token.reveal()), Some(token.clone()));
            prop_assert_ne!(token.hash(), bytes);
        }
    }
}
