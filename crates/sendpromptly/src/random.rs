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
    web::random::signing_secret().context("the system gave no random bytes")
}

/// A new API key.
///
/// # Errors
/// When the system gives no random bytes.
pub fn api_key(mode: Mode) -> anyhow::Result<ApiKey> {
    web::random::api_key(mode).context("the system gave no random bytes")
}
