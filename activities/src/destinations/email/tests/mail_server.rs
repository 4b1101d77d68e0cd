//! The mail server of the tests, and senders that lead to it.

use std::time::Duration;

pub(super) use doubles::Authority;
pub(super) use doubles::mail_server::{Encryption, Login, MailServer, ReceivedMail, Rules, Script};
use lettre::transport::smtp::client::Certificate;

use super::super::smtp::SmtpServer;
use super::super::{EmailSender, read_from};
use super::FROM;

/// Whom a test sends by.
pub(super) trait Senders {
    /// A sender that gives each step half a second, with a login such as `user:password@`.
    fn sender(&self, login: &str) -> EmailSender {
        self.sender_by(&format!("smtp://{login}127.0.0.1:PORT"), &[])
    }

    /// A sender by a URL in which `PORT` stands for this server's, that trusts the authorities.
    fn sender_by(&self, url: &str, authorities: &[&Authority]) -> EmailSender;
}

impl Senders for MailServer {
    fn sender_by(&self, url: &str, authorities: &[&Authority]) -> EmailSender {
        sender(&url.replace("PORT", &self.port.to_string()), authorities)
    }
}

/// A sender that gives each step half a second, and trusts the authorities.
pub(super) fn sender(url: &str, authorities: &[&Authority]) -> EmailSender {
    let certificate = |one: &&Authority| Certificate::from_der(one.certificate().to_vec());
    let trusted: Result<Vec<_>, _> = authorities.iter().map(certificate).collect();
    let trusted = trusted.expect("certificates");
    let mut server = SmtpServer::parse_trusting(url, &trusted).expect("good settings");
    server.step = Duration::from_millis(500);
    EmailSender::by_server(server, read_from(FROM).expect("a good sender"))
}
