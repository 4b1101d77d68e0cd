//! A mail server: it speaks SMTP with login and keeps every message as it came.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

use crate::eventually;

/// A mail server that remembers. It ends with this value.
pub struct Mailbox {
    port: u16,
    mails: Arc<Mutex<Vec<String>>>,
    _server: AbortOnDropHandle<()>,
}

impl Mailbox {
    /// Starts a mail server.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let mails = Arc::<Mutex<Vec<String>>>::default();
        let kept = Arc::clone(&mails);
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let kept = Arc::clone(&kept);
                tokio::spawn(async move {
                    // A client that hangs up early is the client's affair.
                    let _ended = converse(stream, &kept).await;
                });
            }
        });
        Ok(Self { port, mails, _server: AbortOnDropHandle::new(server) })
    }

    /// The URL for `SMTP_URL`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("smtp://bob:secret@127.0.0.1:{}", self.port)
    }

    /// Every mail so far, headers included.
    #[must_use]
    pub fn mails(&self) -> Vec<String> {
        self.mails.lock().expect("no panic while locked").clone()
    }

    /// Waits until so many mails came in, and gives them.
    pub async fn wait_for(&self, count: usize) -> Vec<String> {
        eventually(&format!("{count} mails"), async || {
            Some(self.mails()).filter(|mails| mails.len() >= count)
        })
        .await
    }
}

async fn converse(stream: TcpStream, kept: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 mail.test ESMTP\r\n").await?;
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let verb = line.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
        match verb.as_str() {
            "EHLO" => {
                stream
                    .write_all(b"250-mail.test\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME\r\n")
                    .await?;
            }
            "AUTH" => stream.write_all(b"235 welcome\r\n").await?,
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await?;
                let mail = read_mail(&mut stream).await?;
                kept.lock().expect("no panic while locked").push(mail);
                stream.write_all(b"250 kept\r\n").await?;
            }
            "QUIT" => return stream.write_all(b"221 bye\r\n").await,
            _ => stream.write_all(b"250 ok\r\n").await?,
        }
    }
}

async fn read_mail(stream: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut mail = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 || line == ".\r\n" {
            return Ok(mail);
        }
        mail.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}
