//! A collector of traces that takes everything and keeps nothing: OTLP over HTTP, protobuf.
//!
//! It shares the machine with what it takes from, so it looks at no more than how many spans there
//! are. An empty response is a valid one: it says that no span was rejected
//! (<https://opentelemetry.io/docs/specs/otlp/#otlphttp-response>).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

/// Field numbers of OTLP: the spans of a scope, the scopes of a resource, and the resources of a
/// request are messages in messages.
const RESOURCES: u64 = 1;
const SCOPES: u64 = 2;
const SPANS: u64 = 2;
const LENGTH_DELIMITED: u64 = 2;

/// A running server. It takes no new connection once it is dropped.
pub struct Sink {
    /// `http://127.0.0.1:` and its port.
    pub origin: String,
    counters: Arc<Counters>,
    _listening: AbortOnDropHandle<()>,
}

/// What came so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Received {
    pub requests: u64,
    pub spans: u64,
    pub bytes: u64,
}

#[derive(Default)]
struct Counters {
    requests: AtomicU64,
    spans: AtomicU64,
    bytes: AtomicU64,
}

impl Sink {
    /// Starts one that responds with this status.
    pub async fn start(status: StatusCode) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let origin = format!("http://{}", listener.local_addr()?);
        let counters = Arc::<Counters>::default();
        let listening = tokio::spawn(listen(listener, status, Arc::clone(&counters)));
        Ok(Self { origin, counters, _listening: AbortOnDropHandle::new(listening) })
    }

    pub fn received(&self) -> Received {
        let Counters { requests, spans, bytes } = &*self.counters;
        let [requests, spans, bytes] =
            [requests, spans, bytes].map(|counter| counter.load(Ordering::Relaxed));
        Received { requests, spans, bytes }
    }
}

async fn listen(listener: TcpListener, status: StatusCode, counters: Arc<Counters>) {
    while let Ok((stream, _)) = listener.accept().await {
        let counters = Arc::clone(&counters);
        let service = service_fn(move |request| respond(request, status, Arc::clone(&counters)));
        tokio::spawn(async move {
            // Whoever sends opens a connection that broke again.
            let _ended =
                http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn respond(
    request: Request<Incoming>,
    status: StatusCode,
    counters: Arc<Counters>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let body = request.into_body().collect().await?.to_bytes();
    counters.requests.fetch_add(1, Ordering::Relaxed);
    counters.spans.fetch_add(count(count_spans(&body)), Ordering::Relaxed);
    counters.bytes.fetch_add(count(body.len()), Ordering::Relaxed);
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    let protobuf = HeaderValue::from_static("application/x-protobuf");
    response.headers_mut().insert(CONTENT_TYPE, protobuf);
    Ok(response)
}

fn count(size: usize) -> u64 {
    u64::try_from(size).unwrap_or(u64::MAX)
}

/// How many spans a request to export has.
fn count_spans(request: &[u8]) -> usize {
    let scopes = messages(request, RESOURCES).flat_map(|resource| messages(resource, SCOPES));
    scopes.map(|scope| messages(scope, SPANS).count()).sum()
}

/// The messages under this number, up to what cannot be read.
/// See <https://protobuf.dev/programming-guides/encoding/>.
fn messages(mut rest: &[u8], wanted: u64) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        loop {
            let (tag, behind) = read_varint(rest)?;
            let (length, behind) = read_varint(behind)?;
            if tag & 7 != LENGTH_DELIMITED {
                return None;
            }
            let (message, behind) = behind.split_at_checked(usize::try_from(length).ok()?)?;
            rest = behind;
            if tag >> 3 == wanted {
                return Some(message);
            }
        }
    })
}

/// Seven bits a byte, the lowest first; the highest bit says that there are more.
fn read_varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let end = bytes.iter().take(10).position(|byte| byte & 0x80 == 0)?;
    let (digits, rest) = bytes.split_at_checked(end + 1)?;
    let value = digits.iter().rev().fold(0, |value, digit| (value << 7) | u64::from(digit & 0x7f));
    Some((value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Http;

    fn message(number: u8, inner: &[u8]) -> Vec<u8> {
        let mut bytes = vec![(number << 3) | 2];
        let length = u8::try_from(inner.len()).expect("short");
        // From 128 on its highest bit is set, which says that a second digit follows.
        bytes.push(length);
        bytes.extend((length >= 0x80).then_some(1));
        bytes.extend_from_slice(inner);
        bytes
    }

    /// Two scopes of one resource, with two spans and one; the resource is longer than one digit says.
    fn request() -> Vec<u8> {
        let first = [message(1, b"scope"), message(2, b"a span"), message(2, &[7; 90])].concat();
        let second = [message(1, b"scope"), message(2, b"a span"), message(3, b"schema")].concat();
        let resource = [message(1, b"sendpromptly"), message(2, &first), message(2, &second)];
        message(1, &resource.concat())
    }

    #[test]
    fn the_spans_of_all_scopes_are_counted() {
        assert_eq!(count_spans(&request()), 3);
        assert_eq!(count_spans(b""), 0);
        assert_eq!(count_spans(b"\xff\xff"), 0);
    }

    #[tokio::test]
    async fn everything_is_taken_and_counted() {
        let sink = Sink::start(StatusCode::OK).await.expect("a sink");
        let http = Http::new(sink.origin.clone());
        let body = String::from_utf8(vec![b'a'; 100]).expect("text");
        let sent = http.post("/v1/traces", ("key", "once"), body).await.expect("a response");
        assert_eq!((sent.0, sent.1.len()), (StatusCode::OK, 0));
        assert_eq!(sink.received(), Received { requests: 1, spans: 0, bytes: 100 });
    }
}
