//! Secrets that nobody can guess: 256 bits from the system.

use domain::api_key::{ApiKey, RANDOM_LENGTH};
use domain::project::Mode;
use domain::secret_token::{ProofToken, SessionToken};
use domain::signature::SigningSecret;

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

/// A new signing secret.
///
/// # Errors
/// When the system gives no random bytes.
pub fn signing_secret() -> Result<SigningSecret, getrandom::Error> {
    bytes().map(SigningSecret::from_bytes)
}

/// A new API key.
///
/// # Errors
/// When the system gives no random bytes.
pub fn api_key(mode: Mode) -> Result<ApiKey, getrandom::Error> {
    // Three bytes for each character: that a third of them is passed over does not happen.
    let mut random = [0; 3 * RANDOM_LENGTH];
    getrandom::fill(&mut random)?;
    ApiKey::from_random(mode, &random).ok_or(getrandom::Error::UNEXPECTED)
}

fn bytes() -> Result<[u8; 32], getrandom::Error> {
    let mut random = [0; 32];
    getrandom::fill(&mut random)?;
    Ok(random)
}
