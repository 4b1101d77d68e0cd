//! An HTTP server for tests, down to its bytes: it keeps each request, and responds as a server
//! should or as none ever would.

use std::future::Future;
use std::sync::{Arc, Mutex};

use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;
use url::Url;

/// One request that came in. It is empty if the connection ended before.
#[derive(Debug, Clone, Default)]
pub struct Received {
    /// The request line and the headers as they came.
    pub head: String,
    pub headers: HeaderMap,
    /// Its body, byte for byte.
    pub body: Vec<u8>,
}

impl Received {
    /// A header's text; empty if it is absent.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }
}

type Kept = Arc<Mutex<Vec<Received>>>;

/// A running server. It ends with this value.
pub struct HttpServer {
    pub port: u16,
    received: Kept,
    _task: AbortOnDropHandle<()>,
}

impl HttpServer {
    /// Reads each request, then lets `respond` do with the connection as it likes. It is called in
    /// the order in which the requests are kept.
    pub async fn start<F>(respond: impl Fn(TcpStream) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::reading(move |_: &Received, stream| respond(stream)).await
    }

    /// The same for one that responds by what it was asked.
    pub async fn reading<F>(
        respond: impl Fn(&Received, TcpStream) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let received = Kept::default();
        let (kept, respond) = (Arc::clone(&received), Arc::new(respond));
        let handle = move |mut stream| {
            let (kept, respond) = (kept.clone(), Arc::clone(&respond));
            async move {
                let request = read_request(&mut stream).await;
                let responding = {
                    let mut kept = kept.lock().expect("no panic while locked");
                    let responding = respond(&request, stream);
                    kept.push(request);
                    responding
                };
                responding.await;
            }
        };
        Self::listen(received, handle).await
    }

    /// Lets `handle` do as it likes with each connection, of which nothing is read before.
    pub async fn accepting<F>(handle: impl Fn(TcpStream) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::listen(Kept::default(), handle).await
    }

    /// Responds to every request with the same bytes and closes.
    pub async fn responding(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes: Arc<[u8]> = bytes.into().into();
        Self::start(move |stream| write(stream, Arc::clone(&bytes))).await
    }

    async fn listen<F>(
        received: Kept,
        handle: impl Fn(TcpStream) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("a bound address").port();
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(handle(stream));
            }
        });
        Self { port, received, _task: AbortOnDropHandle::new(task) }
    }

    #[must_use]
    pub fn url(&self) -> Url {
        format!("http://127.0.0.1:{}/hook", self.port).parse().expect("a URL")
    }

    /// Every request so far.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().expect("no panic while locked").clone()
    }
}

/// The bytes of a response; each of the headers ends with its line.
#[must_use]
pub fn response(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// Writes bytes and closes the connection. A client may have left before.
pub async fn write(mut stream: TcpStream, bytes: impl AsRef<[u8]>) {
    let _ = stream.write_all(bytes.as_ref()).await;
    let _ = stream.shutdown().await;
}

/// Keeps the connection open and says nothing.
pub async fn hold(stream: TcpStream) {
    std::future::pending::<()>().await;
    drop(stream);
}

async fn read_request(stream: &mut TcpStream) -> Received {
    let mut bytes = Vec::new();
    loop {
        if let Some(request) = parse(&bytes) {
            return request;
        }
        if !stream.read_buf(&mut bytes).await.is_ok_and(|read| read > 0) {
            return Received::default();
        }
    }
}

/// The request, once it is there as a whole.
fn parse(bytes: &[u8]) -> Option<Received> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut fields);
    let Ok(httparse::Status::Complete(end)) = request.parse(bytes) else { return None };
    let headers: HeaderMap = request.headers.iter().filter_map(read_header).collect();
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let body = bytes[end..].to_vec();
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    (body.len() >= length.unwrap_or(0)).then_some(Received { head, headers, body })
}

fn read_header(field: &httparse::Header) -> Option<(HeaderName, HeaderValue)> {
    let name = HeaderName::from_bytes(field.name.as_bytes()).ok()?;
    Some((name, HeaderValue::from_bytes(field.value).ok()?))
}
