//! Microsoft Teams: one Adaptive Card to a workflow that posts to a channel, through the guarded client.
//!
//! A workflow takes a card with 202 and posts it later; what becomes of it then, Teams does not say. 401, 404 and 410
//! say that the URL is no workflow's any more: it was removed, or has a new signature. A web page with a 2xx took
//! nothing. Everything else follows the rules for callbacks.

mod card;
#[cfg(test)]
mod tests;

pub use card::{alert_card, notice_card};

use domain::destination::ProviderUrl;
use serde_json::Value;

use super::{FailureKind, SendFailure, Sent, exchange};
use crate::http::{GuardedClient, HttpResponse};

/// Posts one card.
pub(super) async fn send(
    http: &GuardedClient,
    url: &ProviderUrl,
    card: &Value,
) -> Result<Sent, SendFailure> {
    let hidden = exchange::secrets_of(url.as_url());
    judge(&exchange::post(http, url.as_url(), &[], card, &hidden).await?)
}

fn judge(answer: &HttpResponse) -> Result<Sent, SendFailure> {
    match answer.status {
        401 | 404 | 410 => Err(SendFailure::new(FailureKind::Gone, &exchange::said(answer))),
        _ => exchange::judge_service(answer, None),
    }
}
