//! The id of a request, its trace, and its line in the access log.
//!
//! Every request gets a fresh one, whatever `X-Request-Id` the client sent: an id that a client
//! could choose would let one request pass for another in the log. It is in the request's
//! extensions, in the `X-Request-Id` header of every response, in every error body and on every log
//! line that is written while the request is handled. The access log has one line for each response,
//! of the target `access`; those to probes and to browsers that fetch a page's files are at `debug`.

use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use domain::ids::{EventId, IncidentId, ProjectId};
use telemetry::trace::{self, TRACEPARENT, TraceParent};
use uuid::Uuid;

/// The header that carries the id.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The target of the access log.
const ACCESS: &str = "access";
/// Routes that are asked again and again and say nothing of the business.
const QUIET: [&str; 3] = ["/healthz", "/readyz", "/assets/{file}"];

/// The id of one request: `req_` and 26 characters that sort by time. Clones share the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    #[must_use]
    pub fn fresh() -> Self {
        // The digits are those of every other id of the product; only the prefix is the edge's own.
        let id = EventId::from_uuid(Uuid::now_v7()).to_string();
        let digits = id.strip_prefix(EventId::PREFIX).unwrap_or(&id);
        Self(format!("req_{digits}").into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The trace that what follows from a request belongs to.
#[derive(Debug, Clone, Default)]
pub struct RequestTrace(Option<TraceParent>);

impl RequestTrace {
    /// As it is kept; `None` if there is none.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        self.0.as_ref().map(TraceParent::as_str)
    }
}

/// The outermost middleware: gives the request its id and its span, and tells log, trace and metrics
/// how it ended.
pub async fn with_request_id(mut request: Request, next: Next) -> Response {
    let id = RequestId::fresh();
    request.extensions_mut().insert(id.clone());
    let (method, began) = (method_of(&request), Instant::now());
    let matched = request.extensions().get::<MatchedPath>().cloned();
    // The route, never the path or the query: these can hold a proof token or a misplaced key.
    let route = matched.as_ref().map_or("", MatchedPath::as_str);
    let (span, followed) = trace::request(id.as_str(), method, route, trace_of(&request));
    for (name, id) in ids_of(route, request.uri().path()) {
        span.note(name, &id);
    }
    request.extensions_mut().insert(RequestTrace(followed));
    let mut response = span.run(next.run(request)).await;
    let (status, took) = (response.status().as_u16(), began.elapsed());
    telemetry::request(method, route, status, took);
    span.responded(status);
    span.in_scope(|| log(route, status, took));
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(X_REQUEST_ID, value);
    }
    response
}

/// What a path names, as fields of the span. Only what is an id: a client may write anything.
fn ids_of<'a>(route: &'a str, path: &'a str) -> impl Iterator<Item = (&'static str, &'a str)> {
    let parts = route.split('/').zip(path.split('/'));
    parts.filter_map(|(name, part)| match name {
        "{project_id}" if is_id::<ProjectId>(part) => Some(("project_id", part)),
        "{event_id}" if is_id::<EventId>(part) => Some(("event_id", part)),
        "{incident_id}" if is_id::<IncidentId>(part) => Some(("incident_id", part)),
        _ => None,
    })
}

fn is_id<T: FromStr>(text: &str) -> bool {
    text.parse::<T>().is_ok()
}

/// A client may send any word as its method.
fn method_of(request: &Request) -> &'static str {
    match *request.method() {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

fn trace_of(request: &Request) -> Option<TraceParent> {
    TraceParent::parse(request.headers().get(TRACEPARENT)?.to_str().ok()?)
}

/// The line of the access log; what else it says stands in the span.
fn log(route: &str, status: u16, took: Duration) {
    let latency_ms = took.as_secs_f64() * 1_000.0;
    let latency_ms = (latency_ms * 1_000.0).round() / 1_000.0;
    if QUIET.contains(&route) {
        tracing::debug!(target: ACCESS, status, latency_ms, "responded");
    } else {
        tracing::info!(target: ACCESS, status, latency_ms, "responded");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::routing::get;
    use axum::{Extension, Router};
    use tower::ServiceExt;

    #[test]
    fn an_id_has_its_prefix_and_26_characters() {
        let id = RequestId::fresh();
        assert!(id.as_str().starts_with("req_"), "{id:?}");
        assert_eq!(id.as_str().len(), 30);
    }

    #[test]
    fn ids_of_a_path_are_named_and_nothing_else_of_it() {
        let route = "/api/v1/projects/{project_id}/incidents/{incident_id}/owner/{token}";
        let project = ProjectId::from_uuid(Uuid::from_u128(1)).to_string();
        let incident = IncidentId::from_uuid(Uuid::from_u128(2)).to_string();
        let path = format!("/api/v1/projects/{project}/incidents/{incident}/owner/{incident}");
        let named: Vec<_> = ids_of(route, &path).collect();
        assert_eq!(named, [("project_id", project.as_str()), ("incident_id", incident.as_str())]);
        let path = format!("/api/v1/projects/{incident}/incidents/secret/owner/x");
        assert_eq!(ids_of(route, &path).count(), 0);
    }

    #[test]
    fn ids_differ_and_sort_by_time() {
        let ids: Vec<_> = (0..100).map(|_| RequestId::fresh().0).collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
    }

    #[tokio::test]
    async fn the_id_of_the_client_is_not_taken_over() {
        let app = Router::new()
            .route(
                "/",
                get(|Extension(id): Extension<RequestId>| async move { id.as_str().to_owned() }),
            )
            .layer(axum::middleware::from_fn(with_request_id));
        let request = Request::get("/")
            .header("X-Request-Id", "req_chosen_by_charlie")
            .body(Body::empty())
            .expect("a request");
        let response = app.oneshot(request).await.expect("a response");
        let header = response.headers()[X_REQUEST_ID].clone();
        let body = axum::body::to_bytes(response.into_body(), 100).await;
        assert_eq!(header.as_bytes(), body.expect("a body"));
        assert_ne!(header, "req_chosen_by_charlie");
    }
}
