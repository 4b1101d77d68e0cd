//! The style sheet, the script and the icon, inside the binary.
//!
//! Their names carry a hash of their content, so browsers keep them for ever and a new version is a
//! new name. The style sheet is one response, whatever number of files it is written in.

use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use web::error::ApiError;

const STYLE: &str = concat!(
    include_str!("../assets/css/tokens.css"),
    include_str!("../assets/css/base.css"),
    include_str!("../assets/css/controls.css"),
    include_str!("../assets/css/lists.css"),
    include_str!("../assets/css/stories.css"),
);

const SCRIPT: &str = concat!(
    include_str!("../assets/js/times.js"),
    include_str!("../assets/js/copy.js"),
    include_str!("../assets/js/once.js"),
    include_str!("../assets/js/stale.js"),
    include_str!("../assets/js/refresh.js"),
    include_str!("../assets/js/keys.js"),
    include_str!("../assets/js/palette.js"),
);

const ICON: &str = include_str!("../assets/icon.svg");

static STYLE_URL: LazyLock<String> = LazyLock::new(|| named(STYLE, "css"));
static SCRIPT_URL: LazyLock<String> = LazyLock::new(|| named(SCRIPT, "js"));
static ICON_URL: LazyLock<String> = LazyLock::new(|| named(ICON, "svg"));

/// Where the style sheet is.
#[must_use]
pub fn style_url() -> &'static str {
    &STYLE_URL
}

/// Where the script is.
#[must_use]
pub fn script_url() -> &'static str {
    &SCRIPT_URL
}

/// Where the icon is.
#[must_use]
pub fn icon_url() -> &'static str {
    &ICON_URL
}

/// `GET /assets/{file}`.
///
/// # Errors
/// `not_found` for every other name.
pub async fn get(Path(file): Path<String>) -> Result<Response, ApiError> {
    let is = |url: &str| url.strip_prefix("/assets/") == Some(file.as_str());
    let (kind, body) = if is(style_url()) {
        ("text/css; charset=utf-8", STYLE)
    } else if is(script_url()) {
        ("text/javascript; charset=utf-8", SCRIPT)
    } else if is(icon_url()) {
        ("image/svg+xml", ICON)
    } else {
        return Err(ApiError::not_found("there is no such file"));
    };
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    Ok(response)
}

fn named(content: &str, kind: &str) -> String {
    let mut hash = String::new();
    for byte in &Sha256::digest(content)[..8] {
        let _written = write!(hash, "{byte:02x}");
    }
    format!("/assets/console-{hash}.{kind}")
}
