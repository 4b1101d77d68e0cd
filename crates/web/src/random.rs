//! Secrets that cannot be guessed, out of the system's random bytes.

use domain::api_key::{ApiKey, RANDOM_LENGTH};
use domain::project::Mode;
use domain::secret_token::{OperatorToken, ProofToken, SessionToken};
use domain::signature::SigningSecret;

/// What a password for the first sign-in is written with: letters and digits that are not easily
/// confused.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// How many of them, in groups of four: 120 bits.
const PASSWORD_LENGTH: usize = 24;

/// A new session's token.
///
/// # Errors
/// When the system gives no random bytes.
pub fn session_token() -> Result<SessionToken, getrandom::Error> {
    bytes().map(SessionToken::from_bytes)
}

/// A new proof link's token.
///
/// # Errors
/// When the system gives no random bytes.
pub fn proof_token() -> Result<ProofToken, getrandom::Error> {
    bytes().map(ProofToken::from_bytes)
}

/// A new token of an operator's own.
///
/// # Errors
/// When the system gives no random bytes.
pub fn operator_token() -> Result<OperatorToken, getrandom::Error> {
    OperatorToken::from_random(&plenty()?).ok_or(getrandom::Error::UNEXPECTED)
}

/// A new API key.
///
/// # Errors
/// When the system gives no random bytes.
pub fn api_key(mode: Mode) -> Result<ApiKey, getrandom::Error> {
    ApiKey::from_random(mode, &plenty()?).ok_or(getrandom::Error::UNEXPECTED)
}

/// A new signing secret.
///
/// # Errors
/// When the system gives no random bytes.
pub fn signing_secret() -> Result<SigningSecret, getrandom::Error> {
    bytes().map(SigningSecret::from_bytes)
}

/// A password that one person reads to another, for the first sign-in.
///
/// # Errors
/// When the system gives no random bytes.
pub fn first_password() -> Result<String, getrandom::Error> {
    let random: [u8; PASSWORD_LENGTH] = bytes()?;
    let letters = random.map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
    let groups: Vec<String> = letters.chunks(4).map(|four| four.iter().collect()).collect();
    Ok(groups.join("-"))
}

/// Three bytes for each character: that a third of them is passed over does not happen.
fn plenty() -> Result<[u8; 3 * RANDOM_LENGTH], getrandom::Error> {
    bytes()
}

/// Random bytes.
///
/// # Errors
/// When the system gives none.
pub fn bytes<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut random = [0; N];
    getrandom::fill(&mut random)?;
    Ok(random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_secrets_are_the_same() {
        let two = || [session_token(), session_token()].map(|one| one.expect("random").reveal());
        let [first, second] = two();
        assert_ne!(first, second);
        assert_ne!(
            proof_token().expect("random").reveal(),
            proof_token().expect("random").reveal()
        );
        assert_ne!(operator_token().expect("random"), operator_token().expect("random"));
        assert_ne!(signing_secret().expect("random"), signing_secret().expect("random"));
        let key = |mode| api_key(mode).expect("random");
        assert_ne!(key(Mode::Live), key(Mode::Live));
        assert!(key(Mode::Live).reveal().starts_with("sk_live_"));
    }
}
