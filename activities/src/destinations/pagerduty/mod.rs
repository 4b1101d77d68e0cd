//! PagerDuty: one event of the Events API v2, through the guarded client.
//!
//! What is open at PagerDuty follows what is open here: an incident, or the episode of its cause, is one alert there,
//! known by its `dedup_key`. It is triggered, acknowledged and resolved; an event for the same key changes that alert,
//! so one that is sent twice, as after a crash, pages nobody twice. An acknowledgement or resolution of what is not
//! open there is dropped by PagerDuty (<https://developer.pagerduty.com/docs/send-alert-event>).
//!
//! It takes an event with 202 and rejects one that is no event with 400
//! (<https://developer.pagerduty.com/docs/events-api-v2-overview#response-codes--retry-logic>); where that is about the
//! key, the integration is gone. 429 asks for 30 s (<https://developer.pagerduty.com/docs/events-api-v2-rate-limits>).
//! A web page with a 2xx took nothing.

mod event;
#[cfg(test)]
mod tests;

pub use event::{alert_event, notice_event};

use std::time::Duration;

use domain::destination::{ProviderUrl, RoutingKey};
use serde_json::{Value, json};

use super::{FailureKind, SendFailure, Sent, exchange};
use crate::http::{GuardedClient, HttpResponse};

/// How long a service that got too many events is left alone.
const WHEN_LIMITED: Duration = Duration::from_secs(30);

/// Sends one event to one service.
pub(super) async fn send(
    http: &GuardedClient,
    endpoint: &ProviderUrl,
    key: &RoutingKey,
    mut event: Value,
) -> Result<Sent, SendFailure> {
    event["routing_key"] = json!(key.reveal());
    let answer = exchange::post(http, endpoint.as_url(), &[], &event, &[key.reveal()]).await?;
    judge(&answer)
}

fn judge(answer: &HttpResponse) -> Result<Sent, SendFailure> {
    if answer.status == 400 && is_about_key(&answer.excerpt) {
        return Err(SendFailure::new(FailureKind::Gone, &exchange::said(answer)));
    }
    exchange::judge_service(answer, Some(WHEN_LIMITED))
}

/// Whether an event was rejected because nobody has its key.
fn is_about_key(excerpt: &str) -> bool {
    let said = excerpt.to_ascii_lowercase().replace('_', " ");
    said.contains("routing key") || said.contains("integration key")
}
