//! Secrets that nobody can guess: 256 bits from the system.

use domain::secret_token::{ProofToken, SessionToken};

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

fn bytes() -> Result<[u8; 32], getrandom::Error> {
    let mut random = [0; 32];
    getrandom::fill(&mut random)?;
    Ok(random)
}
