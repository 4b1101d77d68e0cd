//! What Discord answers, and what it means.

use std::time::Duration;

use domain::callback::{AnswerVerdict, judge_answer};
use serde_json::Value;
use time::OffsetDateTime;

use crate::destinations::{FailureKind, SendFailure, Sent};
use crate::http::{WholeResponse, retry_after, without};

/// Codes of what is not there any more: a webhook, its channel, its token
/// (<https://discord.com/developers/docs/topics/opcodes-and-status-codes#json>).
const GONE: [u64; 3] = [10_003, 10_015, 50_027];
/// The code of a message that was deleted.
const UNKNOWN_MESSAGE: u64 = 10_008;
/// The longest that is waited because Discord said so.
const MAX_PAUSE: f64 = 3_600.0;

pub(super) struct Answer {
    status: u16,
    /// The message that it made, or an error with its code.
    body: Value,
    text: String,
    /// For how long it takes nothing more, after the last message that it takes now.
    pause: Option<Duration>,
    /// What the header of a 429 says, which is all that Cloudflare's has.
    retry_after: Option<Duration>,
}

impl Answer {
    /// Without the texts that are to be hidden.
    pub(super) fn read(response: &WholeResponse, hidden: &[&str]) -> Self {
        let header = |name: &str| response.headers.get(name).and_then(|value| value.to_str().ok());
        let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        let is_last = header("x-ratelimit-remaining") == Some("0");
        let reset = header("x-ratelimit-reset-after").filter(|_| is_last);
        Self {
            status: response.status,
            pause: reset.and_then(|text| text.parse().ok()).and_then(seconds),
            retry_after: header("retry-after")
                .and_then(|text| retry_after(text, OffsetDateTime::now_utc())),
            text: without(String::from_utf8_lossy(&response.body).into_owned(), hidden),
            body,
        }
    }

    pub(super) fn is_unknown_message(&self) -> bool {
        self.status == 404 && self.code() == Some(UNKNOWN_MESSAGE)
    }

    fn code(&self) -> Option<u64> {
        self.body["code"].as_u64()
    }

    /// The message that it made. What is no id of Discord's is none: it is stored, and becomes part of a path.
    fn message_id(&self) -> Option<&str> {
        self.body["id"].as_str().filter(|id| is_message_id(id))
    }

    pub(super) fn judge(self) -> Result<Sent, SendFailure> {
        let said = self.said();
        if (400..500).contains(&self.status) && self.code().is_some_and(|it| GONE.contains(&it)) {
            return Err(SendFailure::new(FailureKind::Gone, &said));
        }
        match judge_answer(self.status) {
            AnswerVerdict::Delivered => {
                let posted = self.message_id().map(str::to_owned);
                if posted.is_none() && self.status != 204 {
                    let said = format!("{said}: this is no message of Discord");
                    return Err(SendFailure::permanent(&said));
                }
                Ok(Sent { posted, pause: self.pause, ..Sent::new(&said) })
            }
            AnswerVerdict::Retry => {
                let exact = self.body["retry_after"].as_f64().and_then(seconds);
                let retry_after = exact.or(self.retry_after);
                Err(SendFailure::new(FailureKind::Transient { retry_after }, &said))
            }
            AnswerVerdict::RetryOnce | AnswerVerdict::Stop => Err(SendFailure::permanent(&said)),
        }
    }

    /// What the destination's owner is shown: of a message its id, since the rest is ours.
    fn said(&self) -> String {
        match self.message_id().filter(|_| self.status < 300) {
            Some(id) => format!("{} message {id}", self.status),
            None => format!("{} {}", self.status, self.text),
        }
    }
}

/// Whether it is a snowflake: an unsigned number of 64 bits in decimal digits
/// (<https://discord.com/developers/docs/reference#snowflakes>).
pub(super) fn is_message_id(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Rounded up, so that it has passed by then.
fn seconds(seconds: f64) -> Option<Duration> {
    let is_time = seconds.is_finite() && seconds >= 0.0;
    is_time.then(|| {
        Duration::from_secs_f64((seconds * 1_000.0).ceil().min(MAX_PAUSE * 1_000.0) / 1_000.0)
    })
}
