//! One conversation, line by line: the reply to each line, and what of it is kept.

use std::mem;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Encryption, Login, Mail, Shared};

pub(super) struct Session<'a> {
    shared: &'a Shared,
    encrypted: bool,
    greeted: bool,
    signed_in: bool,
    next: Next,
    mail: Option<Mail>,
}

/// What the next line is.
enum Next {
    Command,
    /// User and password in one message.
    Plain,
    User,
    Password(String),
    Message,
    /// No line at all, but a handshake.
    Handshake,
}

impl<'a> Session<'a> {
    pub(super) fn new(shared: &'a Shared) -> Self {
        Self {
            shared,
            encrypted: false,
            greeted: false,
            signed_in: false,
            next: Next::Command,
            mail: None,
        }
    }

    /// After a handshake: whatever was said before it was said by anyone.
    pub(super) fn restart_encrypted(&mut self) {
        *self = Self { encrypted: true, ..Self::new(self.shared) };
    }

    pub(super) fn wants_tls(&self) -> bool {
        matches!(self.next, Next::Handshake)
    }

    pub(super) fn greeting(&self) -> String {
        self.scripted("(greeting)").unwrap_or("220 mail.test ready").to_owned()
    }

    /// The reply to a line; nothing in the middle of a message.
    pub(super) fn reply(&mut self, line: &str) -> Option<String> {
        self.shared.log.send_modify(|received| received.lines.push(line.to_owned()));
        let next = mem::replace(&mut self.next, Next::Command);
        if matches!(next, Next::Message) && line != "." {
            self.next = Next::Message;
            let text = line.strip_prefix('.').unwrap_or(line);
            let kept = &mut self.mail.get_or_insert_default().text;
            kept.push_str(text);
            kept.push_str("\r\n");
            return None;
        }
        if let Some(reply) = self.scripted(line) {
            return Some(reply.to_owned());
        }
        let reply = match next {
            Next::Command | Next::Handshake => return Some(self.command(line)),
            Next::Plain => self.sign_in_at_once(line),
            Next::User => {
                self.next = Next::Password(decode(line));
                "334 UGFzc3dvcmQ6"
            }
            Next::Password(user) => self.sign_in("LOGIN", user, decode(line)),
            Next::Message => self.keep(),
        };
        Some(reply.to_owned())
    }

    fn scripted(&self, line: &str) -> Option<&'static str> {
        let rule = self.shared.rules.script.iter().find(|(word, _)| line.starts_with(word));
        rule.map(|(_, reply)| *reply)
    }

    fn command(&mut self, line: &str) -> String {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let reply = match verb.to_ascii_uppercase().as_str() {
            "EHLO" if !rest.is_empty() => return self.greet(),
            "QUIT" => "221 bye",
            _ if !self.greeted => "503 5.5.1 EHLO first",
            "STARTTLS" if self.offers_starttls() && rest.is_empty() => return self.start_tls(),
            "AUTH" => self.authenticate(rest),
            "MAIL" => self.mail_from(rest),
            "RCPT" => self.rcpt_to(rest),
            "DATA" => self.data(),
            _ => "502 5.5.1 what",
        };
        reply.to_owned()
    }

    fn greet(&mut self) -> String {
        self.greeted = true;
        let mut offers = vec!["250-mail.test".to_owned()];
        if self.offers_starttls() {
            offers.push("250-STARTTLS".to_owned());
        }
        if self.takes_logins() {
            offers
                .push(format!("250-AUTH {}", self.shared.rules.mechanism.unwrap_or("PLAIN LOGIN")));
        }
        offers.push("250 8BITMIME".to_owned());
        offers.join("\r\n")
    }

    fn offers_starttls(&self) -> bool {
        matches!(self.shared.rules.encryption, Encryption::StartTls(_)) && !self.encrypted
    }

    fn takes_logins(&self) -> bool {
        self.encrypted || matches!(self.shared.rules.encryption, Encryption::None)
    }

    fn start_tls(&mut self) -> String {
        self.next = Next::Handshake;
        let injected = self.shared.rules.injected;
        if injected.is_empty() {
            "220 go on".to_owned()
        } else {
            format!("220 go on\r\n{injected}")
        }
    }

    fn authenticate(&mut self, rest: &str) -> &'static str {
        let (mechanism, first) = rest.split_once(' ').unwrap_or((rest, ""));
        if !self.takes_logins() {
            return "538 5.7.11 not without TLS";
        }
        if self.shared.rules.mechanism.is_some_and(|only| only != mechanism) {
            return "504 5.5.4 not that way";
        }
        match (mechanism, first) {
            ("PLAIN", "") => {
                self.next = Next::Plain;
                "334 "
            }
            ("PLAIN", first) => self.sign_in_at_once(first),
            ("LOGIN", "") => {
                self.next = Next::User;
                "334 VXNlcm5hbWU6"
            }
            ("LOGIN", first) => {
                self.next = Next::Password(decode(first));
                "334 UGFzc3dvcmQ6"
            }
            _ => "504 5.5.4 not that way",
        }
    }

    fn sign_in_at_once(&mut self, both: &str) -> &'static str {
        let both = decode(both);
        let mut parts = both.split('\0').skip(1).map(str::to_owned);
        let (user, password) = (parts.next(), parts.next());
        self.sign_in("PLAIN", user.unwrap_or_default(), password.unwrap_or_default())
    }

    fn sign_in(&mut self, mechanism: &'static str, user: String, password: String) -> &'static str {
        let right =
            self.shared.rules.login.is_none_or(|login| login == (user.as_str(), password.as_str()));
        let login = Login { mechanism, user, password, encrypted: self.encrypted };
        self.shared.log.send_modify(|received| received.logins.push(login));
        self.signed_in = right;
        if right { "235 2.7.0 welcome" } else { "535 5.7.8 bad password" }
    }

    fn mail_from(&mut self, rest: &str) -> &'static str {
        if self.shared.rules.login.is_some() && !self.signed_in {
            return "530 5.7.0 authentication required";
        }
        let Some(from) = address(rest, "FROM:") else { return "501 5.5.4 from whom" };
        self.mail = Some(Mail { from, encrypted: self.encrypted, ..Mail::default() });
        "250 2.1.0 ok"
    }

    fn rcpt_to(&mut self, rest: &str) -> &'static str {
        let Some(mail) = &mut self.mail else { return "503 5.5.1 MAIL first" };
        let Some(to) = address(rest, "TO:") else { return "501 5.5.4 to whom" };
        let response = self.shared.next_to_recipient().unwrap_or("250 2.1.5 ok");
        if response.starts_with('2') {
            mail.to.push(to);
        }
        response
    }

    fn data(&mut self) -> &'static str {
        if self.mail.as_ref().is_none_or(|mail| mail.to.is_empty()) {
            return "503 5.5.1 RCPT first";
        }
        self.next = Next::Message;
        "354 go on"
    }

    fn keep(&mut self) -> &'static str {
        let mail = self.mail.take();
        self.shared.log.send_modify(|received| received.mails.extend(mail));
        "250 2.0.0 queued as 7F3A"
    }
}

fn address(rest: &str, label: &str) -> Option<String> {
    let (address, _) = rest.strip_prefix(label)?.strip_prefix('<')?.split_once('>')?;
    Some(address.to_owned())
}

fn decode(text: &str) -> String {
    let bytes = STANDARD.decode(text).unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
}
