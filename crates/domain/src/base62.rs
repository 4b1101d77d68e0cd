//! Secrets that can be recognised without a database.
//!
//! Such a text is a prefix, 32 characters of base 62 (190 random bits) and 6 characters of base 62
//! that carry the CRC-32 of what precedes them. The checksum is no protection, it only lets a
//! mistyped or random text be rejected immediately.

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// How many random characters such a text has.
pub const RANDOM_LENGTH: usize = 32;
const CHECKSUM_LENGTH: usize = 6;

/// Makes a text out of random bytes, each at most once per character.
///
/// Bytes of 248 and above are passed over, so that each character is equally likely; give at least
/// twice [`RANDOM_LENGTH`] bytes. `None` if they were too few.
pub(crate) fn make(prefix: &str, random: &[u8]) -> Option<String> {
    let body: String = random
        .iter()
        .filter(|byte| **byte < 248)
        .take(RANDOM_LENGTH)
        .map(|byte| char::from(ALPHABET[usize::from(byte % 62)]))
        .collect();
    let mut text = format!("{prefix}{body}");
    text.extend(checksum(&text).map(char::from));
    (body.len() == RANDOM_LENGTH).then_some(text)
}

/// Whether a text could have been made here with this prefix.
pub(crate) fn is_well_formed(prefix: &str, text: &str) -> bool {
    let Some(body) = text.strip_prefix(prefix) else {
        return false;
    };
    let shaped = body.len() == RANDOM_LENGTH + CHECKSUM_LENGTH
        && body.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !shaped {
        return false;
    }
    let (checked, sum) = text.split_at(text.len() - CHECKSUM_LENGTH);
    checksum(checked) == sum.as_bytes()
}

fn checksum(text: &str) -> [u8; CHECKSUM_LENGTH] {
    let mut rest = crc32fast::hash(text.as_bytes());
    let mut digits = [b'0'; CHECKSUM_LENGTH];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[usize::try_from(rest % 62).unwrap_or_default()];
        rest /= 62;
    }
    digits
}

/// Declares such a secret. It has no `Display`, and its `Debug` hides it. The database keeps its SHA-256 only, with the
/// last four characters for display: with that much randomness a slow hash would protect nothing more.
macro_rules! base62_secret {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name {
            text: String,
            hash: [u8; 32],
        }

        impl $name {
            /// A request looks its secret up more than once; the hash of it is made here alone.
            fn new(text: String) -> Self {
                let hash = <sha2::Sha256 as sha2::Digest>::digest(text.as_bytes()).into();
                Self { text, hash }
            }

            /// The secret itself, to be shown once.
            #[must_use]
            pub fn reveal(&self) -> &str {
                &self.text
            }

            /// What the database keeps instead of it.
            #[must_use]
            pub const fn hash(&self) -> [u8; 32] {
                self.hash
            }

            /// The last four characters, for people to distinguish such secrets.
            #[must_use]
            pub fn last_four(&self) -> &str {
                &self.text[self.text.len() - 4..]
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "(…{})"), self.last_four())
            }
        }
    };
}
pub(crate) use base62_secret;
