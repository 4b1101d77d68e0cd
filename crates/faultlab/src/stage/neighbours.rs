//! The neighbours of the product in every mood: a mail server, Slack, the shops' repair endpoint, and one for all
//! other services that alerts go to over HTTP.
//!
//! They keep what came in, byte for byte. Whether a message counts as taken is what the response says: a 500
//! after a mail was kept is what a real server does when it dies at the wrong moment.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use doubles::Authority;
use doubles::http_server::{HttpServer, Received, hold, response, write};
use doubles::mail_server::{Encryption, MailServer, Rules};
use doubles::tls_front::TlsFront;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

/// A message that Discord and ntfy have made; the others look at the status.
const TAKEN: &str = r#"{"id":"1234"}"#;

/// Where redirects lead: to the same neighbour, where a request that followed one is seen.
pub const ELSEWHERE: &str = "/elsewhere";

/// How an HTTP neighbour responds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mood {
    /// With 200 and what it made of it.
    Good,
    /// With 200, after that long.
    Slow(Duration),
    /// With this status and these headers, each of which ends with its line.
    Status(&'static str, &'static str),
    /// With 200 and this many bytes of body.
    Huge(usize),
    /// With 200 and a body that never ends.
    Endless,
    /// By hanging up in the middle of the response.
    HangUp,
    /// Never.
    Silent,
}

/// An HTTP neighbour.
pub struct Neighbour {
    server: HttpServer,
    mood: Arc<Mutex<Mood>>,
}

/// TLS before each of them, by an authority that nobody but the product trusts.
pub struct Fronts {
    pub mail: TlsFront,
    pub slack: TlsFront,
    pub repair: TlsFront,
    authority: Authority,
}

/// All of them.
pub struct Neighbours {
    pub mail: MailServer,
    pub slack: Neighbour,
    pub repair: Neighbour,
    /// Discord, ntfy, PagerDuty, Teams or a webhook's receiver, whichever the shops of a round alert too.
    pub relay: Neighbour,
    /// In a round that breaks TLS.
    pub fronts: Option<Fronts>,
    /// Each request that the repair endpoint took, in order, for the shop behind it.
    pub asked: Option<mpsc::UnboundedReceiver<Received>>,
}

impl Neighbours {
    pub async fn start(with_tls: bool) -> Self {
        let rules = Rules {
            encryption: Encryption::None,
            login: Some(("bob", "secret")),
            ..Rules::default()
        };
        let (send, asked) = mpsc::unbounded_channel();
        let mut all = Self {
            mail: MailServer::start_with(rules).await,
            slack: Neighbour::start(None).await,
            repair: Neighbour::start(Some(send)).await,
            relay: Neighbour::start(None).await,
            fronts: None,
            asked: Some(asked),
        };
        if with_tls {
            all.fronts = Some(Fronts::before(&all).await);
        }
        all
    }

    /// The ports of the mail server, of Slack and of the repair endpoint, behind TLS where there is one.
    pub const fn ports(&self) -> [u16; 3] {
        match &self.fronts {
            Some(fronts) => [fronts.mail.port, fronts.slack.port, fronts.repair.port],
            None => [self.mail.port, self.slack.port(), self.repair.port()],
        }
    }

    /// What lets a process trust them, with a file in this folder.
    pub fn trusted_in(&self, folder: &Path) -> anyhow::Result<Option<(String, String)>> {
        let Some(fronts) = &self.fronts else { return Ok(None) };
        let file = folder.join("authority.pem");
        fs::write(&file, fronts.authority.pem()).context("write the authority")?;
        Ok(Some(("SSL_CERT_FILE".to_owned(), file.display().to_string())))
    }
}

impl Fronts {
    async fn before(neighbours: &Neighbours) -> Self {
        let authority = Authority::generate();
        let [mail, slack, repair] = neighbours.ports();
        Self {
            mail: TlsFront::before(mail, &authority).await,
            slack: TlsFront::before(slack, &authority).await,
            repair: TlsFront::before(repair, &authority).await,
            authority,
        }
    }
}

impl Neighbour {
    async fn start(taken: Option<mpsc::UnboundedSender<Received>>) -> Self {
        let mood = Arc::new(Mutex::new(Mood::Good));
        let ask = Arc::clone(&mood);
        let server = HttpServer::reading(move |request: &Received, stream| {
            let mood = ask.lock().unwrap_or_else(PoisonError::into_inner).clone();
            // Nobody listens any more once the round is over.
            if !matches!(mood, Mood::Status(..) | Mood::Silent)
                && let Some(taken) = &taken
            {
                let _told = taken.send(request.clone());
            }
            respond(stream, mood)
        });
        Self { server: server.await, mood }
    }

    pub const fn port(&self) -> u16 {
        self.server.port
    }

    pub fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap_or_else(PoisonError::into_inner) = mood;
    }

    /// Every request so far.
    pub fn received(&self) -> Vec<Received> {
        self.server.received()
    }
}

async fn respond(mut stream: TcpStream, mood: Mood) {
    match mood {
        Mood::Good => write(stream, response("200 OK", "", TAKEN)).await,
        Mood::Slow(time) => {
            tokio::time::sleep(time).await;
            write(stream, response("200 OK", "", TAKEN)).await;
        }
        Mood::Status(status, headers) => write(stream, response(status, headers, "no")).await,
        Mood::Huge(bytes) => write(stream, response("200 OK", "", &"x".repeat(bytes))).await,
        Mood::Endless => endless(&mut stream).await,
        Mood::HangUp => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Le").await;
            let _ = stream.set_zero_linger();
        }
        Mood::Silent => hold(stream).await,
    }
}

async fn endless(stream: &mut TcpStream) {
    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut sent = stream.write_all(head).await;
    while sent.is_ok() {
        tokio::time::sleep(Duration::from_millis(20)).await;
        sent = stream.write_all(b"5\r\nagain\r\n").await;
    }
}

#[cfg(test)]
mod tests {
    use doubles::tls_front::Handshake;
    use reqwest::{Certificate, Client};

    use super::*;

    fn choose_crypto() {
        // An earlier choice of the same provider is as good.
        let _chosen = rustls::crypto::ring::default_provider().install_default();
    }

    /// A client as the product is one: patient for a while, and trusting the authority alone.
    fn client(fronts: &Fronts) -> Client {
        choose_crypto();
        let trusted = Certificate::from_der(fronts.authority.certificate()).expect("a certificate");
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(2));
        client.tls_certs_only([trusted]).build().expect("a client")
    }

    #[tokio::test]
    async fn a_neighbour_is_reached_through_a_good_handshake_and_through_no_other() {
        let neighbours = Neighbours::start(true).await;
        let fronts = neighbours.fronts.as_ref().expect("TLS");
        let url = format!("https://127.0.0.1:{}/services/a", fronts.slack.port);
        let client = client(fronts);
        for bad in
            [Handshake::WrongName, Handshake::Expired, Handshake::Untrusted, Handshake::Hangs]
        {
            fronts.slack.set(bad);
            let rejected = client.post(&url).body("{}").send().await;
            rejected.expect_err("a handshake that must not be believed");
            assert_eq!(neighbours.slack.received().len(), 0, "{bad:?}");
        }
        fronts.slack.set(Handshake::Good);
        let taken = client.post(&url).body("{}").send().await.expect("a response");
        assert_eq!((taken.status().as_u16(), neighbours.slack.received().len()), (200, 1));
    }

    #[tokio::test]
    async fn a_redirect_that_is_followed_is_seen() {
        choose_crypto();
        let neighbours = Neighbours::start(false).await;
        neighbours.repair.set(Mood::Status("302 Found", "Location: /elsewhere\r\n"));
        let url = format!("http://127.0.0.1:{}/repair/a", neighbours.repair.port());
        let client = crate::shop::http::client(Duration::from_secs(2)).expect("a client");
        let followed = client.get(url).send().await;
        followed.expect_err("too many redirects");
        let received = neighbours.repair.received();
        assert!(received[1].head.starts_with("GET /elsewhere "), "{}", received[1].head);
    }
}
