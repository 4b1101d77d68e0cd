//! The mail server of a world: it takes mail only from bob, and keeps every message as it came.

use std::path::PathBuf;

use doubles::Authority;
use doubles::mail_server::{Encryption, MailServer, Rules};
use tempfile::TempDir;

use crate::eventually;

const AUTHORITY: &str = "authority.pem";

/// A mail server that remembers. It ends with this value.
pub struct Mailbox {
    server: MailServer,
    authority: Option<TempDir>,
}

impl Mailbox {
    /// Starts a mail server.
    pub async fn start() -> Self {
        Self { server: start(Encryption::None).await, authority: None }
    }

    /// Starts a mail server that speaks TLS from the first byte, with a certificate that only its
    /// own authority vouches for.
    ///
    /// # Errors
    /// When the authority's certificate cannot be written to a file.
    pub async fn start_encrypted() -> anyhow::Result<Self> {
        let (folder, authority) = (TempDir::new()?, Authority::generate());
        std::fs::write(folder.path().join(AUTHORITY), authority.pem())?;
        let server = start(Encryption::Always(authority.vouch_for("localhost"))).await;
        Ok(Self { server, authority: Some(folder) })
    }

    /// The URL for `SMTP_URL`.
    #[must_use]
    pub fn url(&self) -> String {
        if self.authority.is_some() {
            format!("smtps://bob:secret@localhost:{}", self.server.port)
        } else {
            format!("smtp://bob:secret@127.0.0.1:{}", self.server.port)
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
        self.server.received().mails.into_iter().map(|mail| mail.text).collect()
    }

    /// Replies to the next recipients with these lines, one each.
    pub fn respond_to_recipients_with(&self, answers: &[&'static str]) {
        self.server.respond_to_recipients_with(answers);
    }

    /// How often a recipient was named.
    #[must_use]
    pub fn recipients(&self) -> usize {
        let lines = self.server.received().lines;
        lines.iter().filter(|line| line.starts_with("RCPT ")).count()
    }

    /// Waits until so many mails came in, and gives them.
    pub async fn wait_for(&self, count: usize) -> Vec<String> {
        eventually(&format!("{count} mails"), async || {
            Some(self.mails()).filter(|mails| mails.len() >= count)
        })
        .await
    }
}

async fn start(encryption: Encryption) -> MailServer {
    let login = Some(("bob", "secret"));
    MailServer::start_with(Rules { encryption, login, ..Rules::default() }).await
}
