//! The headers that say who asks and which request it is.
//!
//! A header that decides something and occurs twice has two readings: a proxy in front may have
//! checked the first while the server obeys the last. Such requests are rejected, never guessed at; so are bytes outside
//! ASCII, but for what proxies add of their own and no app can help: the city that a request comes from is in UTF-8
//! (<https://developers.cloudflare.com/rules/transform/managed-transforms/reference/#encoding-of-non-ascii-header-values>).

use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName};
use domain::api_key::ApiKey;

use crate::error::ApiError;

/// The header that makes a request safe to repeat.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const MAX_IDEMPOTENCY_KEY: usize = 255;
/// How the headers begin that proxies add: Cloudflare, Google's App Engine, load balancers, and those that end TLS.
const OF_PROXIES: [&str; 4] = ["cf-", "x-appengine-", "x-forwarded-", "x-ssl-"];

/// Rejects repeated headers and bytes outside ASCII.
pub(super) fn reject_doubtful(headers: &HeaderMap) -> Result<(), ApiError> {
    for name in [AUTHORIZATION, IDEMPOTENCY_KEY, CONTENT_TYPE] {
        if headers.get_all(&name).iter().nth(1).is_some() {
            return Err(ApiError::malformed(format!("the header {name} stands more than once")));
        }
    }
    let mut foreign = headers.iter().filter(|(_, value)| !value.as_bytes().is_ascii());
    match foreign.find(|(name, _)| !is_of_a_proxy(name)) {
        Some((name, _)) => {
            Err(ApiError::malformed(format!("the header {name} has characters outside ASCII")))
        }
        None => Ok(()),
    }
}

fn is_of_a_proxy(name: &HeaderName) -> bool {
    OF_PROXIES.iter().any(|start| name.as_str().starts_with(start))
}

/// Reads the key, by its shape alone. Every failure looks the same.
pub(super) fn api_key(headers: &HeaderMap) -> Result<ApiKey, ApiError> {
    bearer(headers).and_then(ApiKey::parse).ok_or(ApiError::Unauthorized)
}

/// What follows `Authorization: Bearer`.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, credential) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| credential.trim_start_matches(' '))
}

/// Reads the idempotency key.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<String, ApiError> {
    let key = headers.get(IDEMPOTENCY_KEY).map_or(&b""[..], |value| value.as_bytes());
    if key.is_empty() {
        return Err(ApiError::MissingIdempotencyKey);
    }
    parse_idempotency_key(key).ok_or_else(|| {
        ApiError::malformed(
            "the Idempotency-Key must be 1 to 255 visible ASCII characters, without spaces",
        )
    })
}

/// An idempotency key, if it is one: 1 to 255 visible ASCII characters.
#[must_use]
pub fn parse_idempotency_key(key: &[u8]) -> Option<String> {
    let is_one =
        (1..=MAX_IDEMPOTENCY_KEY).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic);
    is_one.then(|| String::from_utf8_lossy(key).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use domain::project::Mode;

    fn headers(pairs: &[(&'static str, &[u8])]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_bytes(value).expect("a value"));
        }
        headers
    }

    fn code<T>(result: Result<T, ApiError>) -> &'static str {
        result.map_or_else(|error| error.code(), |_| "taken")
    }

    #[test]
    fn headers_that_decide_may_stand_once() {
        for name in ["authorization", "idempotency-key", "content-type"] {
            let once = headers(&[(name, b"a")]);
            let twice = headers(&[(name, b"a"), (name, b"a")]);
            assert_eq!(code(reject_doubtful(&once)), "taken", "{name}");
            assert_eq!(code(reject_doubtful(&twice)), "malformed_request", "{name}");
        }
        let list = headers(&[("accept", b"text/html"), ("accept", b"*/*")]);
        assert_eq!(code(reject_doubtful(&list)), "taken");
    }

    #[test]
    fn bytes_outside_ascii_are_rejected_without_being_echoed() {
        for value in ["é".as_bytes(), b"caf\xe9", "🔑".as_bytes(), b"\xff"] {
            for name in ["authorization", "idempotency-key", "user-agent", "x-anything"] {
                let rejected = reject_doubtful(&headers(&[(name, value)]));
                let message = rejected.expect_err("rejected").to_string();
                assert_eq!(message, format!("the header {name} has characters outside ASCII"));
            }
        }
    }

    #[test]
    fn what_a_proxy_adds_may_hold_anything() {
        for name in ["cf-ipcity", "cf-region", "x-appengine-city", "x-ssl-client-s-dn"] {
            for value in ["São Paulo".as_bytes(), b"S\xe3o Paulo", b"\xff"] {
                let taken = headers(&[(name, value), (name, value)]);
                assert_eq!(code(reject_doubtful(&taken)), "taken", "{name}");
            }
        }
    }

    #[test]
    fn only_a_bearer_key_of_the_right_shape_is_taken() {
        let key = ApiKey::from_random(Mode::Live, &[9; 64]).expect("enough bytes");
        let key = key.reveal();
        for (value, expected) in [
            (format!("Bearer {key}"), "taken"),
            (format!("bearer {key}"), "taken"),
            (format!("BEARER   {key}"), "taken"),
            (key.to_owned(), "unauthorized"),
            (format!("Basic {key}"), "unauthorized"),
            (format!("Bearer{key}"), "unauthorized"),
            (format!("Bearer\t{key}"), "unauthorized"),
            (format!("Bearer {key}, Bearer {key}"), "unauthorized"),
            (format!("Bearer {key}0"), "unauthorized"),
            (format!("Bearer \"{key}\""), "unauthorized"),
            (format!("Bearer {}", key.replace("sk_live", "sk_test")), "unauthorized"),
            ("Bearer sk_live_".to_owned(), "unauthorized"),
            ("Bearer ".to_owned(), "unauthorized"),
            ("Bearer".to_owned(), "unauthorized"),
            (String::new(), "unauthorized"),
        ] {
            let headers = headers(&[("authorization", value.as_bytes())]);
            assert_eq!(code(api_key(&headers)), expected, "{value}");
        }
        assert_eq!(code(api_key(&HeaderMap::new())), "unauthorized");
    }

    #[test]
    fn idempotency_keys_are_1_to_255_visible_characters() {
        let (longest, too_long) = ("x".repeat(255), "x".repeat(256));
        for (value, expected) in [
            ("!", "taken"),
            ("~", "taken"),
            ("\"quoted\"", "taken"),
            (longest.as_str(), "taken"),
            ("", "missing_idempotency_key"),
            (too_long.as_str(), "malformed_request"),
            ("two words", "malformed_request"),
            ("tab\there", "malformed_request"),
            ("🔑", "malformed_request"),
        ] {
            let headers = headers(&[("idempotency-key", value.as_bytes())]);
            assert_eq!(code(idempotency_key(&headers)), expected, "{value:?}");
        }
        assert_eq!(code(idempotency_key(&HeaderMap::new())), "missing_idempotency_key");
    }
}
