//! One request with JSON to a provider, and what its status alone says: how every destination with a URL is asked.

use std::time::Duration;

use domain::callback::{AnswerVerdict, judge_answer};
use serde_json::Value;
use time::OffsetDateTime;
use url::Url;

use super::{FailureKind, SendFailure, Sent};
use crate::http::{ExchangeError, GuardedClient, HttpResponse, retry_after};

/// Posts JSON and gives what came back, without the texts that are to be hidden.
pub(super) async fn post(
    http: &GuardedClient,
    url: &Url,
    headers: &[(&str, String)],
    body: &Value,
    hidden: &[&str],
) -> Result<HttpResponse, SendFailure> {
    let json = ("Content-Type", "application/json; charset=utf-8".to_owned());
    let headers = [&[json][..], headers].concat();
    let body = body.to_string().into_bytes();
    http.post_hiding(url, &headers, body, hidden).await.map_err(|error| unanswered(&error))
}

/// No status came.
pub(super) fn unanswered(error: &ExchangeError) -> SendFailure {
    if error.is_retryable() {
        SendFailure::transient(&error.to_string())
    } else {
        SendFailure::permanent(&error.to_string())
    }
}

/// What a response is, for the destination's owner.
pub(super) fn said(answer: &HttpResponse) -> String {
    match &answer.redirect_to {
        Some(target) => format!("{} redirects to {target}, which is not followed", answer.status),
        None => format!("{} {}", answer.status, answer.excerpt),
    }
}

/// What a response means by the rules for callbacks. A provider that gets too many messages and does not say for how
/// long it wants none is left alone for `when_limited`.
pub(super) fn judge(
    answer: &HttpResponse,
    when_limited: Option<Duration>,
) -> Result<Sent, SendFailure> {
    let said = said(answer);
    match judge_answer(answer.status) {
        AnswerVerdict::Delivered => Ok(Sent::new(&said)),
        AnswerVerdict::Retry => {
            let now = OffsetDateTime::now_utc();
            let asked = answer.retry_after.as_deref().and_then(|value| retry_after(value, now));
            let retry_after = asked.or(when_limited.filter(|_| answer.status == 429));
            Err(SendFailure::new(FailureKind::Transient { retry_after }, &said))
        }
        AnswerVerdict::RetryOnce | AnswerVerdict::Stop => Err(SendFailure::permanent(&said)),
    }
}
