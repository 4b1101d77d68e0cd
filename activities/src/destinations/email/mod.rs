//! E-mail: what a message says and how it leaves.
//!
//! The text and the HTML say the same, from two templates beside this file; askama escapes the HTML
//! and the subject is one line, so that nothing a user wrote becomes markup or a header. Each
//! message carries the `Message-ID` that the caller gives, so that a repeated one is recognised as
//! such. A message is taken when the server (or the folder) has all of it; see [`smtp`] for what a
//! failure means.

mod folder;
mod mention;
mod notice;
mod plain_first;
mod settings;
mod smtp;

pub use settings::MailSettingsError;

use std::path::PathBuf;

use askama::Template;
use domain::alert::{AlertFacts, AlertKind, one_line};
use domain::mention::MentionFacts;
use domain::notice::NoticeText;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, Message};
use time::OffsetDateTime;
use url::Host;

use self::smtp::SmtpServer;
use super::{SendFailure, Sent, Thread};

const UNSET: &str = "SMTP_URL is not set, so no mail can be sent";

/// What sends mail.
#[derive(Debug, Clone)]
pub struct EmailSender {
    from: Mailbox,
    way: Way,
}

#[derive(Debug, Clone)]
enum Way {
    Unset,
    Smtp(Box<SmtpServer>),
    Folder(PathBuf),
}

/// What one message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The subject, on one line.
    pub subject: String,
    /// The message as text.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}

#[derive(Template)]
#[template(path = "destinations/email/subject.txt")]
struct Subject<'a> {
    facts: &'a AlertFacts,
    heading: &'a str,
}

#[derive(Template)]
#[template(path = "destinations/email/body.txt")]
struct Text<'a> {
    facts: &'a AlertFacts,
    heading: &'a str,
}

#[derive(Template)]
#[template(path = "destinations/email/body.html")]
struct Html<'a> {
    facts: &'a AlertFacts,
    heading: &'a str,
}

impl EmailSender {
    /// Sends by the server that `SMTP_URL` names, from `MAIL_FROM`.
    ///
    /// # Errors
    /// When either cannot be read; the text names the variable and the cure.
    pub fn smtp(smtp_url: &str, mail_from: &str) -> Result<Self, MailSettingsError> {
        let server = SmtpServer::parse(smtp_url)?;
        Ok(Self::by_server(server, read_from(mail_from)?))
    }

    fn by_server(server: SmtpServer, from: Mailbox) -> Self {
        let hello = smtp::hello(server.hello, from.email.domain());
        Self { from, way: Way::Smtp(Box::new(SmtpServer { hello, ..server })) }
    }

    /// Writes each mail as an `.eml` file into the folder, which is made when needed.
    ///
    /// # Errors
    /// When `MAIL_FROM` cannot be read.
    pub fn folder(folder: PathBuf, mail_from: &str) -> Result<Self, MailSettingsError> {
        Ok(Self { from: read_from(mail_from)?, way: Way::Folder(folder) })
    }

    /// Sends nothing: alerts by mail wait, and say why, until `SMTP_URL` is set.
    ///
    /// # Errors
    /// When `MAIL_FROM` cannot be read.
    pub fn unset(mail_from: &str) -> Result<Self, MailSettingsError> {
        Ok(Self { from: read_from(mail_from)?, way: Way::Unset })
    }

    /// Sends one alert to one address.
    pub(super) async fn send(
        &self,
        address: &str,
        thread: &Thread,
        facts: &AlertFacts,
    ) -> Result<Sent, SendFailure> {
        let mail = render(facts, thread.first.as_ref().map(|(_, kind)| *kind));
        let message = self.compose(address, thread, mail)?;
        let kind = facts.kind.as_str();
        self.dispatch(&message, || folder::file_name(facts.happened_at, kind, &thread.message_id))
            .await
    }

    /// Sends one notice to one address.
    pub(super) async fn send_notice(
        &self,
        address: &str,
        thread: &Thread,
        notice: &NoticeText,
    ) -> Result<Sent, SendFailure> {
        let message = self.compose(address, thread, notice::render(notice))?;
        let (now, kind) = (OffsetDateTime::now_utc(), notice.kind.as_str());
        self.dispatch(&message, || folder::file_name(now, kind, &thread.message_id)).await
    }

    /// Tells one operator of a comment that mentions them.
    pub(super) async fn send_mention(
        &self,
        address: &str,
        thread: &Thread,
        mention: &MentionFacts,
    ) -> Result<Sent, SendFailure> {
        let message = self.compose(address, thread, mention::render(mention))?;
        let now = OffsetDateTime::now_utc();
        self.dispatch(&message, || folder::file_name(now, "mention", &thread.message_id)).await
    }

    async fn dispatch(
        &self,
        message: &Message,
        file_name: impl FnOnce() -> String,
    ) -> Result<Sent, SendFailure> {
        match &self.way {
            Way::Unset => Err(SendFailure::transient(UNSET)),
            Way::Smtp(server) => server.deliver(message).await,
            Way::Folder(folder) => folder::write(folder, &file_name(), &message.formatted()).await,
        }
    }

    /// Asks the server whether mail could be sent, without sending any.
    ///
    /// # Errors
    /// When there is no connection, no encryption where it is demanded, or no login.
    pub async fn check(&self) -> Result<(), SendFailure> {
        match &self.way {
            Way::Unset => Err(SendFailure::transient(UNSET)),
            Way::Smtp(server) => server.check().await,
            Way::Folder(folder) => folder::check(folder).await,
        }
    }

    fn compose(
        &self,
        address: &str,
        thread: &Thread,
        mail: Result<Rendered, askama::Error>,
    ) -> Result<Message, SendFailure> {
        let unusable = |what: &str| SendFailure::permanent(&format!("{what} is not usable"));
        let to: Address = address.parse().map_err(|_| unusable("the address"))?;
        let id = |id: &str| bracketed(id).ok_or_else(|| unusable("the message id"));
        let mail = mail.map_err(|error| SendFailure::permanent(&error.to_string()))?;
        let mut message = Message::builder()
            .from(self.from.clone())
            .to(in_ascii(to).into())
            .date_now()
            .message_id(Some(id(&thread.message_id)?))
            .subject(mail.subject)
            .header(AutoSubmitted);
        if let Some(first) = thread.first.as_ref().map(|(id, _)| id).or(thread.root.as_ref()) {
            message = message.in_reply_to(id(first)?).references(id(first)?);
        }
        message
            .multipart(MultiPart::alternative_plain_html(mail.text, mail.html))
            .map_err(|error| SendFailure::permanent(&error.to_string()))
    }
}

/// Writes one message, without sender and receiver. One that follows another of its incident has
/// that one's subject behind `Re:`, because mail programs (Gmail among them) begin a new
/// conversation where the subject changes; the new state comes first in the text.
///
/// # Errors
/// Never in practice: the templates are checked when the program is built.
pub fn render(facts: &AlertFacts, first: Option<AlertKind>) -> Result<Rendered, askama::Error> {
    let facts = &facts.clone().sanitize();
    let heading = &facts.heading();
    let subject = match first {
        None => Subject { facts, heading }.render()?,
        Some(kind) => {
            let heading = &AlertFacts { kind, ..facts.clone() }.heading();
            format!("Re: {}", Subject { facts, heading }.render()?)
        }
    };
    Ok(Rendered {
        subject: one_line(&subject),
        text: Text { facts, heading }.render()?,
        html: Html { facts, heading }.render()?,
    })
}

/// Declares to mail programs that no reply is expected (RFC 3834), so that none replies "out of
/// office".
#[derive(Debug, Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

fn read_from(mail_from: &str) -> Result<Mailbox, MailSettingsError> {
    let from: Mailbox = mail_from.parse().map_err(|_| MailSettingsError::From)?;
    Ok(Mailbox::new(from.name, in_ascii(from.email)))
}

/// The address with its domain as the DNS spells it, which every server takes: one of another script needs a server that
/// speaks SMTPUTF8 (RFC 6531), as few do.
fn in_ascii(address: Address) -> Address {
    match Host::parse(address.domain()) {
        Ok(Host::Domain(ascii)) if !address.domain().is_ascii() => {
            Address::new(address.user(), ascii).unwrap_or(address)
        }
        _ => address,
    }
}

/// A message id in its angle brackets, if it has the form of one.
fn bracketed(id: &str) -> Option<String> {
    let id = id.strip_prefix('<').and_then(|id| id.strip_suffix('>')).unwrap_or(id);
    let plain = id.chars().all(|c| c.is_ascii_graphic() && !"<>()[],;:\\\"".contains(c));
    let (left, right) = id.split_once('@')?;
    let whole = !left.is_empty() && !right.is_empty() && !right.contains('@');
    (plain && whole).then(|| format!("<{id}>"))
}

#[cfg(test)]
mod tests;
