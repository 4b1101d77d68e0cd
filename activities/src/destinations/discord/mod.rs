//! Discord: one message of an incoming webhook, posted or edited, through the guarded client.
//!
//! With `?wait=true` Discord answers with the message that it made
//! (<https://discord.com/developers/docs/resources/webhook#execute-webhook>). Its id is kept, and what follows of the
//! incident, or of its cause, edits that message; one that is gone by then is posted again. An edit notifies nobody, so
//! a failed reprocess is a message of its own, and the one that is edited only where there is no other. A worker that
//! dies before it kept the id leaves a message that is followed by another one, once.
//!
//! How many messages it takes Discord says with each answer: after the last one of a bucket none is sent until that is
//! full again, and a 429 says for how long it wants none
//! (<https://discord.com/developers/docs/topics/rate-limits>). It says so in seconds from version 8 of its API on, and in
//! milliseconds before, which is what a URL means that names no version, as *Copy Webhook URL* gives it
//! (<https://discord.com/developers/docs/reference#api-versioning>). So each request names one. A webhook that it does not
//! know is gone.

mod answer;
mod embed;
#[cfg(test)]
mod tests;

pub use embed::{alert_message, notice_message};

use domain::alert::{AlertFacts, AlertKind};
use domain::destination::{DestinationKind, ProviderUrl};
use http::Method;
use serde_json::Value;
use std::time::Duration;
use url::Url;

use self::answer::Answer;
use super::{SendFailure, Sent, exchange};
use crate::http::{GuardedClient, ReadLimits};

/// A message of six thousand characters comes back with all that Discord knows of it.
const LIMITS: ReadLimits = ReadLimits { bytes: 256 * 1024, timeout: Duration::from_secs(30) };

/// The webhooks of the version that is spoken.
const WEBHOOKS: &str = "/api/v10/webhooks/";

/// Tells one alert; `posted` is the message of its conversation.
pub(super) async fn send_alert(
    http: &GuardedClient,
    url: &ProviderUrl,
    posted: Option<&str>,
    facts: &AlertFacts,
) -> Result<Sent, SendFailure> {
    let message = alert_message(facts);
    if posted.is_some() && facts.kind == AlertKind::ReprocessFailed {
        let sent = send(http, url, &message, None).await?;
        return Ok(Sent { posted: None, ..sent });
    }
    send(http, url, &message, posted).await
}

/// Posts a message, or puts it in the place of the one with this id.
pub(super) async fn send(
    http: &GuardedClient,
    url: &ProviderUrl,
    message: &Value,
    posted: Option<&str>,
) -> Result<Sent, SendFailure> {
    if let Some(id) = posted.filter(|id| answer::is_message_id(id)) {
        let answer = ask(http, Method::PATCH, &message_url(url, id), message).await?;
        if !answer.is_unknown_message() {
            return answer.judge();
        }
    }
    ask(http, Method::POST, &waiting_url(url), message).await?.judge()
}

async fn ask(
    http: &GuardedClient,
    method: Method,
    url: &Url,
    message: &Value,
) -> Result<Answer, SendFailure> {
    let headers = [("Content-Type", "application/json".to_owned())];
    let body = message.to_string().into_bytes();
    let answer = http.exchange_reading(method, url, &headers, body, LIMITS).await;
    let answer = answer.map_err(|error| exchange::unanswered(&error))?;
    Ok(Answer::read(&answer, &exchange::secrets_of(url)))
}

/// Where a message is posted that the answer shall name.
fn waiting_url(url: &ProviderUrl) -> Url {
    let mut url = versioned(url);
    url.query_pairs_mut().append_pair("wait", "true");
    url
}

/// Where a message of the webhook is edited.
fn message_url(url: &ProviderUrl, id: &str) -> Url {
    let mut url = versioned(url);
    let path = format!("{}/messages/{id}", url.path().trim_end_matches('/'));
    url.set_path(&path);
    url
}

/// The URL by the version that is spoken; a relay's is taken as it is, with its query, which may be its key.
fn versioned(url: &ProviderUrl) -> Url {
    let mut versioned = url.as_url().clone();
    if url.is_of_provider(DestinationKind::Discord)
        && let Some((_, webhook)) = url.as_url().path().split_once("/webhooks/")
    {
        versioned.set_path(&format!("{WEBHOOKS}{webhook}"));
    }
    versioned
}
