//! The part of an answer that is kept.
//!
//! Reading stops after 16 KiB, and the connection with it: a body that never ends costs no more
//! than that. A body that breaks off, or is still coming at the deadline, has said its status already,
//! so what came of it is kept and the answer stands.

use domain::alert::legible;
use reqwest::Response;
use reqwest::header::RETRY_AFTER;
use tokio::time::{Instant, timeout_at};

/// How much of the body is read, in bytes.
const READ: usize = 16 * 1024;
/// How much of it is kept, in bytes.
const KEPT: usize = 2 * 1024;
/// A longer `Retry-After` is no number and no date.
const MAX_RETRY_AFTER: usize = 64;

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The `Retry-After` header as it came, for [`super::retry_after`].
    pub retry_after: Option<String>,
    /// The beginning of the body, at most 2 KiB of readable text.
    pub excerpt: String,
    /// How long the exchange took, in milliseconds.
    pub latency_ms: i64,
}

/// Reads what is kept of an answer, until the deadline. The latency is the caller's to fill in.
pub(super) async fn read(mut response: Response, deadline: Instant) -> Answer {
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after = retry_after.filter(|text| text.len() <= MAX_RETRY_AFTER).map(str::to_owned);
    let mut body = Vec::new();
    while body.len() < READ
        && let Ok(Ok(Some(chunk))) = timeout_at(deadline, response.chunk()).await
    {
        let room = READ - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
    }
    Answer {
        status: response.status().as_u16(),
        retry_after,
        excerpt: excerpt(&body),
        latency_ms: 0,
    }
}

/// Makes bytes from a stranger readable: invalid UTF-8 is replaced and control characters, NUL
/// among them, which Postgres could not store, become their visible signs.
fn excerpt(body: &[u8]) -> String {
    let mut text = legible(&String::from_utf8_lossy(body));
    text.truncate(text.floor_char_boundary(KEPT));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_readable_and_short_whatever_came() {
        assert_eq!(excerpt(b"all\tgood\r\n"), "all good\n");
        assert_eq!(excerpt(b"\0\x1b[31m\xff"), "␀␛[31m\u{fffd}");
        assert_eq!(excerpt(&[0; READ]).len(), KEPT / 3 * 3);
        assert!(excerpt("ü".repeat(READ / 2).as_bytes()).len() <= KEPT);
    }
}
