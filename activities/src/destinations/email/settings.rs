//! `SMTP_URL`: which mail server, encrypted how, with which login, and what makes it unusable.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use domain::url_credentials::{self, Unencoded};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use percent_encoding::percent_decode_str;
use url::{Host, Url};

use super::smtp::{Security, SmtpServer};

/// How long a server may take for one step.
const STEP: Duration = Duration::from_secs(15);
/// How long a server may take until the message is settled.
const WHOLE: Duration = Duration::from_secs(75);

/// The mail settings cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailSettingsError {
    #[error(
        "MAIL_FROM must be an address such as alerts@example.com or Alerts <alerts@example.com>"
    )]
    From,
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
        let host = read_host(&url)?;
        let (security, default_port) = read_security(&url, &host, authorities)?;
        let login = read_login(&url)?;
        let certain = matches!(security, Security::Wrapper(_) | Security::Required(_));
        if login.is_some() && !certain && !is_loopback(&host) {
            return Err(MailSettingsError::UnencryptedLogin);
        }
        let port = url.port().unwrap_or(default_port);
        let hello = ClientId::default();
        Ok(Self { host, port, security, login, hello, step: STEP, whole: WHOLE })
    }
}

/// The name as the DNS and certificates spell it. In a URL of this scheme, letters of another script stay percent-encoded.
fn read_host(url: &Url) -> Result<String, MailSettingsError> {
    let host = url.host_str().and_then(|host| Host::parse(host).ok());
    match host.ok_or(MailSettingsError::Url)? {
        Host::Ipv6(address) => Ok(address.to_string()),
        host => Ok(host.to_string()),
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

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_server_is_looked_up_by_the_name_that_the_dns_has() {
        for (url, host) in [
            ("smtps://mail.bücher.example", "mail.xn--bcher-kva.example"),
            ("smtps://mail.b%C3%BCcher.example", "mail.xn--bcher-kva.example"),
            ("smtps://Mail.Example.com", "mail.example.com"),
            ("smtp://mail_server?tls=none", "mail_server"),
            ("smtp://192.0.2.7?tls=none", "192.0.2.7"),
            ("smtp://[::1]:2525", "::1"),
        ] {
            assert_eq!(SmtpServer::parse(url).expect(url).host, host, "{url}");
        }
        assert_eq!(rejection("smtps://mail.exa%20mple.com"), MailSettingsError::Url);
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
    fn a_password_that_is_not_percent_encoded_is_named_by_its_characters_alone() {
        for (url, spelling) in [
            ("smtp://u:a/b#c@mail.example.com?tls=required", "%2F for / and %23 for #"),
            ("smtp://u:hunter2/x@mail.example.com?tls=required", "%2F for /"),
            ("smtps://u:25#hunter2@mail.example.com", "%23 for #"),
            ("smtps://u:25?hunter2@mail.example.com", "%3F for ?"),
            ("smtps://u:hunter2%FF@mail.example.com", "%25 for %"),
        ] {
            let message = rejection(url).to_string();
            assert!(message.starts_with("SMTP_URL has "), "{message}");
            assert!(message.contains(spelling), "{message}");
            assert!(message.contains("percent-encoded") || message.contains("%25"), "{message}");
            assert!(!message.contains("hunter2") && !message.contains("a/b"), "{message}");
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
