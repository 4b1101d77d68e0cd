//! A repair endpoint, and anything else that is posted to: a real HTTP server that remembers what
//! it got and responds as scripted.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use crate::eventually;

/// One request that came in.
#[derive(Debug, Clone)]
pub struct Received {
    pub headers: HeaderMap,
    /// Its body, byte for byte.
    pub body: Bytes,
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

#[derive(Default)]
struct Memory {
    received: Vec<Received>,
    answers: VecDeque<(u16, String)>,
    location: Option<String>,
    hang: Option<Duration>,
}

/// A server that remembers. It ends with this value.
pub struct Receiver {
    url: String,
    memory: Arc<Mutex<Memory>>,
    _server: AbortOnDropHandle<()>,
}

impl Receiver {
    /// Starts a server that responds 200 until scripted otherwise.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start() -> anyhow::Result<Self> {
        let memory = Arc::<Mutex<Memory>>::default();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/repair", listener.local_addr()?);
        let router = Router::new().fallback(remember).with_state(Arc::clone(&memory));
        let server = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("the receiver serves");
        });
        Ok(Self { url, memory, _server: AbortOnDropHandle::new(server) })
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Responds to the next requests with these statuses, one each, and with 200 afterwards.
    pub fn answer_with(&self, statuses: &[u16]) {
        let mut memory = self.memory.lock().expect("no panic while locked");
        memory.answers.extend(statuses.iter().map(|status| (*status, format!("answer {status}"))));
    }

    /// Responds to the next request with this body.
    pub fn answer_saying(&self, status: u16, words: &str) {
        let mut memory = self.memory.lock().expect("no panic while locked");
        memory.answers.push_back((status, words.to_owned()));
    }

    /// Redirects lead to this place from now on.
    pub fn redirect_to(&self, location: &str) {
        self.memory.lock().expect("no panic while locked").location = Some(location.to_owned());
    }

    /// Lets the next request wait this long for its response.
    pub fn hang_next(&self, pause: Duration) {
        self.memory.lock().expect("no panic while locked").hang = Some(pause);
    }

    /// Everything that came in so far.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.memory.lock().expect("no panic while locked").received.clone()
    }

    /// Waits until so many requests came in, and gives them.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        eventually(&format!("{count} requests at the receiver"), async || {
            Some(self.received()).filter(|received| received.len() >= count)
        })
        .await
    }
}

async fn remember(
    State(memory): State<Arc<Mutex<Memory>>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (pause, location, answer) = {
        let mut memory = memory.lock().expect("no panic while locked");
        memory.received.push(Received { headers, body });
        let answer = memory.answers.pop_front().unwrap_or((200, "ok".to_owned()));
        (memory.hang.take(), memory.location.clone(), answer)
    };
    if let Some(pause) = pause {
        tokio::time::sleep(pause).await;
    }
    let status = StatusCode::from_u16(answer.0).expect("a status");
    let mut response = (status, answer.1).into_response();
    if let Some(location) = location.filter(|_| status.is_redirection()) {
        response.headers_mut().insert(LOCATION, location.parse().expect("a header"));
    }
    response
}
