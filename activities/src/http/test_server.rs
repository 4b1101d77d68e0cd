//! A server for tests that speaks raw bytes, so that it can misbehave in every way.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::repair_url::AllowedNetworks;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use url::Url;

use super::{GuardedClient, HttpPolicy};

/// The server; it stops with the value.
pub(crate) struct RawServer {
    port: u16,
    requests: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl RawServer {
    /// Reads each request, then lets `answer` do as it likes with the connection.
    pub(crate) async fn start<A, F>(answer: A) -> Self
    where
        A: Fn(TcpStream) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("a bound address").port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let answer = Arc::new(answer);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                connections.spawn(async move {
                    let request = read_request(&mut stream).await;
                    seen.lock().expect("no panic holds it").push(request);
                    answer(stream).await;
                });
            }
        });
        Self { port, requests, task }
    }

    /// Responds to every request with the same bytes and closes.
    pub(crate) async fn answering(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes: Arc<[u8]> = bytes.into().into();
        Self::start(move |mut stream| {
            let bytes = Arc::clone(&bytes);
            async move {
                let _ = stream.write_all(&bytes).await;
                let _ = stream.shutdown().await;
            }
        })
        .await
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> Url {
        format!("http://127.0.0.1:{}/repair", self.port).parse().expect("a URL")
    }

    /// Every request so far, head and body as they came.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no panic holds it").clone()
    }
}

impl Drop for RawServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A client that may reach the loopback network, with its times in milliseconds.
pub(crate) fn local_client(connect_ms: u64, total_ms: u64) -> GuardedClient {
    GuardedClient::new(HttpPolicy {
        allow: "127.0.0.0/8,::1".parse().expect("the networks parse"),
        connect_timeout: Duration::from_millis(connect_ms),
        total_timeout: Duration::from_millis(total_ms),
    })
    .expect("a client")
}

/// A client with a list of its own, as `SENDPROMPTLY_CALLBACK_ALLOW` holds it.
pub(crate) fn client_allowing(list: &str) -> GuardedClient {
    let allow = list.parse().expect("the list parses");
    GuardedClient::new(HttpPolicy::new(allow)).expect("a client")
}

/// A client that may reach the public internet alone.
pub(crate) fn public_client() -> GuardedClient {
    GuardedClient::new(HttpPolicy::new(AllowedNetworks::none())).expect("a client")
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    while !is_whole(&bytes) {
        match stream.read(&mut buffer).await {
            Ok(read) if read > 0 => bytes.extend_from_slice(&buffer[..read]),
            _ => break,
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn is_whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    body.len() >= length.unwrap_or(0)
}
