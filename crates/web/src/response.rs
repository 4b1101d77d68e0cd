//! The form of every response of the API.
//!
//! [`json_api`] wraps a router so that each response that leaves it, the router's own 404 and 405
//! and a handler's panic included, is JSON of the contract's shape, may not be cached and may not
//! be read as another type. A response that a handler already wrote as JSON passes as it is,
//! whatever its status: stored responses are given back byte for byte.
//!
//! A panic becomes `internal_error`; the connection lives on and so do the other requests.

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use tower_http::catch_panic::CatchPanicLayer;

use crate::error::{ApiError, ErrorExtension};
use crate::host::reject_doubtful_host;
use crate::request_id::RequestId;

/// Everything below `/api` belongs to the API, whether it exists or not. Spelled out rather than
/// nested, because a nested router does not serve its own path with a slash at the end.
const API_PATHS: [&str; 3] = ["/api", "/api/", "/api/{*rest}"];

/// Gives a router of API routes the contract's errors and the API's headers.
///
/// The routes have their full paths, so that the result can be merged with the console's. Unknown
/// paths below `/api` get their response here. Expects [`crate::request_id::with_request_id`]
/// outside.
pub fn json_api<S>(routes: Router<S>) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let unknown = || any(|| async { StatusCode::NOT_FOUND });
    let routes = API_PATHS.iter().fold(routes, |routes, path| routes.route(path, unknown()));
    routes.layer(catch_panics()).layer(from_fn(json_responses))
}

async fn json_responses(request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>().cloned();
    let id = id.unwrap_or_else(RequestId::fresh);
    // Called, not layered: a layer costs each request a future and a service of its own.
    let mut response = reject_doubtful_host(request, next).await;
    if let Some(error) = error_behind(&response) {
        error.log(&id);
        response = render(&error, &id, response);
    }
    secure(response.headers_mut());
    response
}

/// Makes a handler's panic `internal_error`, for the middleware outside to render and to log.
pub fn catch_panics() -> CatchPanicLayer<fn(Box<dyn Any + Send>) -> Response> {
    CatchPanicLayer::custom(internal_error)
}

fn internal_error(panic: Box<dyn Any + Send>) -> Response {
    ApiError::internal(message_of(panic)).into_response()
}

/// The error that a response means: the one it carries, or what its bare status means.
fn error_behind(response: &Response) -> Option<Arc<ApiError>> {
    if let Some(ErrorExtension(error)) = response.extensions().get() {
        return Some(Arc::clone(error));
    }
    let status = response.status();
    let failed = status.is_client_error() || status.is_server_error();
    (failed && !is_json(response.headers())).then(|| Arc::new(ApiError::from_status(status)))
}

fn is_json(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|it| it.as_bytes().starts_with(b"application/json"))
}

/// Replaces the body; headers such as `Allow` stay.
fn render(error: &ApiError, id: &RequestId, response: Response) -> Response {
    let (mut parts, _) = response.into_parts();
    parts.status = error.status();
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.remove(TRANSFER_ENCODING);
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    error.write_headers(&mut parts.headers);
    Response::from_parts(parts, Body::from(error.body(id)))
}

fn secure(headers: &mut HeaderMap) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

/// What a panic said, for the log.
pub(crate) fn message_of(panic: Box<dyn Any + Send>) -> String {
    let message = panic.downcast::<&str>().map(|text| text.to_string());
    let message = message.or_else(|panic| panic.downcast::<String>().map(|text| *text));
    format!("panicked: {}", message.as_deref().unwrap_or("without a message"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request_id::{X_REQUEST_ID, with_request_id};
    use axum::http::header::{ALLOW, WWW_AUTHENTICATE};
    use axum::routing::{get, post};
    use serde_json::Value;
    use tower::ServiceExt;

    fn app() -> Router {
        let api = Router::new()
            .route("/api/v1/receipt", post(|| async { "taken" }))
            .route("/api/v1/secret", get(|| async { ApiError::Unauthorized }))
            .route("/api/v1/broken", get(broken))
            .route("/api/v1/bare", get(|| async { (StatusCode::BAD_GATEWAY, "<h1>upstream</h1>") }))
            .route("/api/v1/stored", get(stored));
        Router::new()
            .merge(json_api(api))
            .fallback(|| async { (StatusCode::NOT_FOUND, "a page") })
            .layer(from_fn(with_request_id))
    }

    async fn broken() -> &'static str {
        panic!("the secret of alice")
    }

    async fn stored() -> Response {
        let json = [(CONTENT_TYPE, "application/json")];
        (StatusCode::NOT_FOUND, json, r#"{"error":"as it was"}"#).into_response()
    }

    async fn call(method: &str, path: &str) -> (StatusCode, HeaderMap, String) {
        let request = Request::builder().method(method).uri(path).body(Body::empty());
        let response = app().oneshot(request.expect("a request")).await.expect("a response");
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, 10_000).await.expect("a body");
        let body = String::from_utf8(body.to_vec()).expect("UTF-8");
        (parts.status, parts.headers, body)
    }

    #[tokio::test]
    async fn every_rejection_has_the_shape_of_the_contract_and_the_id_of_the_header() {
        for (method, path, status, code) in [
            ("GET", "/api/v1/nowhere", 404, "not_found"),
            ("GET", "/api/v1/", 404, "not_found"),
            ("GET", "/api/v1/receipt/", 404, "not_found"),
            ("POST", "/api/v2/receipt", 404, "not_found"),
            ("GET", "/api/", 404, "not_found"),
            ("GET", "/api", 404, "not_found"),
            ("GET", "/api/v1/receipt", 405, "method_not_allowed"),
            ("BREW", "/api/v1/receipt", 405, "method_not_allowed"),
            ("GET", "/api/v1/secret", 401, "unauthorized"),
            ("GET", "/api/v1/broken", 500, "internal_error"),
            ("GET", "/api/v1/bare", 500, "internal_error"),
        ] {
            let (got, headers, body) = call(method, path).await;
            assert_eq!(got.as_u16(), status, "{method} {path}: {body}");
            let body: Value = serde_json::from_str(&body).expect("JSON");
            assert_eq!(body["error"]["code"], code, "{method} {path}");
            let id = headers[X_REQUEST_ID].to_str().expect("ASCII");
            assert_eq!(body["error"]["request_id"], id, "{method} {path}");
            assert_eq!(headers[CONTENT_TYPE], "application/json");
        }
    }

    #[tokio::test]
    async fn a_rejected_method_names_the_allowed_ones() {
        let (_, headers, _) = call("DELETE", "/api/v1/receipt").await;
        assert_eq!(headers[ALLOW], "POST");
    }

    #[tokio::test]
    async fn a_rejected_key_names_the_scheme() {
        let (_, headers, _) = call("GET", "/api/v1/secret").await;
        assert_eq!(headers[WWW_AUTHENTICATE], "Bearer");
    }

    #[tokio::test]
    async fn a_panic_shows_nothing_of_its_message() {
        let (_, _, body) = call("GET", "/api/v1/broken").await;
        assert!(!body.contains("alice"), "{body}");
    }

    #[test]
    fn the_log_has_the_message_of_a_panic() {
        for (panic, message) in [
            (Box::new("static") as Box<dyn Any + Send>, "panicked: static"),
            (Box::new("owned".to_owned()), "panicked: owned"),
            (Box::new(7), "panicked: without a message"),
        ] {
            assert_eq!(message_of(panic), message);
        }
    }

    #[tokio::test]
    async fn a_response_that_is_json_already_passes_as_it_is() {
        let (status, _, body) = call("GET", "/api/v1/stored").await;
        assert_eq!((status.as_u16(), body.as_str()), (404, r#"{"error":"as it was"}"#));
    }

    #[tokio::test]
    async fn no_response_may_be_cached_or_sniffed() {
        for (method, path) in [("POST", "/api/v1/receipt"), ("GET", "/api/v1/nowhere")] {
            let (_, headers, _) = call(method, path).await;
            assert_eq!(headers[CACHE_CONTROL], "no-store", "{path}");
            assert_eq!(headers[X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
        }
    }

    #[tokio::test]
    async fn paths_outside_the_api_are_left_alone() {
        let (_, headers, body) = call("GET", "/nowhere").await;
        assert_eq!(body, "a page");
        assert!(!headers.contains_key(CACHE_CONTROL));
        assert!(headers.contains_key(X_REQUEST_ID));
    }
}
