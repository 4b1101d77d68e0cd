//! The part of a response that is kept.
//!
//! Reading stops after 16 KiB, and the connection with it: a body that never ends costs no more
//! than that. A body that breaks off, or is still coming at the deadline, has said its status
//! already, so what came of it is kept and the response counts.

use domain::alert::sanitize;
use futures::TryStreamExt as _;
use http::header::{LOCATION, RETRY_AFTER};
use http::{HeaderMap, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};
use url::Url;

/// How much of the body is read, in bytes.
const READ: usize = 16 * 1024;
/// How much of it is kept, in bytes.
const KEPT: usize = 2 * 1024;
/// A longer `Retry-After` is no number and no date.
const MAX_RETRY_AFTER: usize = 64;
/// The longest target of a redirect that is kept, in bytes.
const MAX_TARGET: usize = 500;

/// Fewer letters of a secret are at the end of any text, and say nothing.
const TELLING: usize = 4;

/// The text that replaces what was taken out.
const HIDDEN: &str = "[hidden]";

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpResponse {
    pub status: u16,
    /// The `Retry-After` header as it came, for [`super::retry_after`].
    pub retry_after: Option<String>,
    /// Where a redirect leads: absolute, without credentials, query and fragment, at most 500
    /// bytes.
    pub redirect_to: Option<String>,
    /// The beginning of the body, at most 2 KiB of readable text.
    pub excerpt: String,
    /// How long the exchange took, in milliseconds.
    pub latency_ms: i64,
}

/// A response whose body is read by a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WholeResponse {
    pub status: u16,
    pub headers: HeaderMap,
    /// As much of the body as was to be read.
    pub body: Vec<u8>,
    /// Whether the body did not break off.
    pub is_whole: bool,
}

/// Reads a response's body up to a limit; `None` if it is still coming at the deadline.
pub(super) async fn read_whole(
    response: Response<Incoming>,
    deadline: Instant,
    limit: usize,
) -> Option<WholeResponse> {
    let (head, body) = response.into_parts();
    let (status, headers) = (head.status.as_u16(), head.headers);
    let mut chunks = body.into_data_stream();
    let (mut body, mut is_whole) = (Vec::new(), true);
    while body.len() < limit {
        match timeout_at(deadline, chunks.try_next()).await.ok()? {
            Ok(Some(chunk)) => {
                let room = limit - body.len();
                body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            }
            Ok(None) => break,
            Err(_) => {
                is_whole = false;
                break;
            }
        }
    }
    Some(WholeResponse { status, headers, body, is_whole })
}

/// Reads what is kept of a response, until the deadline, without the texts that are to be hidden:
/// gateways and debug pages repeat the headers of a request. The latency is the caller's to fill
/// in.
pub(super) async fn read(
    response: Response<Incoming>,
    url: &Url,
    deadline: Instant,
    hidden: &[&str],
) -> HttpResponse {
    let (head, body) = response.into_parts();
    let retry_after = head.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after = retry_after.filter(|text| text.len() <= MAX_RETRY_AFTER).map(str::to_owned);
    let location = head.headers.get(LOCATION).filter(|_| head.status.is_redirection());
    let redirect_to =
        location.and_then(|location| redirect_target(url, location.as_bytes(), hidden));
    let (mut chunks, mut body) = (body.into_data_stream(), Vec::new());
    while body.len() < READ
        && let Ok(Ok(Some(chunk))) = timeout_at(deadline, chunks.try_next()).await
    {
        let room = READ - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
    }
    HttpResponse {
        status: head.status.as_u16(),
        retry_after,
        redirect_to,
        excerpt: excerpt(&body, hidden),
        latency_ms: 0,
    }
}

/// Where a redirect leads, for people who may save it as the new address. Credentials and queries
/// may be secrets, so they are left out. What is no web address is not shown at all.
fn redirect_target(from: &Url, location: &[u8], hidden: &[&str]) -> Option<String> {
    let mut target = from.join(&String::from_utf8_lossy(location)).ok()?;
    if !matches!(target.scheme(), "http" | "https") {
        return None;
    }
    target.set_username("").ok()?;
    target.set_password(None).ok()?;
    target.set_query(None);
    target.set_fragment(None);
    let mut text = without(String::from(target), hidden);
    if text.len() > MAX_TARGET {
        text.truncate(text.floor_char_boundary(MAX_TARGET));
        text.push('…');
    }
    Some(text)
}

/// Makes bytes from a stranger readable: invalid UTF-8 is replaced and control characters, NUL
/// among them, which Postgres could not store, become their visible signs. What is to be hidden goes
/// before, as it was sent, and again after, in case that has put it together.
fn excerpt(body: &[u8], hidden: &[&str]) -> String {
    let came = without(String::from_utf8_lossy(body).into_owned(), hidden);
    let mut text = without(sanitize(&without_begun(came, hidden)), hidden);
    text.truncate(text.floor_char_boundary(KEPT));
    text
}

/// Takes texts out before anything is cut, so that no part of one is left at the end.
pub(crate) fn without(text: String, hidden: &[&str]) -> String {
    let hidden = hidden.iter().filter(|secret| !secret.is_empty());
    hidden.fold(text, |text, secret| text.replace(secret, HIDDEN))
}

/// Takes out the beginning of one at the end: a body that we stop reading, or that breaks off, may end
/// in the middle of it.
fn without_begun(mut text: String, hidden: &[&str]) -> String {
    let whole = text.trim_end_matches(char::REPLACEMENT_CHARACTER);
    let begun = hidden.iter().filter_map(|secret| begun_length(whole, secret)).max();
    if let Some(length) = begun {
        let end = whole.len() - length;
        text.truncate(end);
        text.push_str(HIDDEN);
    }
    text
}

/// How many bytes at the end of a text are the beginning of a secret.
fn begun_length(text: &str, secret: &str) -> Option<usize> {
    let ends = secret.char_indices().skip(TELLING).map(|(end, _)| end);
    ends.take_while(|end| *end <= text.len()).filter(|end| text.ends_with(&secret[..*end])).last()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_hidden_is_gone_before_anything_is_cut() {
        let hidden = ["Bearer canary-7f3a91", "canary-7f3a91"];
        let body = br#"{"headers":{"authorization":"Bearer canary-7f3a91","x":"canary-7f3a91"}}"#;
        assert_eq!(
            excerpt(body, &hidden),
            r#"{"headers":{"authorization":"[hidden]","x":"[hidden]"}}"#
        );
        let at_the_end = format!("{}canary-7f3a91", "x".repeat(KEPT - 7));
        assert!(!excerpt(at_the_end.as_bytes(), &hidden).contains("canary"));
        let from = Url::parse("https://shop.example.com/").expect("a URL");
        let target = redirect_target(&from, b"/login/canary-7f3a91", &hidden);
        assert_eq!(target.as_deref(), Some("https://shop.example.com/login/[hidden]"));
    }

    #[test]
    fn what_the_end_of_a_response_cuts_off_is_hidden_too() {
        let long = "canary-7f3a91 ".repeat(2_000);
        let echo = format!("{{\"echo\":\"{long}\"}}");
        assert_eq!(excerpt(&echo.as_bytes()[..READ], &[long.as_str()]), "{\"echo\":\"[hidden]");
        // In the middle of a letter.
        let cut = "hello canary ë".as_bytes();
        assert_eq!(excerpt(&cut[..cut.len() - 1], &["canary ë of alice"]), "hello [hidden]");
        assert_eq!(excerpt(b"all can", &["canary"]), "all can", "as in any other text");
    }

    #[test]
    fn what_is_to_be_hidden_is_found_as_it_was_sent() {
        let body = "a canary\t7f3a91, a canary\r\n7f3a91, a can\u{200b}ary-7f3a91";
        let hidden = ["canary\t7f3a91", "canary\r\n7f3a91", "canary-7f3a91"];
        assert_eq!(excerpt(body.as_bytes(), &hidden), "a [hidden], a [hidden], a [hidden]");
    }

    #[test]
    fn a_redirects_target_is_absolute_and_shows_neither_credentials_nor_queries() {
        let from = Url::parse("https://shop.example.com/hooks/repair?key=canary").expect("a URL");
        let target = |location: &[u8]| redirect_target(&from, location, &[]);
        for (location, expected) in [
            (&b"https://www.example.com/repair"[..], Some("https://www.example.com/repair")),
            (b"/repair/", Some("https://shop.example.com/repair/")),
            (b"repair/", Some("https://shop.example.com/hooks/repair/")),
            (b"//www.example.com", Some("https://www.example.com/")),
            (
                b"http://bob:canary@h.example:8080/r?t=canary#canary",
                Some("http://h.example:8080/r"),
            ),
            (b"", Some("https://shop.example.com/hooks/repair")),
            (b"/r\xff\n", Some("https://shop.example.com/r%EF%BF%BD")),
            (b"javascript:alert(1)", None),
            (b"https://", None),
        ] {
            assert_eq!(target(location).as_deref(), expected, "{location:?}");
        }
        let long = target("x".repeat(5_000).as_bytes()).expect("a target");
        assert_eq!(long.chars().count(), MAX_TARGET + 1);
        assert!(long.ends_with("x…"));
    }

    #[test]
    fn an_excerpt_is_readable_and_short_whatever_came() {
        assert_eq!(excerpt(b"all\tgood\r\n", &[]), "all good\n");
        assert_eq!(excerpt(b"\0\x1b[31m\xff", &[]), "␀␛[31m\u{fffd}");
        assert_eq!(excerpt(&[0; READ], &[]).len(), KEPT / 3 * 3);
        assert!(excerpt("ü".repeat(READ / 2).as_bytes(), &[]).len() <= KEPT);
    }
}
