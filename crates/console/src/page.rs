//! From a template to a response.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use web::error::ApiError;

/// A page with status 200.
///
/// # Errors
/// When the template fails to render, which is a fault of ours.
pub fn page(template: &impl Template) -> Result<Response, ApiError> {
    page_with(StatusCode::OK, template)
}

/// A page with another status, such as 422 for a form that is shown again.
///
/// # Errors
/// When the template fails to render, which is a fault of ours.
pub fn page_with(status: StatusCode, template: &impl Template) -> Result<Response, ApiError> {
    let html = template.render().map_err(ApiError::internal)?;
    Ok((status, Html(html)).into_response())
}

/// Where a change leads: the browser opens this page next, and reloading it repeats nothing.
#[must_use]
pub fn go_to(path: &str) -> Response {
    Redirect::to(path).into_response()
}
