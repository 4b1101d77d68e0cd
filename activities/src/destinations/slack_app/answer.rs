//! What the Web API answers, and what it means.
//!
//! A 200 may say no: `{"ok":false,"error":"…"}`. Each error that an operator can do something about is told with what
//! that is (<https://docs.slack.dev/reference/methods/chat.postMessage#errors>).

use domain::callback::{AnswerVerdict, judge_answer};
use serde_json::Value;
use time::OffsetDateTime;

use crate::destinations::{FailureKind, SendFailure, Sent};
use crate::http::{WholeResponse, retry_after, without};

/// Errors after which nothing arrives until somebody does something, and what.
const GONE: [(&str, &str); 13] = [
    ("invalid_auth", NEW_TOKEN),
    ("not_authed", NEW_TOKEN),
    ("account_inactive", NEW_TOKEN),
    ("token_revoked", NEW_TOKEN),
    (
        "token_expired",
        "the token has ended: turn token rotation off in the app and add the new one",
    ),
    ("not_in_channel", INVITE),
    (
        "channel_not_found",
        "there is no such channel, or it is private: copy its ID, and invite the app",
    ),
    ("is_archived", "the channel is archived: restore it, or add another one"),
    (
        "missing_scope",
        "give the app the scope chat:write under OAuth & Permissions, and install it again",
    ),
    ("restricted_action", POLICY),
    ("restricted_action_read_only_channel", POLICY),
    ("team_access_not_granted", "install the app in this workspace again"),
    ("ekm_access_denied", POLICY),
];
const NEW_TOKEN: &str =
    "the token holds no more: install the app again and add its new Bot User OAuth Token";
const INVITE: &str = "invite the app to the channel: /invite @your-app";
const POLICY: &str = "an administrator of the workspace has to let the app post to this channel";

/// Errors of a message that is not there, or may not be edited any more.
const UNEDITABLE: [&str; 3] = ["message_not_found", "cant_update_message", "edit_window_closed"];
/// Errors that pass by themselves.
const PASSING: [&str; 6] = [
    "ratelimited",
    "rate_limited",
    "internal_error",
    "fatal_error",
    "service_unavailable",
    "request_timeout",
];

pub(super) struct Answer {
    status: u16,
    body: Value,
    text: String,
    retry_after: Option<String>,
}

impl Answer {
    /// Without the texts that are to be hidden.
    pub(super) fn read(response: &WholeResponse, hidden: &[&str]) -> Self {
        let asked = response.headers.get("retry-after").and_then(|value| value.to_str().ok());
        Self {
            status: response.status,
            body: serde_json::from_slice(&response.body).unwrap_or_default(),
            text: without(String::from_utf8_lossy(&response.body).into_owned(), hidden),
            retry_after: asked.map(str::to_owned),
        }
    }

    /// Whether the message that was to be edited is not there, or may not be.
    pub(super) fn is_uneditable(&self) -> bool {
        self.error().is_some_and(|error| UNEDITABLE.contains(&error))
    }

    fn error(&self) -> Option<&str> {
        self.body["error"].as_str().filter(|_| self.body["ok"] == false)
    }

    pub(super) fn judge(self) -> Result<Sent, SendFailure> {
        if let Some(error) = self.error() {
            return Err(self.reject(error));
        }
        match judge_answer(self.status) {
            AnswerVerdict::Delivered => match self.body["ts"].as_str().filter(|ts| is_ts(ts)) {
                Some(ts) if self.body["ok"] == true => {
                    let said = format!("{} message {ts}", self.status);
                    Ok(Sent { posted: Some(ts.to_owned()), ..Sent::new(&said) })
                }
                _ => {
                    let said = format!("{}: this is no answer of Slack", self.said());
                    Err(SendFailure::permanent(&said))
                }
            },
            AnswerVerdict::Retry => Err(SendFailure::new(self.later(), &self.said())),
            AnswerVerdict::RetryOnce | AnswerVerdict::Stop => {
                Err(SendFailure::permanent(&self.said()))
            }
        }
    }

    fn reject(&self, error: &str) -> SendFailure {
        if PASSING.contains(&error) || self.status == 429 {
            let said = format!("{} {error}: Slack takes it later", self.status);
            return SendFailure::new(self.later(), &said);
        }
        match GONE.iter().find(|(name, _)| *name == error) {
            Some((_, cure)) => {
                let said = format!("{} {error}: {cure}", self.status);
                SendFailure::new(FailureKind::Gone, &said)
            }
            None => SendFailure::permanent(&self.said()),
        }
    }

    fn later(&self) -> FailureKind {
        let now = OffsetDateTime::now_utc();
        let asked = self.retry_after.as_deref().and_then(|value| retry_after(value, now));
        FailureKind::Transient { retry_after: asked }
    }

    fn said(&self) -> String {
        format!("{} {}", self.status, self.text)
    }
}

/// Whether it is a time of Slack's, seconds and a counter, which names a message of a channel
/// (<https://docs.slack.dev/messaging/retrieving-messages#individual_messages>). Anything else would be stored as one.
fn is_ts(text: &str) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts = text.split_once('.');
    text.len() <= 32 && parts.is_some_and(|(whole, rest)| is_number(whole) && is_number(rest))
}
