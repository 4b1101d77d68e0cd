//! Slack: one post to an incoming webhook, through the guarded client.
//!
//! Slack reports an error by status and a code in the body
//! (<https://api.slack.com/changelog/2016-05-17-changes-to-errors-for-incoming-webhooks>). 404 and
//! 410 say that the channel or the webhook is gone, and so do a few codes with 403. A 200 that
//! carries one of Slack's error codes, or a web page, delivered nothing: relays and gateways
//! respond so. What other receivers say with a 2xx is theirs. Everything else follows the rules for
//! callbacks.

mod blocks;
mod notice;

pub use blocks::payload;
pub(super) use blocks::section;
pub(super) use notice::payload as notice_payload;

use domain::alert::{AlertFacts, SlackUrl};
use domain::notice::NoticeText;
use serde_json::Value;

use super::{FailureKind, SendFailure, Sent, exchange};
use crate::http::{GuardedClient, HttpResponse};

/// Codes that come with 403 when the webhook or its workspace is gone. `action_prohibited` is not
/// among them: it is a setting of the workspace, which an administrator may change back.
const GONE: &[&str] = &["no_service", "no_team", "team_disabled", "invalid_token", "token_revoked"];

/// Slack's codes for a message that was not accepted, beside [`GONE`].
/// <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks#handling_errors>
const REJECTED: &[&str] = &[
    "action_prohibited",
    "channel_is_archived",
    "channel_not_found",
    "invalid_blocks",
    "invalid_payload",
    "no_active_hooks",
    "no_service_id",
    "no_text",
    "posting_to_general_channel_denied",
    "rollup_error",
    "too_many_attachments",
    "user_not_found",
];

/// Posts one alert to one channel.
pub(super) async fn send(
    http: &GuardedClient,
    url: &SlackUrl,
    facts: &AlertFacts,
) -> Result<Sent, SendFailure> {
    post(http, url, &payload(facts)).await
}

/// Posts one notice to one channel.
pub(super) async fn send_notice(
    http: &GuardedClient,
    url: &SlackUrl,
    notice: &NoticeText,
) -> Result<Sent, SendFailure> {
    post(http, url, &notice::payload(notice)).await
}

async fn post(http: &GuardedClient, url: &SlackUrl, body: &Value) -> Result<Sent, SendFailure> {
    let hidden = exchange::secrets_of(url.as_url());
    judge(&exchange::post(http, url.as_url(), &[], body, &hidden).await?)
}

fn judge(answer: &HttpResponse) -> Result<Sent, SendFailure> {
    let gone = match answer.status {
        404 | 410 => true,
        403 => GONE.iter().any(|word| answer.excerpt.contains(word)),
        _ => false,
    };
    if gone {
        return Err(SendFailure::new(FailureKind::Gone, &exchange::said(answer)));
    }
    let sent = exchange::judge(answer, None)?;
    match read_rejection(&answer.excerpt) {
        Some(kind) => Err(SendFailure::new(kind, &sent.answer)),
        None => Ok(sent),
    }
}

/// What the body of a 2xx says against it.
fn read_rejection(body: &str) -> Option<FailureKind> {
    let text = body.trim();
    let said: Option<Value> = serde_json::from_str(text).ok();
    let rejects = said.as_ref().is_some_and(|said| said["ok"] == false);
    let word = said.as_ref().and_then(|said| said["error"].as_str()).unwrap_or(text);
    if GONE.contains(&word) {
        return Some(FailureKind::Gone);
    }
    (rejects || exchange::is_page(text) || REJECTED.contains(&word))
        .then_some(FailureKind::Permanent)
}

#[cfg(test)]
mod tests;
