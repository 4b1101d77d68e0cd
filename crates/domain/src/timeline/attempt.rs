//! One attempt of a callback.

use crate::alert::sanitize;
use crate::audit::AuditEvent;
use crate::audit::detail::CallbackDetail;

/// What came of an attempt: `HTTP 308, redirects to https://…`, `timeout`; `None` while it is under
/// way.
#[must_use]
pub fn describe_outcome(
    status: Option<i32>,
    redirect_to: Option<&str>,
    error: Option<&str>,
) -> Option<String> {
    let status = status.map(|status| format!("HTTP {status}"));
    let target = redirect_to.map(|target| format!("redirects to {target}"));
    let known = [status, target, error.filter(|text| !text.is_empty()).map(str::to_owned)];
    let known: Vec<_> = known.into_iter().flatten().collect();
    (!known.is_empty()).then(|| known.join(", "))
}

pub(super) fn describe(detail: &CallbackDetail) -> String {
    let CallbackDetail { attempt, status, error, latency_ms, redirect_to, .. } = detail;
    let outcome = describe_outcome(status.map(i32::from), redirect_to.as_deref(), error.as_deref());
    let outcome = outcome.unwrap_or_else(|| "no response".to_owned());
    format!("attempt {attempt}, {outcome}, {latency_ms} ms")
}

/// The beginning of what the endpoint responded, or the text of the error.
pub(super) fn response(event: &AuditEvent) -> Option<String> {
    let (AuditEvent::CallbackDelivered(detail) | AuditEvent::CallbackFailed(detail)) = event else {
        return None;
    };
    let response = detail.answer.as_deref().map(str::trim).filter(|text| !text.is_empty());
    response.map(sanitize)
}
