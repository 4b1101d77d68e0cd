//! A Slack app: one message of its bot, posted, edited and answered in its thread, through the guarded client.
//!
//! `chat.postMessage` answers with the message's `ts`, by which `chat.update` puts what follows in its place
//! (<https://docs.slack.dev/reference/methods/chat.update>). An edit notifies nobody, so a failed reprocess is beside
//! that a reply in the thread which the channel sees too; the edit goes first, because twice is as once. That nobody
//! has to see to a cause any more is a reply that the channel does not see. A message that is gone by then, or may not
//! be edited any more, is posted again.
//!
//! A worker that dies after Slack took a message and before its `ts` was kept posts it once more: what follows edits the
//! newer one, and the buttons of the older one work as well. Slack has no key by which it would know the message again.

mod answer;
mod message;
#[cfg(test)]
mod tests;

pub use message::{alert_message, notice_message};

use std::time::Duration;

use domain::alert::{AlertFacts, AlertKind};
use domain::destination::{ProviderUrl, SlackApp, SlackResponseUrl};
use domain::ids::DestinationId;
use domain::notice::NoticeText;
use domain::repair_url::AllowedNetworks;
use http::Method;
use serde_json::{Value, json};

use self::answer::Answer;
use super::{NoticeMessage, SendFailure, Sent, Thread, exchange};
use crate::http::{GuardedClient, ReadLimits};

/// A message comes back with all that Slack knows of it.
const LIMITS: ReadLimits = ReadLimits { bytes: 256 * 1024, timeout: Duration::from_secs(30) };

/// Where an app posts.
#[derive(Debug, Clone)]
pub struct AppChannel {
    /// What the buttons say that they belong to.
    pub destination_id: DestinationId,
    /// Where the methods are.
    pub api: ProviderUrl,
    pub app: SlackApp,
}

/// Tells one alert.
pub(super) async fn send(
    http: &GuardedClient,
    to: &AppChannel,
    thread: &Thread,
    facts: &AlertFacts,
) -> Result<Sent, SendFailure> {
    let message = alert_message(to.destination_id, facts);
    let Some(posted) = thread.posted.as_deref() else {
        return post(http, to, &message).await;
    };
    if thread.stands_for_cause {
        return reply(http, to, posted, &message::nothing_waits(), false).await;
    }
    let Some(edited) = edit(http, to, posted, &message).await? else {
        return post(http, to, &message).await;
    };
    if facts.kind == AlertKind::ReprocessFailed {
        return reply(http, to, posted, &message, true).await;
    }
    Ok(edited)
}

/// Tells one notice.
pub(super) async fn send_notice(
    http: &GuardedClient,
    to: &AppChannel,
    notice: &NoticeMessage,
    text: &NoticeText,
) -> Result<Sent, SendFailure> {
    let message = notice_message(to.destination_id, &notice.facts, text);
    if let Some(posted) = notice.posted.as_deref()
        && let Some(edited) = edit(http, to, posted, &message).await?
    {
        return Ok(edited);
    }
    post(http, to, &message).await
}

/// Tells the person who pressed a button what came of it. It changes nothing if that is not taken; the log says so.
pub async fn respond(http: &GuardedClient, allow: &AllowedNetworks, url: &str, message: &Value) {
    let Some(url) = SlackResponseUrl::parse(url, allow) else {
        tracing::warn!("an answer to Slack had no URL of Slack");
        return;
    };
    match exchange::post(http, url.as_url(), &[], message, &[]).await {
        Ok(answer) if (200..300).contains(&answer.status) => {}
        Ok(answer) => tracing::warn!(status = answer.status, "Slack did not take an answer"),
        Err(failure) => tracing::warn!(%failure, "Slack did not take an answer"),
    }
}

async fn post(http: &GuardedClient, to: &AppChannel, message: &Value) -> Result<Sent, SendFailure> {
    let more = json!({ "unfurl_links": false, "unfurl_media": false });
    ask(http, to, "chat.postMessage", &[message, &more]).await?.judge()
}

/// Puts a message in the place of another one; none if that is not there any more.
async fn edit(
    http: &GuardedClient,
    to: &AppChannel,
    posted: &str,
    message: &Value,
) -> Result<Option<Sent>, SendFailure> {
    let answer = ask(http, to, "chat.update", &[message, &json!({ "ts": posted })]).await?;
    if answer.is_uneditable() { Ok(None) } else { answer.judge().map(Some) }
}

/// Answers in the thread of a message, which stays the one that is edited.
async fn reply(
    http: &GuardedClient,
    to: &AppChannel,
    posted: &str,
    message: &Value,
    channel_sees: bool,
) -> Result<Sent, SendFailure> {
    let more = json!({ "thread_ts": posted, "reply_broadcast": channel_sees });
    let sent = ask(http, to, "chat.postMessage", &[message, &more]).await?.judge()?;
    Ok(Sent { posted: None, ..sent })
}

/// Calls a method with the fields of these objects (<https://docs.slack.dev/apis/web-api/>).
async fn ask(
    http: &GuardedClient,
    to: &AppChannel,
    method: &str,
    parts: &[&Value],
) -> Result<Answer, SendFailure> {
    let mut body = json!({ "channel": to.app.channel.as_str() });
    for (name, value) in parts.iter().filter_map(|part| part.as_object()).flatten() {
        body[name] = value.clone();
    }
    let mut url = to.api.as_url().clone();
    let path = format!("{}/{method}", url.path().trim_end_matches('/'));
    url.set_path(&path);
    let headers = [
        ("Content-Type", "application/json; charset=utf-8".to_owned()),
        ("Authorization", format!("Bearer {}", to.app.token.reveal())),
    ];
    let body = body.to_string().into_bytes();
    let answer = http.exchange_reading(Method::POST, &url, &headers, body, LIMITS).await;
    let answer = answer.map_err(|error| exchange::unanswered(&error))?;
    Ok(Answer::read(&answer, &[to.app.token.reveal()]))
}
