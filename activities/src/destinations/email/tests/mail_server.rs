//! A mail server for tests: it holds to the protocol, and leaves it where its rules say so.
//!
//! It keeps every line, login and mail, and of the last two whether they came through TLS.

mod authority;
mod session;

pub(super) use self::authority::Authority;

use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use self::session::Session;
use super::super::smtp::SmtpServer;
use super::super::{EmailSender, Way, read_from};
use super::FROM;

/// The reply to each command instead of what the protocol says. An empty reply is silence.
pub(super) type Script = &'static [(&'static str, &'static str)];

/// How a server behaves.
#[derive(Clone, Default)]
pub(super) struct Rules {
    /// Where it leaves the protocol.
    pub(super) script: Script,
    /// How it speaks TLS.
    pub(super) encryption: Encryption,
    /// The only user and password that may send mail; without them everyone may.
    pub(super) login: Option<(&'static str, &'static str)>,
    /// The only way to sign in, such as `LOGIN`.
    pub(super) mechanism: Option<&'static str>,
    /// What an attacker on the way adds in the clear to the reply to `STARTTLS`.
    pub(super) injected: &'static str,
}

/// How a server speaks TLS.
#[derive(Clone, Default)]
pub(super) enum Encryption {
    /// Not at all.
    #[default]
    None,
    /// When asked to by `STARTTLS`, and then it takes no login before.
    StartTls(TlsAcceptor),
    /// From the first byte.
    Always(TlsAcceptor),
}

/// What came in.
#[derive(Debug, Clone, Default)]
pub(super) struct ReceivedMail {
    pub(super) lines: Vec<String>,
    pub(super) logins: Vec<Login>,
    pub(super) mails: Vec<Mail>,
    ended: usize,
}

/// A client signed in, or tried to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) mechanism: &'static str,
    pub(super) user: String,
    pub(super) password: String,
    pub(super) encrypted: bool,
}

/// A mail that was taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Mail {
    pub(super) from: String,
    pub(super) to: Vec<String>,
    pub(super) text: String,
    pub(super) encrypted: bool,
}

/// A running server. It ends with this value.
pub(super) struct MailServer {
    pub(super) port: u16,
    received: watch::Receiver<ReceivedMail>,
    task: JoinHandle<()>,
}

impl MailServer {
    /// Starts a server without TLS that follows the script.
    pub(super) async fn start(script: Script) -> Self {
        Self::start_with(Rules { script, ..Rules::default() }).await
    }

    pub(super) async fn start_with(rules: Rules) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("a bound address").port();
        let (log, received) = watch::channel(ReceivedMail::default());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that hangs up, or breaks the handshake off, is what some tests want.
                let _ended = converse(stream, &rules, &log).await;
                log.send_modify(|received| received.ended += 1);
            }
        });
        Self { port, received, task }
    }

    /// A sender that gives each step half a second, with a login such as `user:password@`.
    pub(super) fn sender(&self, login: &str) -> EmailSender {
        self.sender_by(&format!("smtp://{login}127.0.0.1:PORT"), &[])
    }

    /// A sender by a URL in which `PORT` stands for this server's, that trusts the authorities.
    pub(super) fn sender_by(&self, url: &str, authorities: &[&Authority]) -> EmailSender {
        sender(&url.replace("PORT", &self.port.to_string()), authorities)
    }

    /// Every line so far.
    pub(super) fn received(&self) -> Vec<String> {
        self.received.borrow().lines.clone()
    }

    /// What came in, once as many clients have left; there is nothing more to come then.
    pub(super) async fn received_from(&self, clients: usize) -> ReceivedMail {
        let mut received = self.received.clone();
        let left = received.wait_for(|received| received.ended >= clients);
        let left = timeout(Duration::from_secs(5), left).await.expect("the client leaves");
        left.expect("a running server").clone()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A sender that gives each step half a second, and trusts the authorities.
pub(super) fn sender(url: &str, authorities: &[&Authority]) -> EmailSender {
    let trusted: Vec<_> = authorities.iter().map(|one| one.certificate()).collect();
    let mut server = SmtpServer::parse_trusting(url, &trusted).expect("good settings");
    server.step = Duration::from_millis(500);
    let from = read_from(FROM).expect("a good sender");
    EmailSender { from, way: Way::Smtp(Box::new(server)) }
}

/// A connection, encrypted or not.
trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// Holds one conversation until the client leaves.
async fn converse(
    stream: TcpStream,
    rules: &Rules,
    log: &watch::Sender<ReceivedMail>,
) -> std::io::Result<()> {
    let mut session = Session::new(rules, log);
    let mut wire: BufReader<Box<dyn Wire>> = BufReader::new(Box::new(stream));
    if let Encryption::Always(acceptor) = &rules.encryption {
        wire = encrypt(wire, acceptor).await?;
        session.restart_encrypted();
    }
    let mut answer = Some(session.greeting());
    loop {
        if let Some(answer) = answer.take().filter(|answer| !answer.is_empty()) {
            wire.write_all(format!("{answer}\r\n").as_bytes()).await?;
            wire.flush().await?;
        }
        if let (true, Encryption::StartTls(acceptor)) = (session.wants_tls(), &rules.encryption) {
            wire = encrypt(wire, acceptor).await?;
            session.restart_encrypted();
        }
        let mut line = String::new();
        if wire.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        answer = session.answer(line.trim_end_matches("\r\n"));
    }
}

async fn encrypt(
    wire: BufReader<Box<dyn Wire>>,
    acceptor: &TlsAcceptor,
) -> std::io::Result<BufReader<Box<dyn Wire>>> {
    assert!(wire.buffer().is_empty(), "a client waits for the answer to STARTTLS");
    let encrypted = acceptor.accept(wire.into_inner()).await?;
    Ok(BufReader::new(Box::new(encrypted)))
}
