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
use domain::callback::{AnswerVerdict, judge_answer};
use domain::signature::{Signed, SigningSecret};
use time::OffsetDateTime;

use super::{FailureKind, SendFailure, Sent};
use crate::http::{GuardedClient, HttpResponse, retry_after};
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
    match http.post(url.as_url(), &headers, body).await {
        Ok(answer) => judge(&answer, OffsetDateTime::now_utc()),
        Err(error) if error.is_retryable() => Err(SendFailure::transient(&error.to_string())),
        Err(error) => Err(SendFailure::permanent(&error.to_string())),
    }
}

fn judge(answer: &HttpResponse, now: OffsetDateTime) -> Result<Sent, SendFailure> {
    let said = match &answer.redirect_to {
        Some(target) => {
            format!("{} redirects to {target}, which is not followed", answer.status)
        }
        None => format!("{} {}", answer.status, answer.excerpt),
    };
    if answer.status == 410 {
        return Err(SendFailure::new(FailureKind::Gone, &said));
    }
    match judge_answer(answer.status) {
        AnswerVerdict::Delivered => Ok(Sent::new(&said)),
        AnswerVerdict::Retry => {
            let retry_after =
                answer.retry_after.as_deref().and_then(|value| retry_after(value, now));
            Err(SendFailure::new(FailureKind::Transient { retry_after }, &said))
        }
        AnswerVerdict::RetryOnce | AnswerVerdict::Stop => Err(SendFailure::permanent(&said)),
    }
}
