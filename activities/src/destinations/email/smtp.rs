//! SMTP, one command at a time.
//!
//! The library's own transport has no time-out after the connection is made, and waits for the
//! reply to `QUIT` when the message has long been accepted. So the conversation is held here: each
//! step has its deadline, and so have all of them together, so that no conversation outlives the
//! activity that holds it and runs on beside the next one. The reply to the message alone decides,
//! and saying goodbye is optional.
//!
//! What a failure means: nothing that happens before `MAIL FROM` says anything about this message
//! (a rejected login is the operator's to fix), so it is worth another attempt. From there on 4xx
//! is for now and 5xx is for good; a 5xx to `RCPT TO` whose enhanced code names the mailbox says
//! that the recipient does not exist. A connection that ends after the last byte of a message and
//! before its reply may have delivered it; it is sent again, with the same `Message-ID`.

use std::borrow::Cow;
use std::fmt::Display;
use std::net::IpAddr;
use std::time::Duration;

use domain::url_credentials::{self, Unencoded};
use lettre::Message;
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use lettre::transport::smtp::response::Response;
use percent_encoding::percent_decode_str;
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Url;

use super::super::{FailureKind, SendFailure, Sent};
use super::plain_first::PlainFirst;

/// How long a server may take for one step.
const STEP: Duration = Duration::from_secs(15);
/// How long a server may take until the message is settled. With the goodbye and what the database
/// is asked before and after, this stays below the activity's 90 s.
const WHOLE: Duration = Duration::from_secs(75);
/// How long the goodbye may take; the message is settled by then.
const GOODBYE: Duration = Duration::from_secs(2);

/// The step in which a server judges the mailbox.
const RCPT: &str = "RCPT TO";
/// What says that the recipient does not exist: no such mailbox, no such domain, no address at all,
/// moved without a new address, a domain that takes no mail, a mailbox that is closed.
const NO_MAILBOX: [&str; 6] = ["5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"];

/// The mail settings cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailSettingsError {
    /// The sender.
    #[error(
        "MAIL_FROM must be an address such as alerts@example.com or Alerts <alerts@example.com>"
    )]
    From,
    /// The server.
    #[error(
        "SMTP_URL must look like smtps://user:password@mail.example.com or \
         smtp://mail.example.com:587?tls=required"
    )]
    Url,
    /// A password whose characters mean something in a URL.
    #[error("SMTP_URL {0}")]
    Unencoded(Unencoded),
    /// A percent sign that begins no character.
    #[error(
        "SMTP_URL has a % in its user name or password that begins no character: write %25 for %, as \
         in scheme://user:pass%25word@host"
    )]
    Percent,
    /// What no mail server has: the code was meant differently.
    #[error(
        "SMTP_URL must not have a path or a #: leave it out, or percent-encode it where it belongs \
         to the password (%2F for /, %23 for #)"
    )]
    Path,
    /// The encryption.
    #[error("SMTP_URL must have tls=required, tls=opportunistic or tls=none, or no tls at all")]
    Tls,
    /// Mail in the clear by accident.
    #[error(
        "SMTP_URL would send mail unencrypted: use smtps://, add ?tls=required, or say ?tls=none \
         where the network is yours"
    )]
    Unencrypted,
    /// A password in the clear.
    #[error("SMTP_URL would send its password unencrypted: use smtps:// or add ?tls=required")]
    UnencryptedLogin,
    /// The system's trusted certificates.
    #[error("SMTP_URL asks for TLS, which could not be set up: {0}")]
    Certificates(String),
}

/// One mail server and how to talk to it.
#[derive(Clone)]
pub(super) struct SmtpServer {
    host: String,
    port: u16,
    security: Security,
    login: Option<Credentials>,
    pub(super) step: Duration,
    pub(super) whole: Duration,
}

#[derive(Clone)]
enum Security {
    /// TLS from the first byte.
    Wrapper(TlsParameters),
    /// `STARTTLS` or nothing.
    Required(TlsParameters),
    /// `STARTTLS` where the server offers it.
    Opportunistic(TlsParameters),
    None,
}

impl SmtpServer {
    /// Reads `SMTP_URL`. With TLS, the server must show a certificate that the system trusts.
    pub(super) fn parse(text: &str) -> Result<Self, MailSettingsError> {
        Self::parse_trusting(text, &[])
    }

    /// The same, with further authorities to trust.
    pub(super) fn parse_trusting(
        text: &str,
        authorities: &[Certificate],
    ) -> Result<Self, MailSettingsError> {
        if let Some(unencoded) = url_credentials::find_unencoded(text) {
            return Err(MailSettingsError::Unencoded(unencoded));
        }
        let url = Url::parse(text).map_err(|_| MailSettingsError::Url)?;
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(MailSettingsError::Path);
        }
        let host = url.host_str().ok_or(MailSettingsError::Url)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let (security, default_port) = read_security(&url, &host, authorities)?;
        let login = read_login(&url)?;
        let certain = matches!(security, Security::Wrapper(_) | Security::Required(_));
        if login.is_some() && !certain && !is_loopback(&host) {
            return Err(MailSettingsError::UnencryptedLogin);
        }
        let port = url.port().unwrap_or(default_port);
        Ok(Self { host, port, security, login, step: STEP, whole: WHOLE })
    }

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
        let hello = ClientId::default();
        let mut connection = match &self.security {
            Security::Wrapper(tls) => self.connect_encrypted(tls, &hello).await?,
            Security::Required(_) | Security::Opportunistic(_) | Security::None => {
                self.connect_plain(&hello).await?
            }
        };
        match &self.security {
            Security::Required(tls) => {
                self.first("STARTTLS", connection.starttls(tls.clone(), &hello)).await?;
            }
            Security::Opportunistic(tls) if connection.can_starttls() => {
                self.first("STARTTLS", connection.starttls(tls.clone(), &hello)).await?;
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
        tls: &TlsParameters,
        hello: &ClientId,
    ) -> Result<AsyncSmtpConnection, SendFailure> {
        let (address, tls) = ((self.host.as_str(), self.port), Some(tls.clone()));
        let connect =
            AsyncSmtpConnection::connect_tokio1(address, Some(self.step), hello, tls, None);
        self.first("connecting with TLS", connect).await
    }

    async fn connect_plain(&self, hello: &ClientId) -> Result<AsyncSmtpConnection, SendFailure> {
        let address = (self.host.as_str(), self.port);
        let tcp = self.first("connecting", TcpStream::connect(address)).await?;
        let stream = Box::new(PlainFirst::new(tcp));
        let greeting = AsyncSmtpConnection::connect_with_transport(stream, hello);
        self.first("the greeting", greeting).await
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
        self.then("the message", connection.message(&message.formatted())).await
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

    fn silent(&self, what: &str) -> SendFailure {
        SendFailure::transient(&format!("{what}: no answer within {:?}", self.step))
    }
}

impl std::fmt::Debug for SmtpServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SmtpServer({}:{})", self.host, self.port)
    }
}

fn read_security(
    url: &Url,
    host: &str,
    authorities: &[Certificate],
) -> Result<(Security, u16), MailSettingsError> {
    let mode = url.query_pairs().find(|(name, _)| name == "tls").map(|(_, value)| value);
    let tls = || {
        let system = TlsParameters::builder(host.to_owned());
        authorities
            .iter()
            .fold(system, |tls, authority| tls.add_root_certificate(authority.clone()))
            .build()
            .map_err(|error| MailSettingsError::Certificates(error.to_string()))
    };
    match (url.scheme(), mode.as_deref()) {
        ("smtps", None | Some("required")) => Ok((Security::Wrapper(tls()?), 465)),
        ("smtp", Some("required")) => Ok((Security::Required(tls()?), 587)),
        ("smtp", Some("opportunistic")) => Ok((Security::Opportunistic(tls()?), 587)),
        ("smtp", Some("none")) => Ok((Security::None, 25)),
        ("smtp", None) if is_loopback(host) => Ok((Security::None, 25)),
        ("smtp", None) => Err(MailSettingsError::Unencrypted),
        ("smtp" | "smtps", Some(_)) => Err(MailSettingsError::Tls),
        _ => Err(MailSettingsError::Url),
    }
}

fn read_login(url: &Url) -> Result<Option<Credentials>, MailSettingsError> {
    let decode = |text: &str| {
        let text = percent_decode_str(text).decode_utf8();
        text.map(Cow::into_owned).map_err(|_| MailSettingsError::Percent)
    };
    match (url.username(), url.password()) {
        ("", None) => Ok(None),
        (_, None) => Err(MailSettingsError::Url),
        (user, Some(password)) => Ok(Some(Credentials::new(decode(user)?, decode(password)?))),
    }
}

/// Whether a reply carries an enhanced status code (RFC 3463, RFC 7505) that says that the mailbox
/// or its domain does not exist, moved away or was closed. A policy (5.7.x), a full mailbox (5.2.2)
/// and a bare 550, which servers use for all of these, say no such thing.
fn names_no_mailbox(said: &str) -> bool {
    said.split(|c: char| !(c.is_ascii_digit() || c == '.')).any(|word| NO_MAILBOX.contains(&word))
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

fn in_words(answer: &Response) -> String {
    let text: Vec<_> = answer.message().collect();
    format!("{} {}", answer.code(), text.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_ends_before_its_activity_does() {
        let for_the_database = Duration::from_secs(10);
        assert!(WHOLE + GOODBYE + for_the_database < workflows::options::ALERT);
    }

    fn rejection(url: &str) -> MailSettingsError {
        SmtpServer::parse(url).expect_err(url)
    }

    #[test]
    fn ports_and_logins_are_read_from_the_url() {
        for (url, port, login) in [
            ("smtp://127.0.0.1:1025", 1025, false),
            ("smtp://localhost", 25, false),
            ("smtp://[::1]:2525", 2525, false),
            ("smtp://mail.example.com?tls=required", 587, false),
            ("smtp://alerts:p%40ss%2Fword@mail.example.com?tls=required", 587, true),
            ("smtps://alerts%40example.com:secret@mail.example.com", 465, true),
            ("smtp://mail.example.com?tls=none", 25, false),
            ("smtp://alerts:secret@127.0.0.1:1025", 1025, true),
        ] {
            let server = SmtpServer::parse(url).expect(url);
            assert_eq!((server.port, server.login.is_some()), (port, login), "{url}");
        }
        let escaped = "smtps://alerts%40example.com:p%40ss%2F%C3%BC@mail.example.com";
        let login = SmtpServer::parse(escaped).expect("a good URL").login;
        let meant = Credentials::new("alerts@example.com".to_owned(), "p@ss/ü".to_owned());
        assert_eq!(login, Some(meant));
    }

    #[test]
    fn nothing_leaves_unencrypted_by_accident() {
        assert_eq!(rejection("smtp://mail.example.com"), MailSettingsError::Unencrypted);
        for url in [
            "smtp://alerts:secret@mail.example.com?tls=none",
            "smtp://alerts:secret@mail.example.com?tls=opportunistic",
        ] {
            assert_eq!(rejection(url), MailSettingsError::UnencryptedLogin);
        }
    }

    #[test]
    fn a_url_that_is_no_mail_server_says_what_one_looks_like() {
        for url in ["", "mail.example.com", "https://mail.example.com", "smtp://", "smtps://a@b"] {
            assert_eq!(rejection(url), MailSettingsError::Url, "{url}");
        }
        assert_eq!(rejection("smtp://127.0.0.1?tls=maybe"), MailSettingsError::Tls);
    }

    #[test]
    fn only_a_mailbox_that_does_not_exist_is_gone() {
        for said in [
            "RCPT TO: permanent error (550): 5.1.1 <bob@x.test>: Recipient address rejected: unknown",
            "RCPT TO: permanent error (550): #5.1.10 null MX",
            "RCPT TO: permanent error (554): 5.2.1 disabled",
        ] {
            assert!(names_no_mailbox(said), "{said}");
        }
        for said in [
            "RCPT TO: permanent error (550): 5.7.1 Relaying denied",
            "RCPT TO: permanent error (550): No such user",
            "RCPT TO: permanent error (552): 5.2.2 mailbox full",
            "RCPT TO: permanent error (550): blocked, see 15.1.1.7",
        ] {
            assert!(!names_no_mailbox(said), "{said}");
        }
    }

    #[test]
    fn a_password_that_is_not_percent_encoded_is_named_by_its_characters_alone() {
        for (url, spelling) in [
            ("smtp://u:a/b#c@mail.example.com?tls=required", "%2F for / and %23 for #"),
            ("smtp://u:hunter2/x@mail.example.com?tls=required", "%2F for /"),
            ("smtps://u:25#hunter2@mail.example.com", "%23 for #"),
            ("smtps://u:25?hunter2@mail.example.com", "%3F for ?"),
            ("smtps://u:hunter2%FF@mail.example.com", "%25 for %"),
        ] {
            let said = rejection(url).to_string();
            assert!(said.starts_with("SMTP_URL has "), "{said}");
            assert!(said.contains(spelling), "{said}");
            assert!(said.contains("percent-encoded") || said.contains("%25"), "{said}");
            assert!(!said.contains("hunter2") && !said.contains("a/b"), "{said}");
        }
        // Read as a host named u with a port, were it not for what follows.
        assert_eq!(rejection("smtp://localhost:1025/x"), MailSettingsError::Path);
        assert_eq!(rejection("smtp://localhost:1025#x"), MailSettingsError::Path);
        assert!(SmtpServer::parse("smtp://localhost:1025/").is_ok());
        let login = SmtpServer::parse("smtps://u:a@b@mail.example.com").expect("good").login;
        assert_eq!(login, Some(Credentials::new("u".to_owned(), "a@b".to_owned())));
    }

    #[test]
    fn the_password_is_never_printed() {
        let server = SmtpServer::parse("smtps://alerts:secret@mail.example.com").expect("good");
        assert_eq!(format!("{server:?}"), "SmtpServer(mail.example.com:465)");
    }
}
