//! The style sheet, the script and the icon, inside the binary.
//!
//! Their names carry a hash of their content, so browsers keep them for ever and a new version is a
//! new name. The style sheet is one response, whatever number of files it is written in. While two releases run, in an
//! upgrade, a page of one may ask the other for its files: it gets what is here instead, for this time.

use std::fmt::Write as _;
use std::io::Read as _;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzEncoder;
use sha2::{Digest, Sha256};
use web::error::ApiError;
use web::extract::read_weight;

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

const FOLDER: &str = "/assets/";
/// What each file's name begins with.
const NAME: &str = "console-";

static STYLE_FILE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new(STYLE, "css", "text/css; charset=utf-8"));
static SCRIPT_FILE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new(SCRIPT, "js", "text/javascript; charset=utf-8"));
static ICON_FILE: LazyLock<Asset> = LazyLock::new(|| Asset::new(ICON, "svg", "image/svg+xml"));

/// A file as it is, and by gzip, which every browser takes and which is a third of it.
struct Asset {
    url: String,
    content_type: &'static str,
    plain: &'static str,
    gzip: Option<Bytes>,
}

impl Asset {
    fn new(plain: &'static str, extension: &str, content_type: &'static str) -> Self {
        let mut gzip = Vec::new();
        let zipped = GzEncoder::new(plain.as_bytes(), Compression::best()).read_to_end(&mut gzip);
        let url = named(plain, extension);
        Self { url, content_type, plain, gzip: zipped.is_ok().then(|| gzip.into()) }
    }

    fn response(&self, request: &HeaderMap, keep: &'static str) -> Response {
        let gzip = self.gzip.clone().filter(|_| takes_gzip(request));
        let is_gzip = gzip.is_some();
        let mut response = gzip.map_or_else(|| self.plain.into_response(), Bytes::into_response);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(keep));
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        if is_gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }
}

/// By `Accept-Encoding` (RFC 9110, 12.5.3).
pub(crate) fn takes_gzip(request: &HeaderMap) -> bool {
    let values = request.get_all(ACCEPT_ENCODING).iter().filter_map(|it| it.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"))
            && read_weight(parts).is_some_and(|weight| weight > 0.0)
    })
}

/// Where the style sheet is.
#[must_use]
pub fn style_url() -> &'static str {
    &STYLE_FILE.url
}

/// Where the script is.
#[must_use]
pub fn script_url() -> &'static str {
    &SCRIPT_FILE.url
}

/// Where the icon is.
#[must_use]
pub fn icon_url() -> &'static str {
    &ICON_FILE.url
}

/// `GET /assets/{file}`.
///
/// # Errors
/// `not_found` for a name that no release gives a file.
pub async fn get(Path(file): Path<String>, request: HeaderMap) -> Result<Response, ApiError> {
    let url = format!("{FOLDER}{file}");
    let files: [&Asset; 3] = [&STYLE_FILE, &SCRIPT_FILE, &ICON_FILE];
    if let Some(found) = files.iter().find(|asset| asset.url == url) {
        return Ok(found.response(&request, "public, max-age=31536000, immutable"));
    }
    let kind = read_kind(&url);
    let found = files.into_iter().find(|asset| kind.is_some() && read_kind(&asset.url) == kind);
    let found = found.ok_or_else(|| ApiError::not_found("there is no such file"))?;
    Ok(found.response(&request, "no-store"))
}

fn named(content: &str, kind: &str) -> String {
    let mut hash = String::new();
    for byte in &Sha256::digest(content)[..8] {
        let _written = write!(hash, "{byte:02x}");
    }
    format!("{FOLDER}{NAME}{hash}.{kind}")
}

/// The kind of a file that has such a name, whatever its content is.
fn read_kind(url: &str) -> Option<&str> {
    let (hash, kind) = url.strip_prefix(FOLDER)?.strip_prefix(NAME)?.split_once('.')?;
    (hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(kind)
}

#[cfg(test)]
mod tests {
    use flate2::read::GzDecoder;

    use super::*;

    #[test]
    fn what_is_sent_by_gzip_is_the_file_and_much_less() {
        for file in [&STYLE_FILE, &SCRIPT_FILE] {
            let gzip = file.gzip.as_deref().expect("gzip");
            let mut plain = String::new();
            GzDecoder::new(gzip).read_to_string(&mut plain).expect("gzip");
            assert_eq!(plain, file.plain);
            assert!(gzip.len() * 3 < plain.len() * 2, "{} of {}", gzip.len(), plain.len());
        }
    }

    /// Without scripts nothing replaces what is marked.
    #[test]
    fn a_page_that_refreshes_itself_says_how_to_without_scripts() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/templates/pages");
        let mut refreshed = 0;
        for page in std::fs::read_dir(folder).expect("pages") {
            let path = page.expect("a page").path();
            let html = std::fs::read_to_string(&path).expect("a page");
            if html.contains("data-live") {
                let says =
                    ["partials/reload.html", "<noscript>"].iter().any(|it| html.contains(it));
                assert!(says, "{} stands still and says nothing", path.display());
                refreshed += 1;
            }
        }
        assert!(refreshed >= 9, "{refreshed}");
    }

    #[test]
    fn only_who_takes_gzip_gets_it() {
        for (value, expected) in [
            ("gzip, deflate, br, zstd", true),
            ("br;q=1, GZIP;q=0.5", true),
            ("gzip; Q=0.5", true),
            ("gzip;q=0", false),
            ("gzip;q=much", false),
            ("identity", false),
            ("", false),
        ] {
            let mut request = HeaderMap::new();
            request.insert(ACCEPT_ENCODING, HeaderValue::from_static(value));
            assert_eq!(takes_gzip(&request), expected, "{value}");
            let response = SCRIPT_FILE.response(&request, "no-store");
            assert_eq!(response.headers().contains_key(CONTENT_ENCODING), expected, "{value}");
            assert_eq!(response.headers()[VARY], "accept-encoding");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}
