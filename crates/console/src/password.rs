//! Passwords of operators, kept as Argon2id.
//!
//! The cost is the one that OWASP recommends: 19 MiB of memory, two passes, one lane
//! (<https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html>). The stored
//! text carries its own salt and cost, so raising the cost later leaves older passwords valid. Both
//! [`hash`] and [`verify`] keep a core busy for a while: an async caller runs them where blocking
//! is allowed. A password is never part of an error.
//!
//! The memory is the caller's ([`Memory`]) and is used again: taken from the allocator for each check and
//! given back, it stays with the process all the same, a piece for every thread that ever checked one. It
//! is wiped after each use, because what it holds is derived from the password at no cost.

use argon2::password_hash::{Error, Output, ParamsString, PasswordHash, Salt, SaltString};
use argon2::{Algorithm, Argon2, Block, Params, Version};

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

/// What one password is worked on in. It grows to what the cost asks for, and stays.
#[derive(Default)]
pub struct Memory(Vec<Block>);

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Memory({} KiB)", self.0.len())
    }
}

/// Hashes a new password into the text that is stored.
///
/// # Errors
/// When it is too short or too long, or the system gives no random bytes.
pub fn hash(password: &str, memory: &mut Memory) -> Result<String, PasswordError> {
    check(password)?;
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|_| PasswordError::Random)?;
    let salt = SaltString::encode_b64(&random).map_err(PasswordError::Hashing)?;
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(failed)?;
    let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let output = derive(&hasher, password, salt.as_salt(), Params::DEFAULT_OUTPUT_LEN, memory)?;
    let stored = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(hasher.params()).map_err(PasswordError::Hashing)?,
        salt: Some(salt.as_salt()),
        hash: Some(output),
    };
    Ok(stored.to_string())
}

/// Whether a typed password is the one that was stored.
///
/// # Errors
/// When the stored text is no password hash.
pub fn verify(password: &str, stored: &str, memory: &mut Memory) -> Result<bool, PasswordError> {
    if password.len() > MAX_BYTES {
        return Ok(false);
    }
    let stored = PasswordHash::new(stored).map_err(PasswordError::Hashing)?;
    let (Some(salt), Some(expected)) = (stored.salt, stored.hash) else {
        return Err(PasswordError::Hashing(Error::PhcStringField));
    };
    let algorithm = Algorithm::try_from(stored.algorithm).map_err(PasswordError::Hashing)?;
    let version = stored.version.map_or(Ok(Version::default()), Version::try_from);
    let params = Params::try_from(&stored).map_err(PasswordError::Hashing)?;
    let hasher = Argon2::new(algorithm, version.map_err(failed)?, params);
    let output = derive(&hasher, password, salt, expected.len(), memory)?;
    // In a time that does not depend on where they differ.
    Ok(output == expected)
}

fn derive(
    hasher: &Argon2<'_>,
    password: &str,
    salt: Salt<'_>,
    length: usize,
    memory: &mut Memory,
) -> Result<Output, PasswordError> {
    let mut bytes = [0; Salt::MAX_LENGTH];
    let salt = salt.decode_b64(&mut bytes).map_err(PasswordError::Hashing)?;
    let blocks = hasher.params().block_count();
    if memory.0.len() < blocks {
        memory.0.resize(blocks, Block::new());
    }
    let output = Output::init_with(length, |out| {
        let used = &mut memory.0[..blocks];
        Ok(hasher.hash_password_into_with_memory(password.as_bytes(), salt, out, used)?)
    });
    memory.0[..blocks].fill(Block::new());
    output.map_err(PasswordError::Hashing)
}

fn failed(error: argon2::Error) -> PasswordError {
    PasswordError::Hashing(error.into())
}

#[cfg(test)]
mod tests {
    use argon2::password_hash::PasswordHasher;
    use web::random;

    use super::{hash as hash_in, verify as verify_in, *};

    const PASSWORD: &str = "correct horse battery";

    fn hash(password: &str) -> Result<String, PasswordError> {
        hash_in(password, &mut Memory::default())
    }

    fn verify(password: &str, stored: &str) -> Result<bool, PasswordError> {
        verify_in(password, stored, &mut Memory::default())
    }

    #[test]
    fn memory_that_was_used_before_gives_the_same_and_holds_nothing_of_it() {
        let mut memory = Memory::default();
        let stored = hash_in(PASSWORD, &mut memory).expect("a good password");
        for _ in 0..2 {
            assert_eq!(verify_in(PASSWORD, &stored, &mut memory), Ok(true));
            assert_eq!(verify_in("correct horse batterx", &stored, &mut memory), Ok(false));
        }
        assert_eq!(verify(PASSWORD, &stored), Ok(true));
        assert_eq!(memory.0.len(), MEMORY_KIB as usize);
        assert!(memory.0.iter().all(|block| block.as_ref().iter().all(|word| *word == 0)));
    }

    #[test]
    fn the_library_itself_takes_what_was_hashed_here() {
        use argon2::password_hash::PasswordVerifier;
        let stored = hash(PASSWORD).expect("a good password");
        let stored = PasswordHash::new(&stored).expect("a hash");
        assert_eq!(Argon2::default().verify_password(PASSWORD.as_bytes(), &stored), Ok(()));
    }

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
