//! ntfy: one notification to a topic, at ntfy.sh or a server of one's own, through the guarded client.
//!
//! The topic's URL says the server and the topic; a message is posted to the server as JSON
//! (<https://docs.ntfy.sh/publish/#publish-as-json>). A server takes a burst of 60 requests and then one in five seconds
//! (<https://docs.ntfy.sh/publish/#limitations>), and does not say how long it wants none. It answers with the message
//! that it took; a 2xx with anything else is no ntfy's.

mod notification;
#[cfg(test)]
mod tests;

pub use notification::{alert_notification, notice_notification};

use std::time::Duration;

use domain::destination::{NtfyToken, ProviderUrl};
use serde_json::{Value, json};

use super::{SendFailure, Sent, exchange};
use crate::http::{GuardedClient, HttpResponse};

/// How long a server that got too many messages is left alone.
const WHEN_LIMITED: Duration = Duration::from_mins(1);

/// Sends one notification to one topic.
pub(super) async fn send(
    http: &GuardedClient,
    url: &ProviderUrl,
    token: Option<&NtfyToken>,
    mut notification: Value,
) -> Result<Sent, SendFailure> {
    let topic = url.as_url().path().trim_start_matches('/').to_owned();
    let mut server = url.as_url().clone();
    server.set_path("/");
    notification["topic"] = json!(topic);
    let authorization = token.map(|token| ("Authorization", format!("Bearer {}", token.reveal())));
    let headers: Vec<_> = authorization.into_iter().collect();
    let hidden: Vec<_> = token.map(NtfyToken::reveal).into_iter().chain([topic.as_str()]).collect();
    judge(&exchange::post(http, &server, &headers, &notification, &hidden).await?)
}

fn judge(answer: &HttpResponse) -> Result<Sent, SendFailure> {
    let sent = exchange::judge(answer, Some(WHEN_LIMITED))?;
    if answer.excerpt.trim_start().starts_with('{') {
        return Ok(sent);
    }
    let said = format!("{}: this is no ntfy server", exchange::said(answer));
    Err(SendFailure::permanent(&said))
}
