//! Whether a request says which host it is for, once.
//!
//! A proxy in front may route and check by the first `Host`, or by none. RFC 9112, section 3.2, asks for
//! 400 where it is missing, there twice, or no host, so that nobody has to guess. The connection looks
//! (`mark`) and the layers that write errors reject ([`reject_doubtful_host`]), so that the response is
//! JSON or a page as everywhere. Nothing of ours is decided by `Host`: links and the origin of forms come
//! from `SENDPROMPTLY_PUBLIC_URL`.

use axum::extract::Request;
use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::error::ApiError;

/// What is wrong with the `Host` of a request.
#[derive(Debug, Clone, Copy)]
struct DoubtfulHost(&'static str);

/// Notes what is wrong with a request's `Host`, as it came from the network.
pub(crate) fn mark<B>(request: &mut axum::http::Request<B>) {
    if let Some(why) = doubt(request.version(), request.headers()) {
        request.extensions_mut().insert(DoubtfulHost(why));
    }
}

/// Rejects what the connection found.
pub async fn reject_doubtful_host(request: Request, next: Next) -> Response {
    match request.extensions().get::<DoubtfulHost>() {
        Some(DoubtfulHost(why)) => ApiError::malformed(*why).into_response(),
        None => next.run(request).await,
    }
}

fn doubt(version: Version, headers: &HeaderMap) -> Option<&'static str> {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if version < Version::HTTP_11 => None,
        (None, _) => Some("the header host is missing"),
        (Some(_), Some(_)) => Some("the header host stands more than once"),
        (Some(host), None) if is_host(host) => None,
        (Some(_), None) => {
            Some("the header host is no host: a name or an address, and a port if wanted")
        }
    }
}

fn is_host(value: &HeaderValue) -> bool {
    let Ok(text) = value.to_str() else { return false };
    // An empty one is what RFC 9110, section 7.2, asks for where the target has no authority.
    text.is_empty() || text.parse::<Authority>().is_ok_and(|it| !it.as_str().contains('@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(hosts: &[&'static str]) -> HeaderMap {
        hosts.iter().map(|host| (HOST, HeaderValue::from_static(host))).collect()
    }

    #[test]
    fn a_request_names_its_host_once() {
        for good in ["shop.example", "shop.example:8080", "[::1]:8080", "127.0.0.1", ""] {
            assert_eq!(doubt(Version::HTTP_11, &headers(&[good])), None, "{good}");
        }
        for (hosts, why) in [
            (&[][..], "missing"),
            (&["shop.example", "shop.example"], "more than once"),
            (&["shop.example", "other.example"], "more than once"),
            (&["bob@shop.example"], "is no host"),
            (&["shop.example/path"], "is no host"),
            (&["shop example"], "is no host"),
            (&["a.example, b.example"], "is no host"),
        ] {
            let said = doubt(Version::HTTP_11, &headers(hosts)).expect("rejected");
            assert!(said.contains(why), "{hosts:?}: {said}");
        }
        assert_eq!(doubt(Version::HTTP_10, &headers(&[])), None);
        assert!(doubt(Version::HTTP_10, &headers(&["a.example", "b.example"])).is_some());
    }
}
