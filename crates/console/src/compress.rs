//! Pages by gzip. A list of long texts, or an endpoint that fails with pages of its own, makes a page of hundreds of
//! kilobytes that goes over the line as some tens.
//!
//! What is compressed together can be guessed from its length by anyone who reads the line and has a browser open an address
//! with one guess after the other in it (BREACH, <https://www.breachattack.com>). Pages repeat what a query says, so an address
//! with one is compressed only where the browser says that no other site led there; and not where a script refreshes
//! the page that another site may have opened.

use std::io::Read as _;

use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::Request;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, VARY};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::read::GzEncoder;

use crate::assets::takes_gzip;
use crate::error_page::is_html;
use crate::same_origin::is_from_here;
use crate::session::is_refresh;

/// Pages below this, in bytes, are sent as they are: they are a few packets anyhow.
const SMALL: u64 = 8 * 1024;

/// Compresses a large page for a browser that takes gzip.
pub(crate) async fn compress_page(request: Request, next: Next) -> Response {
    let may = may_compress(&request);
    let response = next.run(request).await;
    if !may || !is_large_page(&response) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // A page is rendered as a whole before it is sent, so there is nothing to wait for and no more than that to hold.
    let Ok(plain) = to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut gzip = Vec::new();
    if GzEncoder::new(&plain[..], Compression::fast()).read_to_end(&mut gzip).is_err() {
        return Response::from_parts(parts, Body::from(plain));
    }
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    parts.headers.append(VARY, HeaderValue::from_static("accept-encoding, sec-fetch-site"));
    Response::from_parts(parts, Body::from(gzip))
}

fn may_compress(request: &Request) -> bool {
    let headers = request.headers();
    let is_ours = || is_from_here(headers) && !is_refresh(headers);
    request.method() != Method::HEAD
        && takes_gzip(headers)
        && (request.uri().query().is_none() || is_ours())
}

fn is_large_page(response: &Response) -> bool {
    let is_large = response.body().size_hint().exact().is_some_and(|bytes| bytes >= SMALL);
    is_large && is_html(response.headers()) && !response.headers().contains_key(CONTENT_ENCODING)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    fn asks(address: &str, headers: &[(&'static str, &str)]) -> Request {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = address.parse().expect("an address");
        for (name, value) in headers {
            let value = HeaderValue::from_str(value).expect("a header");
            request.headers_mut().insert(HeaderName::from_static(name), value);
        }
        request
    }

    #[test]
    fn what_another_site_may_have_asked_with_is_never_compressed() {
        let gzip = ("accept-encoding", "gzip, br");
        for (address, headers, expected) in [
            ("/incidents", &[gzip][..], true),
            ("/incidents", &[][..], false),
            ("/incidents", &[gzip, ("sec-fetch-site", "cross-site")][..], true),
            ("/incidents?q=guess", &[gzip][..], false),
            ("/incidents?q=guess", &[gzip, ("sec-fetch-site", "cross-site")][..], false),
            ("/incidents?q=guess", &[gzip, ("sec-fetch-site", "same-site")][..], false),
            ("/incidents?q=user", &[gzip, ("sec-fetch-site", "same-origin")][..], true),
            ("/incidents?q=user", &[gzip, ("sec-fetch-site", "none")][..], true),
            (
                "/incidents?q=guess",
                &[gzip, ("sec-fetch-site", "same-origin"), ("x-refresh", "1")][..],
                false,
            ),
        ] {
            assert_eq!(may_compress(&asks(address, headers)), expected, "{address} {headers:?}");
        }
        let mut head = asks("/incidents", &[gzip]);
        *head.method_mut() = Method::HEAD;
        assert!(!may_compress(&head));
    }

    #[test]
    fn pages_are_compressed_and_neither_files_nor_what_is_small() {
        let page = |bytes: usize| axum::response::Html("a".repeat(bytes)).into_response();
        assert!(is_large_page(&page(8 * 1024)));
        assert!(!is_large_page(&page(8 * 1024 - 1)));
        assert!(!is_large_page(&"a".repeat(8 * 1024).into_response()));
        let mut zipped = page(8 * 1024);
        zipped.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        assert!(!is_large_page(&zipped));
    }
}
