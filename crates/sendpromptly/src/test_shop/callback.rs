//! Checking a signed request, as a good endpoint does.

use axum::http::HeaderMap;
use domain::signature::{Signed, SigningSecret, verify_sp_signature};
use time::OffsetDateTime;

/// How old or how far ahead a request's timestamp may be, in seconds.
const MAX_AGE_SECONDS: u64 = 300;

/// The `webhook-id` and the nonce of a request that one of these secrets signed within the last five minutes.
#[must_use]
pub fn verify<'a>(
    secrets: &[SigningSecret],
    headers: &'a HeaderMap,
    body: &[u8],
    now: OffsetDateTime,
) -> Option<(&'a str, &'a str)> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    let (id, nonce) = (text("webhook-id")?, text("x-sp-nonce")?);
    let timestamp: i64 = text("x-sp-timestamp")?.parse().ok()?;
    let signature = text("x-sp-signature")?;
    let is_fresh = now.unix_timestamp().abs_diff(timestamp) <= MAX_AGE_SECONDS;
    let signed = Signed { id, timestamp, nonce, body };
    let is_genuine = secrets.iter().any(|secret| verify_sp_signature(secret, signature, signed));
    (is_fresh && is_genuine).then_some((id, nonce))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use domain::signature::sp_signature;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-21 14:02:09 UTC);

    fn secret(byte: u8) -> SigningSecret {
        SigningSecret::from_bytes([byte; 32])
    }

    fn headers(age: i64) -> HeaderMap {
        let timestamp = NOW.unix_timestamp() - age;
        let signed = Signed { id: "rpl_1", timestamp, nonce: "n1", body: b"{}" };
        let pairs = [
            ("webhook-id", "rpl_1".to_owned()),
            ("x-sp-nonce", "n1".to_owned()),
            ("x-sp-timestamp", timestamp.to_string()),
            ("x-sp-signature", sp_signature(&[secret(1)], signed)),
        ];
        let pairs = pairs.map(|(name, value)| {
            let name = axum::http::HeaderName::from_static(name);
            (name, HeaderValue::from_str(&value).expect("a header"))
        });
        pairs.into_iter().collect()
    }

    #[test]
    fn one_of_the_secrets_must_have_signed_this_body_within_five_minutes() {
        let check = |secrets: &[SigningSecret], age, body: &[u8]| {
            verify(secrets, &headers(age), body, NOW).is_some()
        };
        assert!(check(&[secret(2), secret(1)], 0, b"{}"), "while a secret is rotated out");
        assert!(check(&[secret(1)], 300, b"{}") && check(&[secret(1)], -300, b"{}"));
        assert!(!check(&[secret(1)], 301, b"{}") && !check(&[secret(1)], -301, b"{}"));
        assert!(!check(&[secret(2)], 0, b"{}"), "another project's secret");
        assert!(!check(&[secret(1)], 0, b"{ }"), "another body");
        assert!(!check(&[], 0, b"{}"));
    }

    #[test]
    fn a_request_without_one_of_the_headers_is_none_of_ours() {
        for missing in ["webhook-id", "x-sp-nonce", "x-sp-timestamp", "x-sp-signature"] {
            let mut headers = headers(0);
            headers.remove(missing);
            assert_eq!(verify(&[secret(1)], &headers, b"{}", NOW), None, "{missing}");
        }
        assert_eq!(verify(&[secret(1)], &headers(0), b"{}", NOW), Some(("rpl_1", "n1")));
    }
}
