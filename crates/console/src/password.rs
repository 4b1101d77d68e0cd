//! Passwords of operators, kept as Argon2id.
//!
//! The cost is the one that OWASP recommends: 19 MiB of memory, two passes, one lane
//! (<https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html>). The stored
//! text carries its own salt and cost, so raising the cost later leaves older passwords valid. Both
//! [`hash`] and [`verify`] keep a core busy for a while: an async caller runs them where blocking
//! is allowed. A password is never part of an error.

use argon2::password_hash::{Error, PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};

/// The fewest characters that a new password may have.
pub const MIN_CHARACTERS: usize = 12;
/// The most bytes that are checked, so that a password of a megabyte costs nothing.
pub const MAX_BYTES: usize = 1024;

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// A password could not be hashed or compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Too easy to guess.
    #[error("a password needs at least {MIN_CHARACTERS} characters")]
    TooShort,
    /// Too long to be checked.
    #[error("a password may have at most {MAX_BYTES} bytes")]
    TooLong,
    /// The system gave no random bytes for the salt.
    #[error("the system gave no random bytes")]
    Random,
    /// Too many passwords are being checked.
    #[error("too many passwords are being checked; try again in a moment")]
    Busy,
    /// The stored hash is damaged, or hashing itself failed.
    #[error("the password could not be processed: {0}")]
    Hashing(Error),
}

/// Checks a new password against the rules, without the work of hashing it.
///
/// # Errors
/// When it is too short or too long.
pub fn check(password: &str) -> Result<(), PasswordError> {
    if password.chars().count() < MIN_CHARACTERS {
        return Err(PasswordError::TooShort);
    }
    if password.len() > MAX_BYTES {
        return Err(PasswordError::TooLong);
    }
    Ok(())
}

/// Hashes a new password into the text that is stored.
///
/// # Errors
/// When it is too short or too long, or the system gives no random bytes.
pub fn hash(password: &str) -> Result<String, PasswordError> {
    check(password)?;
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|_| PasswordError::Random)?;
    let salt = SaltString::encode_b64(&random).map_err(PasswordError::Hashing)?;
    let hashed = hasher()?.hash_password(password.as_bytes(), &salt);
    hashed.map(|hash| hash.to_string()).map_err(PasswordError::Hashing)
}

/// Whether a typed password is the one that was stored.
///
/// # Errors
/// When the stored text is no password hash.
pub fn verify(password: &str, stored: &str) -> Result<bool, PasswordError> {
    if password.len() > MAX_BYTES {
        return Ok(false);
    }
    let stored = PasswordHash::new(stored).map_err(PasswordError::Hashing)?;
    match hasher()?.verify_password(password.as_bytes(), &stored) {
        Ok(()) => Ok(true),
        Err(Error::Password) => Ok(false),
        Err(error) => Err(PasswordError::Hashing(error)),
    }
}

fn hasher() -> Result<Argon2<'static>, PasswordError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None)
        .map_err(|error| PasswordError::Hashing(error.into()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;
    use web::random;

    const PASSWORD: &str = "correct horse battery";

    #[test]
    fn a_hash_names_its_cost_and_verifies_its_own_password_only() {
        let stored = hash(PASSWORD).expect("a good password");
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert_eq!(verify(PASSWORD, &stored), Ok(true));
        assert_eq!(verify("correct horse batterx", &stored), Ok(false));
    }

    #[test]
    fn the_same_password_hashes_differently_each_time() {
        assert_ne!(hash(PASSWORD), hash(PASSWORD));
    }

    #[test]
    fn short_and_huge_passwords_are_rejected() {
        assert_eq!(hash("elevenchars"), Err(PasswordError::TooShort));
        assert_eq!(hash(&"x".repeat(MAX_BYTES + 1)), Err(PasswordError::TooLong));
        assert_eq!(check(&"é".repeat(MAX_BYTES / 2)), Ok(()));
        let stored = hash("zwölfzeichen").expect("twelve characters");
        assert_eq!(verify(&"x".repeat(1_000_000), &stored), Ok(false));
    }

    #[test]
    fn a_hash_with_another_cost_still_verifies() {
        let params = Params::new(8, 1, 1, None).expect("a small cost");
        let cheap = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let salt = SaltString::encode_b64(&[7; 16]).expect("a salt");
        let stored = cheap.hash_password(PASSWORD.as_bytes(), &salt).expect("hashed").to_string();
        assert_eq!(verify(PASSWORD, &stored), Ok(true));
    }

    #[test]
    fn a_damaged_hash_is_an_error_and_not_a_wrong_password() {
        assert!(matches!(verify(PASSWORD, "plain"), Err(PasswordError::Hashing(_))));
    }

    #[test]
    fn a_first_password_can_be_read_aloud_and_is_a_good_one() {
        let password = random::first_password().expect("random bytes");
        assert_eq!(password.split('-').map(str::len).collect::<Vec<_>>(), [4; 6]);
        assert!(!password.contains(['l', 'o', '0', '1']), "{password}");
        assert!(hash(&password).is_ok());
        assert_ne!(random::first_password(), Ok(password));
    }
}
