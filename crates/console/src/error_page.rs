//! The HTML page of an [`ApiError`], and the headers that every page has.
//!
//! A handler that fails, the router's own 405 and a panic all become a page in the console's style
//! with the request's id on it; causes are logged, never shown. The Content-Security-Policy allows
//! this host's own style sheet and script and nothing else, so that a text that slipped through as
//! markup could neither run nor call out.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use web::error::{ApiError, ErrorExtension};
use web::host::reject_doubtful_host;
use web::request_id::RequestId;
use web::response::catch_panics;

use super::badge::capitalize;
use super::compress::compress_page;
use super::layout::Layout;
use super::page::page_with;
use crate::state::ConsoleState;

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
    img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 4] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// Gives a router of pages the console's errors and headers.
pub fn pages(routes: Router<ConsoleState>) -> Router<ConsoleState> {
    routes
        .layer(catch_panics())
        .layer(from_fn(reject_doubtful_host))
        .layer(from_fn(render_error_page))
        .layer(from_fn(compress_page))
}

/// Where no page is.
///
/// # Errors
/// Always `not_found`.
pub async fn nothing_here() -> Result<Response, ApiError> {
    Err(ApiError::not_found("There is nothing at this address."))
}

/// A page that says what went wrong and what to do.
#[derive(Template)]
#[template(path = "pages/error.html")]
struct ErrorPage {
    layout: Layout,
    status: u16,
    heading: &'static str,
    message: String,
    request_id: String,
}

async fn render_error_page(request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>().cloned();
    let id = id.unwrap_or_else(RequestId::fresh);
    let referrer = referrer_policy(request.uri().path());
    let mut response = next.run(request).await;
    if let Some(error) = error_behind(&response) {
        error.log(&id);
        response = render(&error, &id, response);
    }
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    headers.insert(REFERRER_POLICY, referrer);
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// A proof link is a secret that no other page must learn. Elsewhere nothing leaves this host
/// either, but with no referrer at all browsers would not say where a form of ours comes from.
fn referrer_policy(path: &str) -> HeaderValue {
    let secret = path.starts_with("/proof/");
    HeaderValue::from_static(if secret { "no-referrer" } else { "same-origin" })
}

/// The error that a response stands for; a page with an error status is complete already.
fn error_behind(response: &Response) -> Option<Arc<ApiError>> {
    if let Some(ErrorExtension(error)) = response.extensions().get() {
        return Some(Arc::clone(error));
    }
    let status = response.status();
    let failed = status.is_client_error() || status.is_server_error();
    (failed && !is_html(response.headers())).then(|| Arc::new(ApiError::from_status(status)))
}

pub(crate) fn is_html(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|it| it.as_bytes().starts_with(b"text/html"))
}

fn render(error: &ApiError, id: &RequestId, bare: Response) -> Response {
    let heading = heading(error);
    let page = ErrorPage {
        layout: Layout::standalone(heading),
        status: error.status().as_u16(),
        heading,
        message: explain(error),
        request_id: id.as_str().to_owned(),
    };
    let Ok(mut response) = page_with(error.status(), &page) else { return bare };
    error.write_headers(response.headers_mut());
    response
}

fn heading(error: &ApiError) -> &'static str {
    if let ApiError::ReadOnly { .. } = error {
        return "The database takes no writes";
    }
    match error.status().as_u16() {
        400 => "The request could not be read",
        403 => "You may not do this",
        404 => "There is nothing here",
        405 | 415 => "This address only accepts a form",
        409 => "It was changed in the meantime",
        413 => "That is too large",
        422 => "Check the form",
        429 => "Too many at the same time",
        503 => "The database cannot be reached",
        _ => "Something went wrong on our side",
    }
}

/// What a person reads: messages about HTTP are for programs.
fn explain(error: &ApiError) -> String {
    match error {
        ApiError::Internal { .. } => {
            "Nothing was changed in part. Try again. If it fails again, search the log for the request's id."
                .to_owned()
        }
        ApiError::Unavailable { .. } => "Nothing was changed. Try again in a moment.".to_owned(),
        ApiError::ReadOnly { .. } => {
            "Nothing was changed. Let DATABASE_URL lead to the primary; sendpromptly doctor says more.".to_owned()
        }
        // Of all that the console does only passwords are queued.
        ApiError::RateLimited { .. } => {
            "Nothing was changed. Too many people sign in at this moment. Try again in a few seconds."
                .to_owned()
        }
        ApiError::UnsupportedMediaType { .. } => "Send the form from the page that has it.".to_owned(),
        ApiError::ValidationError(fields) if fields.is_empty() => {
            "A field held what cannot be chosen there. Go back, reload the page and send it again."
                .to_owned()
        }
        ApiError::ValidationError(fields) => {
            let sentences = fields.iter().map(|field| sentence(&field.message));
            sentences.collect::<Vec<_>>().join(" ")
        }
        ApiError::MethodNotAllowed => "Open it from the page that leads to it.".to_owned(),
        ApiError::PayloadTooLarge { .. } => "The form has more than 64 KiB.".to_owned(),
        other => sentence(&other.to_string()),
    }
}

pub(super) fn sentence(text: &str) -> String {
    let mut sentence = capitalize(text);
    if !sentence.ends_with('.') {
        sentence.push('.');
    }
    sentence
}
