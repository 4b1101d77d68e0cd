//! The headers that let a receiver know our requests from those of strangers: both schemes of
//! [`domain::signature`], over one body.

use domain::signature::{self, Signed, SigningSecret};

/// The headers of one attempt: ours, and those of Standard Webhooks.
pub(crate) fn headers<'a>(secrets: &[SigningSecret], signed: Signed<'_>) -> [(&'a str, String); 7] {
    let timestamp = signed.timestamp.to_string();
    [
        ("content-type", "application/json".to_owned()),
        ("x-sp-timestamp", timestamp.clone()),
        ("x-sp-nonce", signed.nonce.to_owned()),
        ("x-sp-signature", signature::sp_signature(secrets, signed)),
        ("webhook-timestamp", timestamp),
        ("webhook-signature", signature::standard_signature(secrets, signed)),
        ("webhook-id", signed.id.to_owned()),
    ]
}

/// 128 random bits, without a dot.
pub(crate) fn nonce() -> Result<String, getrandom::Error> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes)?;
    Ok(hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonces_are_fresh_and_have_no_dot() {
        let (a, b) = (nonce().expect("a nonce"), nonce().expect("a nonce"));
        assert_ne!(a, b);
        assert!(a.len() == 32 && !a.contains('.'));
    }
}
