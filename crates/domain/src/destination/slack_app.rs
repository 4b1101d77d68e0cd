//! A Slack app of the team: its bot's token, the channel that it posts to, and the secret that signs what comes back
//! when somebody presses a button of its messages.
//!
//! A request of Slack's counts only with a signature over its very bytes that is at most five minutes old
//! (<https://docs.slack.dev/authentication/verifying-requests-from-slack>); it is compared in constant time.

use std::fmt;

use hmac::{Hmac, Mac};
use sha2::Sha256;
use time::{Duration, OffsetDateTime};
use url::Url;

use crate::project::Mode;
use crate::repair_url::{AllowedNetworks, is_own, read_secret_outbound};

/// Where the methods of Slack's Web API are unless the workspace is one of GovSlack
/// (<https://docs.slack.dev/govslack>).
pub const SLACK_API: &str = "https://slack.com/api/";

/// How old a signature may be, and how far ahead.
const LONGEST_AGE: Duration = Duration::minutes(5);

/// The token of the app's bot. It is a secret: whoever has it can post in the app's name.
#[derive(Clone, PartialEq, Eq)]
pub struct SlackToken(String);

/// The text is no token of a bot. It continues a sentence that begins with the field's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be the Bot User OAuth Token, which begins with xoxb-, as the app shows it under OAuth & Permissions; one of \
     an app with token rotation ends after twelve hours and is not taken"
)]
pub struct MalformedSlackToken;

impl SlackToken {
    /// Reads a token; white space around it is no part of it.
    ///
    /// # Errors
    /// When it has another form.
    pub fn parse(text: &str) -> Result<Self, MalformedSlackToken> {
        let text = text.trim();
        let rest = text.strip_prefix("xoxb-").ok_or(MalformedSlackToken)?;
        let is_token = (12..=250).contains(&rest.len())
            && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if is_token { Ok(Self(text.to_owned())) } else { Err(MalformedSlackToken) }
    }

    /// The token itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SlackToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SlackToken(…)")
    }
}

/// The id of a channel, public or private.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlackChannel(String);

/// The text is no channel's id. It continues a sentence that begins with the field's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be the channel's id, such as C0123ABCDEF, which Slack shows at the end of View channel details; a name such \
     as #payments is none"
)]
pub struct MalformedSlackChannel;

impl SlackChannel {
    /// Reads an id.
    ///
    /// # Errors
    /// When it has another form.
    pub fn parse(text: &str) -> Result<Self, MalformedSlackChannel> {
        let text = text.trim();
        if is_id(text, &["C", "G"]) {
            Ok(Self(text.to_owned()))
        } else {
            Err(MalformedSlackChannel)
        }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// How the channel is called unless an operator gives it a label.
    #[must_use]
    pub fn default_label(&self) -> String {
        format!("Slack {}", self.0)
    }
}

/// The id of a person in Slack, by which an operator is known there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlackUserId(String);

/// The text is no id of a person. It continues a sentence that begins with the field's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be the member ID, such as U0123ABCDEF, which Slack shows under your profile, the three dots, Copy member ID"
)]
pub struct MalformedSlackUserId;

impl SlackUserId {
    /// Reads an id.
    ///
    /// # Errors
    /// When it has another form.
    pub fn parse(text: &str) -> Result<Self, MalformedSlackUserId> {
        let text = text.trim();
        if is_id(text, &["U", "W"]) { Ok(Self(text.to_owned())) } else { Err(MalformedSlackUserId) }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One letter for what it is, and then capital letters and digits.
fn is_id(text: &str, begins: &[&str]) -> bool {
    let is_part = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    (9..=20).contains(&text.len())
        && begins.iter().any(|letter| text.starts_with(letter))
        && text.bytes().all(is_part)
}

/// What Slack signs its requests with, by the app.
#[derive(Clone, PartialEq, Eq)]
pub struct SlackSigningSecret(String);

/// The text is no signing secret. It continues a sentence that begins with the field's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be the app's Signing Secret, 32 digits and letters from a to f, as the app shows it under Basic Information"
)]
pub struct MalformedSlackSigningSecret;

/// Why a request is not taken for Slack's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ForeignRequest {
    #[error("its time is more than five minutes away")]
    Time,
    #[error("its signature is missing or of another secret")]
    Signature,
}

impl SlackSigningSecret {
    /// Reads a secret; white space around it is no part of it.
    ///
    /// # Errors
    /// When it has another form.
    pub fn parse(text: &str) -> Result<Self, MalformedSlackSigningSecret> {
        let text = text.trim();
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() == 32 && text.bytes().all(is_hex) {
            Ok(Self(text.to_owned()))
        } else {
            Err(MalformedSlackSigningSecret)
        }
    }

    /// The secret itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Judges the headers `X-Slack-Request-Timestamp` and `X-Slack-Signature` of a request with this very body. The time
    /// is judged last: who has no secret hears the same, whatever the time, as of a destination that is not there.
    ///
    /// # Errors
    /// When it is not Slack's, or too old.
    pub fn verify(
        &self,
        timestamp: &str,
        signature: &str,
        body: &[u8],
        now: OffsetDateTime,
    ) -> Result<(), ForeignRequest> {
        let given = signature.strip_prefix("v0=").and_then(|text| hex::decode(text).ok());
        let given = given.ok_or(ForeignRequest::Signature)?;
        let mac = Hmac::<Sha256>::new_from_slice(self.0.as_bytes());
        let mut mac = mac.map_err(|_| ForeignRequest::Signature)?;
        mac.update(format!("v0:{timestamp}:").as_bytes());
        mac.update(body);
        mac.verify_slice(&given).map_err(|_| ForeignRequest::Signature)?;
        let seconds: i64 = timestamp.parse().map_err(|_| ForeignRequest::Time)?;
        let at = OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| ForeignRequest::Time)?;
        if (now - at).abs() > LONGEST_AGE { Err(ForeignRequest::Time) } else { Ok(()) }
    }
}

impl fmt::Debug for SlackSigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SlackSigningSecret(…)")
    }
}

/// Where what came of a press is told, as Slack says with it.
#[derive(Clone, PartialEq, Eq)]
pub struct SlackResponseUrl(Url);

impl SlackResponseUrl {
    /// Reads a URL; nothing where it leads neither to Slack nor into a network that the operator of the installation
    /// lists.
    #[must_use]
    pub fn parse(text: &str, allow: &AllowedNetworks) -> Option<Self> {
        let url = read_secret_outbound(text, Mode::Test, allow).ok()?;
        let is_slack = matches!(url.host_str(), Some("hooks.slack.com" | "hooks.slack-gov.com"));
        (is_slack || is_own(&url, allow)).then_some(Self(url))
    }

    #[must_use]
    pub const fn as_url(&self) -> &Url {
        &self.0
    }
}

impl fmt::Debug for SlackResponseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SlackResponseUrl(…)")
    }
}

/// What a destination of an app is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlackApp {
    pub token: SlackToken,
    pub channel: SlackChannel,
    pub secret: SlackSigningSecret,
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn each_part_has_the_form_that_slack_gives_it_and_no_secret_is_shown() {
        let token = SlackToken::parse(" xoxb-17653672481-19874698323-pdFZKVeTuE8sk7oOcBrzbqgy\n");
        assert_eq!(format!("{:?}", token.expect("a token")), "SlackToken(…)");
        for bad in ["", "xoxb-", "xoxp-17653672481-19874698323-pdFZ", "xoxb-17653672481 1987469"] {
            assert_eq!(SlackToken::parse(bad), Err(MalformedSlackToken), "{bad}");
        }
        let channel = SlackChannel::parse("C0123ABCDEF").expect("a channel");
        assert_eq!(channel.default_label(), "Slack C0123ABCDEF");
        for bad in ["", "#payments", "C0123", "c0123abcdef", "D0123ABCDEF", "C0123ABCDÉF"] {
            assert_eq!(SlackChannel::parse(bad), Err(MalformedSlackChannel), "{bad}");
        }
        assert!(SlackUserId::parse(" U0123ABCDEF ").is_ok());
        for bad in ["", "@bob", "C0123ABCDEF", "bob@example.com"] {
            assert_eq!(SlackUserId::parse(bad), Err(MalformedSlackUserId), "{bad}");
        }
        let secret = SlackSigningSecret::parse("8f742231b10e8888abcd99yyyzzz85a5");
        assert_eq!(secret, Err(MalformedSlackSigningSecret));
    }

    #[test]
    fn answers_go_to_slack_or_to_a_network_of_the_operators_own() {
        let parse = |text: &str, allow: &str| {
            SlackResponseUrl::parse(text, &allow.parse().expect("networks")).is_some()
        };
        assert!(parse("https://hooks.slack.com/actions/T0/1/abc", ""));
        assert!(parse("http://127.0.0.1:9000/actions/T0/1/abc", "127.0.0.0/8"));
        for bad in [
            "",
            "http://hooks.slack.com/actions/T0/1/abc",
            "https://hooks.slack.com.evil.test/actions",
            "https://169.254.169.254/latest",
            "http://127.0.0.1:9000/actions",
        ] {
            assert!(!parse(bad, ""), "{bad}");
        }
    }

    /// The signature was computed by another implementation (Python's `hmac`).
    #[test]
    fn a_request_is_slacks_by_its_signature_over_each_byte_within_five_minutes() {
        let secret = SlackSigningSecret::parse("8f742231b10e8888abcd99badc0de5a5").expect("one");
        let (now, body) = (datetime!(2018-11-29 14:52:11 UTC), b"payload=%7B%22type%22%3A1%7D");
        let signature = "v0=b4409ae649a06e50371d31a46caaf3d2d770783802a6d97914bfe46f77d7ecdf";
        let verify =
            |at: &str, signature: &str, body: &[u8], now| secret.verify(at, signature, body, now);
        assert_eq!(verify("1543503131", signature, body, now), Ok(()));
        let edge = Duration::minutes(5);
        assert_eq!(verify("1543503131", signature, body, now + edge), Ok(()));
        for late in [now + edge + Duration::SECOND, now - edge - Duration::SECOND] {
            assert_eq!(verify("1543503131", signature, body, late), Err(ForeignRequest::Time));
        }
        let other = SlackSigningSecret::parse("8f742231b10e8888abcd99badc0de5a6").expect("one");
        let foreign = Err(ForeignRequest::Signature);
        for at in ["", "soon", "9223372036854775807", "-1"] {
            assert_eq!(verify(at, signature, body, now), foreign, "{at}");
        }
        let late = now + Duration::HOUR;
        assert_eq!(other.verify("1543503131", signature, body, late), foreign, "nor of its time");
        assert_eq!(other.verify("1543503131", signature, body, now), foreign);
        assert_eq!(verify("1543503132", signature, body, now), foreign);
        assert_eq!(verify("1543503131", signature, b"payload=%7B%22type%22%3A2%7D", now), foreign);
        for bad in ["", "v0=", "v1=00", &signature[3..], &signature[..60]] {
            assert_eq!(verify("1543503131", bad, body, now), foreign, "{bad}");
        }
    }
}
