//! Random bytes from the operating system, for secrets and nonces.

use anyhow::Context as _;
use domain::api_key::ApiKey;
use domain::project::Mode;
use domain::signature::SigningSecret;

/// Random bytes.
///
/// # Errors
/// When the system has none to give.
pub fn bytes<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).context("the system gave no random bytes")?;
    Ok(bytes)
}

/// A new signing secret.
///
/// # Errors
/// When the system gives no random bytes.
pub fn signing_secret() -> anyhow::Result<SigningSecret> {
    Ok(SigningSecret::from_bytes(bytes()?))
}

/// A new API key.
///
/// # Errors
/// When the system gives no random bytes.
pub fn api_key(mode: Mode) -> anyhow::Result<ApiKey> {
    // Three bytes for each character: that a third of them is passed over does not happen.
    let random: [u8; 3 * domain::api_key::RANDOM_LENGTH] = bytes()?;
    ApiKey::from_random(mode, &random).context("the system's random bytes are not random")
}
