//! A server on a free port, and a client that writes the bytes it is given.

#![expect(clippy::expect_used, reason = "a test that cannot go on ends here")]

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::Extensions;
use axum::middleware::from_fn;
use axum::routing::{get, post};
use domain::api_key::ApiKey;
use domain::project::Mode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use web::error::ApiError;
use web::extract::{BodyLimits, IngestHead, read_json_object};
use web::request_id::with_request_id;
use web::response::json_api;
use web::serve::{Detached, ServeOptions, serve};

/// No step of a test takes longer than this.
pub const SOON: Duration = Duration::from_secs(10);
/// A deadline that a test can wait for.
pub const SHORT: Duration = Duration::from_millis(500);

/// What the handlers of the test router share with the test.
#[derive(Clone)]
pub struct HandlerProbe {
    pub detached: Detached,
    pub limits: BodyLimits,
    /// `POST /slow` waits for a permit of this.
    pub gate: Arc<Semaphore>,
    /// Gets a permit when a request reaches `POST /slow`.
    pub entered: Arc<Semaphore>,
    /// Gets a permit for each receipt that was committed.
    pub committed: Arc<Semaphore>,
}

/// A running server; dropping it stops it.
pub struct Server {
    pub address: SocketAddr,
    pub probe: HandlerProbe,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<()>,
}

impl Server {
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut ServeOptions)) -> Self {
        let mut options = ServeOptions::default();
        change(&mut options);
        let probe = HandlerProbe {
            detached: options.detached.clone(),
            limits: BodyLimits { deadline: SHORT, ..BodyLimits::default() },
            gate: Arc::new(Semaphore::new(0)),
            entered: Arc::new(Semaphore::new(0)),
            committed: Arc::new(Semaphore::new(0)),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel();
        let shutdown = async { drop(stopped.await) };
        let running = tokio::spawn(serve(listener, router(probe.clone()), shutdown, options));
        Self { address, probe, stop: Some(stop), running }
    }

    pub async fn connect(&self) -> Client {
        let stream = soon(TcpStream::connect(self.address)).await.expect("a connection");
        Client { stream, read: Vec::new() }
    }

    /// One request on a connection of its own.
    pub async fn ask(&self, request: impl AsRef<[u8]>) -> EdgeResponse {
        let mut client = self.connect().await;
        client.send(request).await;
        client.response().await.expect("a response")
    }

    /// Asks the server to stop; it goes on until it is drained.
    pub fn stop(&mut self) {
        drop(self.stop.take());
    }

    /// Waits for the end of a server that was stopped.
    pub async fn ended(&mut self) {
        soon(&mut self.running).await.expect("the server ended well");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.running.abort();
    }
}

fn router(probe: HandlerProbe) -> Router {
    let api =
        Router::new().route("/api/v1/receipt", post(receipt)).route("/api/v1/slow", post(slow));
    Router::new()
        .merge(json_api(api))
        .route("/address", get(|extensions: Extensions| async move { address(&extensions) }))
        .route("/large", get(|| async { "x".repeat(64 * 1024 * 1024) }))
        .layer(from_fn(with_request_id))
        .with_state(probe)
}

fn address(extensions: &Extensions) -> String {
    web::client::noted_address(extensions).group().map_or("unknown".to_owned(), |ip| ip.to_string())
}

async fn receipt(
    State(probe): State<HandlerProbe>,
    head: IngestHead,
    body: Body,
) -> Result<String, ApiError> {
    let object = read_json_object(body, probe.limits).await?;
    probe.committed.add_permits(1);
    Ok(format!("{} took {} fields", head.idempotency_key, object.len()))
}

async fn slow(State(probe): State<HandlerProbe>) -> Result<String, ApiError> {
    let work = probe.clone();
    let committing = async move {
        work.entered.add_permits(1);
        let permit = work.gate.acquire().await.map_err(ApiError::internal)?;
        permit.forget();
        work.committed.add_permits(1);
        Ok("committed".to_owned())
    };
    probe.detached.run(committing).await
}

/// A client that writes bytes.
pub struct Client {
    pub stream: TcpStream,
    read: Vec<u8>,
}

impl Client {
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        soon(self.stream.write_all(bytes.as_ref())).await.expect("the server takes bytes");
    }

    /// Reads one response; `None` if the connection ends before it begins.
    pub async fn response(&mut self) -> Option<EdgeResponse> {
        let head_end = loop {
            if let Some(end) = self.read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break end + 4;
            }
            if self.read_more().await == 0 {
                assert!(self.read.is_empty(), "half a response: {:?}", self.read);
                return None;
            }
        };
        let head: Vec<u8> = self.read.drain(..head_end).collect();
        let head = String::from_utf8(head).expect("UTF-8").to_lowercase();
        let length = header(&head, "content-length").map_or(0, |it| it.parse().expect("a length"));
        while self.read.len() < length {
            assert_ne!(self.read_more().await, 0, "half a body after {head}");
        }
        let body: Vec<u8> = self.read.drain(..length).collect();
        Some(EdgeResponse { head, body: String::from_utf8(body).expect("UTF-8") })
    }

    /// Waits until the server closes the connection, however it does it.
    pub async fn closed(&mut self) {
        while self.read_more().await > 0 {}
    }

    async fn read_more(&mut self) -> usize {
        soon(self.stream.read_buf(&mut self.read)).await.unwrap_or(0)
    }
}

/// One response, its head in lower case.
#[derive(Debug)]
pub struct EdgeResponse {
    head: String,
    pub body: String,
}

impl EdgeResponse {
    pub fn status(&self) -> u16 {
        self.head[9..12].parse().expect("a status")
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    /// Status and error code; checks that the body is an error of the contract with the right id.
    pub fn rejection(&self) -> (u16, String) {
        let body: serde_json::Value = serde_json::from_str(&self.body).expect("JSON");
        let error = &body["error"];
        let id = error["request_id"].as_str().expect("an id").to_lowercase();
        assert_eq!(self.header("x-request-id"), Some(id.as_str()), "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        assert_eq!(self.header("cache-control"), Some("no-store"), "{self:?}");
        (self.status(), error["code"].as_str().expect("a code").to_owned())
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// The key of alice's shop.
pub fn key() -> String {
    let key = ApiKey::from_random(Mode::Test, &[7; 64]).expect("enough bytes");
    key.reveal().to_owned()
}

/// The head of a good request, without `Content-Length` and without its last, empty line.
pub fn head() -> String {
    format!(
        "POST /api/v1/receipt HTTP/1.1\r\nHost: shop.example\r\nAuthorization: Bearer {}\r\n\
         Idempotency-Key: evt_1\r\nContent-Type: application/json\r\n",
        key()
    )
}

/// A good request with this body.
pub fn request(body: &str) -> String {
    format!("{}Content-Length: {}\r\n\r\n{body}", head(), body.len())
}

/// Fails the test instead of hanging it.
pub async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(SOON, future).await.expect("in time")
}

/// Waits until a permit was given, and takes it.
pub async fn happened(signal: &Semaphore) {
    soon(signal.acquire()).await.expect("an open semaphore").forget();
}
