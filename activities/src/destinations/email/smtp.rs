//! SMTP, one command at a time. Nothing here knows whose mail it is.
//!
//! The library's own transport has no time-out after the connection is made
//! (<https://github.com/lettre/lettre/issues/1027>), and waits for the reply to `QUIT` when the
//! message has long been accepted. So the conversation is held here: each step has its deadline,
//! and so have all of them together, so that no conversation outlives its attempt and runs on
//! beside the next one. The reply to the message alone decides, and saying goodbye is optional. It may
//! take all the time that is left: a server that scans mails replies late, and who left before that
//! would send it a mail again that it had taken (RFC 5321, section 4.5.3.2).
//!
//! What a failure means: nothing that happens before `MAIL FROM` says anything about this message
//! (a rejected login is a matter of the settings), so it is worth another attempt. From there on
//! 4xx is for now and 5xx is for good; a 5xx to `RCPT TO` whose enhanced code names the mailbox says
//! that the recipient does not exist. A connection that ends after the last byte of a message and
//! before its reply may have delivered it; it is sent again, with the same `Message-ID`.

use std::fmt::Display;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use lettre::Message;
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use lettre::transport::smtp::response::Response;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::super::{FailureKind, SendFailure, Sent};
use super::plain_first::PlainFirst;

/// How many addresses of a family are tried; they share the time of a step.
const MAX_TRIED: usize = 2;

/// How long the goodbye may take; the message is settled by then.
const GOODBYE: Duration = Duration::from_secs(2);

/// The step in which a server judges the mailbox.
const RCPT: &str = "RCPT TO";
/// What says that the recipient does not exist: no such mailbox, no such domain, no address at all,
/// moved without a new address, a domain that takes no mail, a mailbox that is closed.
const NO_MAILBOX: [&str; 6] = ["5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"];

/// One mail server and how to talk to it.
#[derive(Clone)]
pub(super) struct SmtpServer {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) security: Security,
    pub(super) login: Option<Credentials>,
    /// Who it is told that we are.
    pub(super) hello: ClientId,
    /// How long it may take for one step.
    pub(super) step: Duration,
    /// How long it may take until the message is settled.
    pub(super) whole: Duration,
}

/// How a connection is encrypted.
#[derive(Clone)]
pub(super) enum Security {
    /// TLS from the first byte.
    Wrapper(TlsParameters),
    /// `STARTTLS` or nothing.
    Required(TlsParameters),
    /// `STARTTLS` where the server offers it.
    Opportunistic(TlsParameters),
    None,
}

impl SmtpServer {
    /// Hands one message over; it is taken when the server says so.
    pub(super) async fn deliver(&self, message: &Message) -> Result<Sent, SendFailure> {
        let conversation = async {
            let mut connection = self.connect().await?;
            let sent = self.submit(&mut connection, message).await;
            Ok((connection, sent))
        };
        let (mut connection, sent) = timeout(self.whole, conversation).await.map_err(|_| {
            SendFailure::transient(&format!("the mail was not taken within {:?}", self.whole))
        })??;
        // The message is settled, whatever the server says to this.
        let _ = timeout(GOODBYE, connection.quit()).await;
        sent.map(|answer| Sent::new(&in_words(&answer)))
    }

    /// Does everything but send.
    pub(super) async fn check(&self) -> Result<(), SendFailure> {
        let mut connection = self.connect().await?;
        let _ = timeout(GOODBYE, connection.quit()).await;
        Ok(())
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, SendFailure> {
        let look_up = lookup_host((self.host.as_str(), self.port));
        let found = self.first("looking up the server", look_up).await?;
        self.connect_to(&alternate(found.collect())).await
    }

    /// Connects to the first of the addresses that responds.
    pub(super) async fn connect_to(
        &self,
        addresses: &[SocketAddr],
    ) -> Result<AsyncSmtpConnection, SendFailure> {
        let hello = &self.hello;
        let mut connection = match &self.security {
            Security::Wrapper(tls) => self.connect_encrypted(addresses, tls, hello).await?,
            Security::Required(_) | Security::Opportunistic(_) | Security::None => {
                self.connect_plain(addresses, hello).await?
            }
        };
        match &self.security {
            Security::Required(tls) => {
                self.first("STARTTLS", connection.starttls(tls.clone(), hello)).await?;
            }
            Security::Opportunistic(tls) if connection.can_starttls() => {
                self.first("STARTTLS", connection.starttls(tls.clone(), hello)).await?;
            }
            Security::Wrapper(_) | Security::Opportunistic(_) | Security::None => {}
        }
        if let Some(login) = &self.login {
            self.first("signing in", connection.auth(DEFAULT_MECHANISMS, login)).await?;
        }
        Ok(connection)
    }

    async fn connect_encrypted(
        &self,
        addresses: &[SocketAddr],
        tls: &TlsParameters,
        hello: &ClientId,
    ) -> Result<AsyncSmtpConnection, SendFailure> {
        let (each, tls) = (Some(self.share(addresses)), Some(tls.clone()));
        let connect = AsyncSmtpConnection::connect_tokio1(addresses, each, hello, tls, None);
        self.first("connecting with TLS", connect).await
    }

    async fn connect_plain(
        &self,
        addresses: &[SocketAddr],
        hello: &ClientId,
    ) -> Result<AsyncSmtpConnection, SendFailure> {
        let dialling = dial(addresses, self.share(addresses));
        let tcp = self.first("connecting", dialling).await?;
        let stream = Box::new(PlainFirst::new(tcp));
        let greeting = AsyncSmtpConnection::connect_with_transport(stream, hello);
        self.first("the greeting", greeting).await
    }

    /// How long each of the addresses may take.
    fn share(&self, addresses: &[SocketAddr]) -> Duration {
        let count = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
        self.step / count.max(1)
    }

    async fn submit(
        &self,
        connection: &mut AsyncSmtpConnection,
        message: &Message,
    ) -> Result<Response, SendFailure> {
        let envelope = message.envelope();
        let mut addresses = envelope.from().into_iter().chain(envelope.to());
        let mut options = Vec::new();
        if addresses.any(|address| !address.to_string().is_ascii()) {
            if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                return Err(SendFailure::permanent("the server takes no such address (SMTPUTF8)"));
            }
            options.push(MailParameter::SmtpUtfEight);
        }
        let mail = Mail::new(envelope.from().cloned(), options);
        self.then("MAIL FROM", connection.command(mail)).await?;
        for address in envelope.to() {
            let rcpt = Rcpt::new(address.clone(), Vec::new());
            self.then(RCPT, connection.command(rcpt)).await?;
        }
        self.then("DATA", connection.command(Data)).await?;
        judge("the message", connection.message(&message.formatted()).await)
    }

    /// A step before the message: whatever goes wrong, another attempt may help.
    async fn first<T, E: Display>(
        &self,
        what: &str,
        step: impl Future<Output = Result<T, E>>,
    ) -> Result<T, SendFailure> {
        let answer = timeout(self.step, step).await.map_err(|_| self.silent(what))?;
        answer.map_err(|error| SendFailure::transient(&format!("{what}: {error}")))
    }

    /// A step of the message: the server's reply decides.
    async fn then<T>(
        &self,
        what: &str,
        step: impl Future<Output = Result<T, SmtpError>>,
    ) -> Result<T, SendFailure> {
        let answer = timeout(self.step, step).await.map_err(|_| self.silent(what))?;
        judge(what, answer)
    }

    fn silent(&self, what: &str) -> SendFailure {
        SendFailure::transient(&format!("{what}: no answer within {:?}", self.step))
    }
}

impl std::fmt::Debug for SmtpServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SmtpServer({}:{})", self.host, self.port)
    }
}

/// What the reply to a step of the message means.
fn judge<T>(what: &str, answer: Result<T, SmtpError>) -> Result<T, SendFailure> {
    answer.map_err(|error| {
        let said = format!("{what}: {error}");
        // 530 asks for a login or for TLS, which is a matter of the settings.
        let settings = error.status().is_some_and(|code| code.to_string() == "530");
        match error.is_permanent() && !settings {
            true if what == RCPT && names_no_mailbox(&said) => {
                SendFailure::new(FailureKind::Gone, &said)
            }
            true => SendFailure::permanent(&said),
            false => SendFailure::transient(&said),
        }
    })
}

/// The first addresses of both families in turn, so that a family that leads nowhere from here keeps no mail back.
fn alternate(found: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let is_preferred = found.first().map(SocketAddr::is_ipv6);
    let (preferred, others): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|address| Some(address.is_ipv6()) == is_preferred);
    let in_turn = (0..MAX_TRIED).flat_map(|index| [preferred.get(index), others.get(index)]);
    in_turn.flatten().copied().collect()
}

/// A connection to the first of the addresses that responds within its share of the time.
async fn dial(addresses: &[SocketAddr], each: Duration) -> io::Result<TcpStream> {
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        failure = match timeout(each, TcpStream::connect(address)).await {
            Ok(Ok(tcp)) => return Ok(tcp),
            Ok(Err(error)) => error,
            Err(_) => io::Error::new(io::ErrorKind::TimedOut, "connection timed out"),
        };
    }
    Err(failure)
}

/// Who a server is told that we are: the machine by its name, or one of the sender's domain where that is none of the DNS, as
/// a container's is not. Servers reject a name without a domain (Postfix's `reject_non_fqdn_helo_hostname`), and
/// Google's relay hangs up on a generic one (<https://support.google.com/a/answer/2956491>).
pub(super) fn hello(machine: ClientId, sender_domain: &str) -> ClientId {
    let is_known = matches!(&machine, ClientId::Domain(name) if is_full_name(name));
    if is_known || !is_full_name(sender_domain) {
        machine
    } else {
        ClientId::Domain(sender_domain.to_owned())
    }
}

/// Whether it is a name with a domain, as the DNS spells it.
fn is_full_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
    name.contains('.') && name.bytes().all(is_plain) && name.parse::<IpAddr>().is_err()
}

/// Whether a reply carries an enhanced status code (RFC 3463, RFC 7505) that says that the mailbox
/// or its domain does not exist, moved away or was closed. A policy (5.7.x), a full mailbox (5.2.2)
/// and a bare 550, which servers use for all of these, say no such thing.
fn names_no_mailbox(said: &str) -> bool {
    said.split(|c: char| !(c.is_ascii_digit() || c == '.')).any(|word| NO_MAILBOX.contains(&word))
}

fn in_words(answer: &Response) -> String {
    let text: Vec<_> = answer.message().collect();
    format!("{} {}", answer.code(), text.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_a_full_name_is_one_of_the_senders_domain() {
        let own = || ClientId::Domain("mail1.cometcart.test".to_owned());
        let container = || ClientId::Domain("3f9a1c0b7d2e".to_owned());
        let literal = || ClientId::Ipv4([127, 0, 0, 1].into());
        let of_sender = ClientId::Domain("cometcart.test".to_owned());
        assert_eq!(hello(own(), "cometcart.test"), own());
        assert_eq!(hello(container(), "cometcart.test"), of_sender);
        assert_eq!(hello(literal(), "cometcart.test"), of_sender);
        for domain in ["localhost", "192.0.2.1", "[192.0.2.1]", "müller.example"] {
            assert_eq!(hello(container(), domain), container(), "{domain}");
        }
    }

    #[test]
    fn the_first_addresses_of_both_families_are_tried_in_turn() {
        let read = |texts: &[&str]| -> Vec<SocketAddr> {
            texts.iter().map(|text| text.parse().expect("an address")).collect()
        };
        let v6 = ["[2606:2800::1]:587", "[2606:2800::2]:587", "[2606:2800::3]:587"];
        let v4 = ["93.184.215.1:587", "93.184.215.2:587"];
        for (found, tried) in [
            (&[v6[0], v6[1], v6[2], v4[0], v4[1]][..], &[v6[0], v4[0], v6[1], v4[1]][..]),
            (&[v4[0], v4[1], v6[0]], &[v4[0], v6[0], v4[1]]),
            (&[v4[0]], &[v4[0]]),
            (&v6, &[v6[0], v6[1]]),
            (&[], &[]),
        ] {
            assert_eq!(alternate(read(found)), read(tried));
        }
    }

    #[test]
    fn only_a_mailbox_that_does_not_exist_is_gone() {
        for response in [
            "RCPT TO: permanent error (550): 5.1.1 <bob@x.test>: Recipient address rejected: unknown",
            "RCPT TO: permanent error (550): #5.1.10 null MX",
            "RCPT TO: permanent error (554): 5.2.1 disabled",
        ] {
            assert!(names_no_mailbox(response), "{response}");
        }
        for response in [
            "RCPT TO: permanent error (550): 5.7.1 Relaying denied",
            "RCPT TO: permanent error (550): No such user",
            "RCPT TO: permanent error (552): 5.2.2 mailbox full",
            "RCPT TO: permanent error (550): blocked, see 15.1.1.7",
        ] {
            assert!(!names_no_mailbox(response), "{response}");
        }
    }
}
