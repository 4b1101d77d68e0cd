//! A mail server for tests: it holds to the protocol, and leaves it where its rules say so.
//!
//! It keeps every line, login and mail, and of the last two whether they came through TLS.

mod session;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::AbortOnDropHandle;

use self::session::Session;

/// The reply to each command instead of what the protocol says. An empty reply is silence.
pub type Script = &'static [(&'static str, &'static str)];

/// How a server behaves.
#[derive(Clone, Default)]
pub struct Rules {
    /// Where it leaves the protocol.
    pub script: Script,
    /// How it speaks TLS.
    pub encryption: Encryption,
    /// The only user and password that may send mail; without them everybody may.
    pub login: Option<(&'static str, &'static str)>,
    /// The only way to sign in, such as `LOGIN`.
    pub mechanism: Option<&'static str>,
    /// What an attacker on the way adds in the clear to the reply to `STARTTLS`.
    pub injected: &'static str,
    /// How long it looks at a message before it replies, as one that scans it.
    pub scans: Duration,
}

/// How a server speaks TLS.
#[derive(Clone, Default)]
pub enum Encryption {
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
pub struct ReceivedMail {
    pub lines: Vec<String>,
    pub logins: Vec<Login>,
    pub mails: Vec<Mail>,
    ended: usize,
}

/// A client signed in, or tried to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    pub mechanism: &'static str,
    pub user: String,
    pub password: String,
    pub encrypted: bool,
}

/// A mail that was taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mail {
    pub from: String,
    pub to: Vec<String>,
    pub text: String,
    pub encrypted: bool,
}

/// What all conversations of a server have in common.
struct Shared {
    rules: Rules,
    log: watch::Sender<ReceivedMail>,
    /// The replies to the next recipients.
    to_recipients: Mutex<VecDeque<&'static str>>,
    /// The reply to all others, if not the usual one.
    to_all: Mutex<Option<&'static str>>,
}

impl Shared {
    fn next_to_recipient(&self) -> Option<&'static str> {
        let next = self.to_recipients.lock().expect("no panic while locked").pop_front();
        next.or_else(|| *self.to_all.lock().expect("no panic while locked"))
    }
}

/// A running server. It ends with this value.
pub struct MailServer {
    pub port: u16,
    shared: Arc<Shared>,
    _task: AbortOnDropHandle<()>,
}

impl MailServer {
    /// Starts a server without TLS that follows the script.
    pub async fn start(script: Script) -> Self {
        Self::start_with(Rules { script, ..Rules::default() }).await
    }

    /// Starts a server.
    pub async fn start_with(rules: Rules) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("a bound address").port();
        let log = watch::Sender::new(ReceivedMail::default());
        let shared = Arc::new(Shared {
            rules,
            log,
            to_recipients: Mutex::default(),
            to_all: Mutex::default(),
        });
        let task = tokio::spawn(serve(listener, Arc::clone(&shared)));
        Self { port, shared, _task: AbortOnDropHandle::new(task) }
    }

    /// Replies to the next recipients with these lines, one each.
    pub fn respond_to_recipients_with(&self, replies: &[&'static str]) {
        self.shared.to_recipients.lock().expect("no panic while locked").extend(replies);
    }

    /// Replies to every recipient with this line until told otherwise.
    pub fn respond_to_all_recipients_with(&self, reply: Option<&'static str>) {
        *self.shared.to_all.lock().expect("no panic while locked") = reply;
    }

    /// What came in so far.
    pub fn received(&self) -> ReceivedMail {
        self.shared.log.borrow().clone()
    }

    /// What came in, once as many clients have left; there is nothing more to come then.
    pub async fn received_from(&self, clients: usize) -> ReceivedMail {
        let mut received = self.shared.log.subscribe();
        let left = received.wait_for(|received| received.ended >= clients);
        let left = timeout(Duration::from_secs(5), left).await.expect("the client leaves");
        left.expect("a running server").clone()
    }
}

/// A connection, encrypted or not.
trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut conversations = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        conversations.spawn(async move {
            // A client that hangs up, or breaks the handshake off, is what some tests want.
            let _ended = converse(stream, &shared).await;
            shared.log.send_modify(|received| received.ended += 1);
        });
    }
}

/// Holds one conversation until the client leaves.
async fn converse(stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let rules = &shared.rules;
    let mut session = Session::new(shared);
    let mut wire: BufReader<Box<dyn Wire>> = BufReader::new(Box::new(stream));
    if let Encryption::Always(acceptor) = &rules.encryption {
        wire = encrypt(wire, acceptor).await?;
        session.restart_encrypted();
    }
    let mut reply = Some(session.greeting());
    loop {
        if let Some(reply) = reply.take().filter(|reply| !reply.is_empty()) {
            wire.write_all(format!("{reply}\r\n").as_bytes()).await?;
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
        let line = line.trim_end_matches("\r\n");
        if line == "." {
            sleep(rules.scans).await;
        }
        reply = session.reply(line);
    }
}

async fn encrypt(
    wire: BufReader<Box<dyn Wire>>,
    acceptor: &TlsAcceptor,
) -> std::io::Result<BufReader<Box<dyn Wire>>> {
    assert!(wire.buffer().is_empty(), "a client waits for the reply to STARTTLS");
    let encrypted = acceptor.accept(wire.into_inner()).await?;
    Ok(BufReader::new(Box::new(encrypted)))
}
