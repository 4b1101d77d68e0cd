//! A webhook: one post of signed JSON through the guarded client.
//!
//! Headers and signatures are those of callbacks. `webhook-id` names the message and is equal on
//! every attempt, also when a worker died after it sent: the receiver's key to take it once. 410
//! says that the endpoint is gone; everything else that is no 2xx is tried again by the
//! destination's back-off, because deploys and proxies answer 404 too. Redirects are not followed.

mod message;
#[cfg(test)]
mod tests;

pub(super) use message::{alert_message, notice_message};

use api_types::webhook::WebhookMessage;
use domain::alert::WebhookUrl;
use domain::signature::{Signed, SigningSecret};
use time::OffsetDateTime;

use super::{FailureKind, SendFailure, Sent, exchange};
use crate::http::{GuardedClient, HttpResponse};
use crate::signing;

/// Posts one message.
pub(super) async fn send(
    http: &GuardedClient,
    url: &WebhookUrl,
    secrets: &[SigningSecret],
    at: OffsetDateTime,
    message: &WebhookMessage,
) -> Result<Sent, SendFailure> {
    // A message without a signature would be rejected, or teach its receiver not to look.
    if secrets.is_empty() {
        return Err(SendFailure::permanent("the destination has no signing secret: rotate it"));
    }
    let unsendable = |error: &dyn std::error::Error| SendFailure::transient(&error.to_string());
    let body = serde_json::to_vec(message).map_err(|error| unsendable(&error))?;
    let nonce = signing::nonce().map_err(|error| unsendable(&error))?;
    let signed =
        Signed { id: &message.id, timestamp: at.unix_timestamp(), nonce: &nonce, body: &body };
    let headers = signing::headers(secrets, signed);
    let hidden = exchange::secrets_of(url.as_url());
    let answer = http.post_hiding(url.as_url(), &headers, body, &hidden).await;
    judge(&answer.map_err(|error| exchange::unanswered(&error))?)
}

fn judge(answer: &HttpResponse) -> Result<Sent, SendFailure> {
    if answer.status == 410 {
        return Err(SendFailure::new(FailureKind::Gone, &exchange::said(answer)));
    }
    exchange::judge(answer, None)
}
