//! Each response of the API is held to the OpenAPI document, in every story: its status, its type, its headers, and each
//! field of its body.
//!
//! One that the document does not describe is a panic of the connection, whose message says what is wrong, so that the
//! story fails. What the document has no operation for passes as it is: pages, health, other paths and methods.

mod schema;

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{MatchedPath, Request};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::response::Parts;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use console::state::ConsoleState;
use sendpromptly::router;
use sendpromptly::service::Service;
use serde_json::Value;
use tokio::net::TcpListener;
use web::request_id::X_REQUEST_ID;
use web::serve::ServeOptions;

/// Serves the API and the console, and holds each response to the document.
pub fn serve(service: &Service, listener: TcpListener, state: &ConsoleState) {
    static DOCUMENT: OnceLock<Arc<Value>> = OnceLock::new();
    let document = || Arc::new((state.console.api_document)().expect("a document"));
    let routes = hold(router(state), Arc::clone(DOCUMENT.get_or_init(document)));
    let options = ServeOptions { detached: state.detached.clone(), ..ServeOptions::default() };
    service.serve_routes(listener, routes, options);
}

fn hold(routes: Router, document: Arc<Value>) -> Router {
    routes.layer(from_fn(move |request: Request, next: Next| {
        let document = Arc::clone(&document);
        async move { check(&document, request, next).await }
    }))
}

async fn check(document: &Value, request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().cloned();
    let method = request.method().as_str().to_ascii_lowercase();
    let response = next.run(request).await;
    let path = path.as_ref().map_or("", MatchedPath::as_str);
    let operation = &document["paths"][path][method.as_str()];
    if operation.is_null() {
        return response;
    }
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a body");
    let found = faults(document, operation, &parts, &body);
    let status = parts.status;
    assert!(found.is_empty(), "{method} {path} is not as the document says: {status}, {found:?}");
    Response::from_parts(parts, Body::from(body))
}

/// What of a response is not as the document says of its operation.
pub fn faults(document: &Value, operation: &Value, parts: &Parts, body: &[u8]) -> Vec<String> {
    let response = &operation["responses"][parts.status.as_str()];
    if response.is_null() {
        return vec!["there is no such status".to_owned()];
    }
    let response = schema::resolve(document, response);
    let mut found = header_faults(response, parts);
    let described = &response["content"]["application/json"]["schema"];
    if described.is_null() {
        found.extend((!body.is_empty()).then(|| "there is no body".to_owned()));
        return found;
    }
    if parts.headers.get(CONTENT_TYPE).is_none_or(|kind| kind != "application/json") {
        found.push("the body is application/json".to_owned());
    }
    match serde_json::from_slice(body) {
        Ok(value) => found.extend(schema::faults(document, described, &value)),
        Err(why) => found.push(format!("the body is no JSON: {why}")),
    }
    found
}

fn header_faults(response: &Value, parts: &Parts) -> Vec<String> {
    let mut found = Vec::new();
    if !parts.headers.contains_key(X_REQUEST_ID) {
        found.push("the request has no id".to_owned());
    }
    let described = response["headers"].as_object();
    for name in [RETRY_AFTER, WWW_AUTHENTICATE] {
        let is_named = described.into_iter().flatten().any(|(one, _)| name == one.as_str());
        let is_sent = parts.headers.contains_key(&name);
        // Of the conflicts only one goes by itself.
        if is_named != is_sent && !(is_named && parts.status == StatusCode::CONFLICT) {
            found.push(format!("{name}: named {is_named}, sent {is_sent}"));
        }
    }
    found
}
