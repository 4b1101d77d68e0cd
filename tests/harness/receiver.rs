//! A repair endpoint, and anything else that is posted to: it remembers what it got and responds
//! as scripted.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

pub use doubles::http_server::Received;
use doubles::http_server::{HttpServer, response, write};
use tokio::net::TcpStream;

use crate::eventually;

#[derive(Default)]
struct Script {
    responses: VecDeque<(u16, String)>,
    location: Option<String>,
    hang: Option<Duration>,
}

impl Script {
    /// How long the next request waits, and the bytes of its response.
    fn next(&mut self) -> (Duration, String) {
        let (status, body) = self.responses.pop_front().unwrap_or((200, "ok".to_owned()));
        let location = self.location.as_ref().filter(|_| (300..400).contains(&status));
        let headers = location.map(|to| format!("Location: {to}\r\n")).unwrap_or_default();
        let pause = self.hang.take().unwrap_or_default();
        (pause, response(&status.to_string(), &headers, &body))
    }
}

/// A server that remembers. It ends with this value.
pub struct Receiver {
    server: HttpServer,
    url: String,
    script: Arc<Mutex<Script>>,
}

impl Receiver {
    /// Starts a server that responds 200 until scripted otherwise.
    ///
    /// # Errors
    /// When it cannot say where it is.
    pub async fn start() -> anyhow::Result<Self> {
        let script = Arc::<Mutex<Script>>::default();
        let ask = Arc::clone(&script);
        let server = HttpServer::start(move |stream| {
            let (pause, response) = ask.lock().expect("no panic while locked").next();
            respond(stream, pause, response)
        })
        .await;
        let url = server.url().join("/repair")?.into();
        Ok(Self { server, url, script })
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Responds to the next requests with these statuses, one each, and with 200 afterwards.
    pub fn respond_with(&self, statuses: &[u16]) {
        let responses = statuses.iter().map(|status| (*status, format!("answer {status}")));
        self.script().responses.extend(responses);
    }

    /// Responds to the next request with this body.
    pub fn respond_with_body(&self, status: u16, words: &str) {
        self.script().responses.push_back((status, words.to_owned()));
    }

    /// Redirects lead to this place from now on.
    pub fn redirect_to(&self, location: &str) {
        self.script().location = Some(location.to_owned());
    }

    /// Lets the next request wait this long for its response.
    pub fn hang_next(&self, pause: Duration) {
        self.script().hang = Some(pause);
    }

    /// Everything that came in so far.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.server.received()
    }

    /// Waits until no more than ten of so many are still to come, so that who sends without a pause
    /// does not bury a slow machine.
    pub async fn keep_up_with(&self, count: usize) {
        self.wait_for(count.saturating_sub(10)).await;
    }

    /// Waits until so many requests came in, and gives them.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        eventually(&format!("{count} requests at the receiver"), async || {
            Some(self.received()).filter(|received| received.len() >= count)
        })
        .await
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().expect("no panic while locked")
    }
}

async fn respond(stream: TcpStream, pause: Duration, response: String) {
    tokio::time::sleep(pause).await;
    write(stream, response).await;
}
