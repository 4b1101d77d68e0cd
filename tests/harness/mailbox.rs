//! A mail server: it speaks SMTP, takes mail only from bob, and keeps every message as it came.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tempfile::TempDir;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::AbortOnDropHandle;

use crate::eventually;

/// What the server keeps, and how it replies.
#[derive(Default)]
struct Kept {
    mails: Mutex<Vec<String>>,
    /// How often a recipient was named.
    recipients: AtomicUsize,
    /// What it replies to the next recipients.
    answers: Mutex<VecDeque<&'static str>>,
}

impl Kept {
    fn answer_recipient(&self) -> &'static str {
        self.recipients.fetch_add(1, Ordering::Relaxed);
        let mut answers = self.answers.lock().expect("no panic while locked");
        answers.pop_front().unwrap_or("250 ok\r\n")
    }
}

/// A mail server that remembers. It ends with this value.
pub struct Mailbox {
    port: u16,
    kept: Arc<Kept>,
    authority: Option<TempDir>,
    _server: AbortOnDropHandle<()>,
}

impl Mailbox {
    /// Starts a mail server.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start() -> anyhow::Result<Self> {
        Self::listen(None).await
    }

    /// Starts a mail server that speaks TLS from the first byte, with a certificate that only its
    /// own authority vouches for.
    ///
    /// # Errors
    /// When no port is free, or there can be no certificate.
    pub async fn start_encrypted() -> anyhow::Result<Self> {
        let folder = TempDir::new()?;
        let acceptor = vouched_for(&folder.path().join(AUTHORITY))?;
        Ok(Self { authority: Some(folder), ..Self::listen(Some(acceptor)).await? })
    }

    async fn listen(tls: Option<TlsAcceptor>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let kept = Arc::<Kept>::default();
        let memory = Arc::clone(&kept);
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, kept) = (tls.clone(), Arc::clone(&memory));
                tokio::spawn(async move {
                    // A client that hangs up early is the client's affair.
                    let _ended = welcome(stream, tls, &kept).await;
                });
            }
        });
        Ok(Self { port, kept, authority: None, _server: AbortOnDropHandle::new(server) })
    }

    /// The URL for `SMTP_URL`.
    #[must_use]
    pub fn url(&self) -> String {
        if self.authority.is_some() {
            format!("smtps://bob:secret@localhost:{}", self.port)
        } else {
            format!("smtp://bob:secret@127.0.0.1:{}", self.port)
        }
    }

    /// The file with the authority's certificate, where there is one, for `SSL_CERT_FILE`.
    #[must_use]
    pub fn authority(&self) -> Option<PathBuf> {
        self.authority.as_ref().map(|folder| folder.path().join(AUTHORITY))
    }

    /// Every mail so far, headers included.
    #[must_use]
    pub fn mails(&self) -> Vec<String> {
        self.kept.mails.lock().expect("no panic while locked").clone()
    }

    /// Replies to the next recipients with these lines instead of accepting them.
    pub fn answer_recipients_with(&self, answers: &[&'static str]) {
        self.kept.answers.lock().expect("no panic while locked").extend(answers);
    }

    /// How often a recipient was named.
    #[must_use]
    pub fn recipients(&self) -> usize {
        self.kept.recipients.load(Ordering::Relaxed)
    }

    /// Waits until so many mails came in, and gives them.
    pub async fn wait_for(&self, count: usize) -> Vec<String> {
        eventually(&format!("{count} mails"), async || {
            Some(self.mails()).filter(|mails| mails.len() >= count)
        })
        .await
    }
}

const AUTHORITY: &str = "authority.pem";
/// The base64 of NUL bob NUL secret.
const LOGIN: &str = "PLAIN AGJvYgBzZWNyZXQ=";

/// Makes an authority, writes its certificate to the file, and has it vouch for `localhost`.
fn vouched_for(file: &Path) -> anyhow::Result<TlsAcceptor> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let text = STANDARD.encode(authority.der());
    let pem = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
    std::fs::write(file, pem)?;

    let key = KeyPair::generate()?;
    let params = CertificateParams::new(["localhost".to_owned()])?;
    let certificate = params.signed_by(&key, &authority)?.der().clone();
    let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn welcome(stream: TcpStream, tls: Option<TlsAcceptor>, kept: &Kept) -> std::io::Result<()> {
    match tls {
        Some(tls) => converse(tls.accept(stream).await?, kept).await,
        None => converse(stream, kept).await,
    }
}

async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin, kept: &Kept) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 mail.test ESMTP\r\n").await?;
    let (mut line, mut signed_in) = (String::new(), false);
    loop {
        stream.flush().await?;
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let (verb, rest) = line.trim_end().split_once(' ').unwrap_or((line.trim_end(), ""));
        let answer = match verb {
            "EHLO" => "250-mail.test\r\n250-AUTH PLAIN\r\n250 8BITMIME\r\n",
            "AUTH" if rest == LOGIN => {
                signed_in = true;
                "235 welcome\r\n"
            }
            "AUTH" => "535 5.7.8 bad password\r\n",
            "MAIL" if !signed_in => "530 5.7.0 authentication required\r\n",
            "RCPT" => kept.answer_recipient(),
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await?;
                stream.flush().await?;
                let mail = read_mail(&mut stream).await?;
                kept.mails.lock().expect("no panic while locked").push(mail);
                "250 kept\r\n"
            }
            "QUIT" => {
                stream.write_all(b"221 bye\r\n").await?;
                return stream.flush().await;
            }
            _ => "250 ok\r\n",
        };
        stream.write_all(answer.as_bytes()).await?;
    }
}

async fn read_mail(stream: &mut (impl AsyncBufRead + Unpin)) -> std::io::Result<String> {
    let mut mail = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 || line == ".\r\n" {
            return Ok(mail);
        }
        mail.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}
