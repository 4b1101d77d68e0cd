//! Which representations the two sides understand: JSON, plain and nothing else.
//!
//! `Accept` is read as RFC 9110 section 12.5.1 says: the most specific range that names
//! `application/json` decides, and a weight of zero excludes it. No `Accept`, or an empty one,
//! takes anything. Bodies are `application/json` in UTF-8 without any `Content-Encoding`; other
//! parameters of the type say nothing (<https://www.rfc-editor.org/rfc/rfc8259#section-11>).

use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE};

use crate::error::ApiError;

/// Rejects clients that do not take JSON.
pub(super) fn reject_unless_accepted(headers: &HeaderMap) -> Result<(), ApiError> {
    if accepts_json(headers) { Ok(()) } else { Err(ApiError::NotAcceptable) }
}

/// Rejects clients that do not take JSON, and bodies that are not plain JSON.
pub(super) fn reject_unless_json(headers: &HeaderMap) -> Result<(), ApiError> {
    reject_unless_accepted(headers)?;
    reject_unless_json_body(headers)
}

/// Rejects bodies that are not plain JSON.
pub(super) fn reject_unless_json_body(headers: &HeaderMap) -> Result<(), ApiError> {
    if is_encoded(headers) {
        return Err(ApiError::UnsupportedMediaType {
            message: "send the body without a Content-Encoding",
        });
    }
    if !carries_json(headers) {
        return Err(ApiError::UnsupportedMediaType {
            message: "send the body as Content-Type: application/json, in UTF-8",
        });
    }
    Ok(())
}

fn accepts_json(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(ACCEPT).iter();
    let mut ranges = lines
        .flat_map(|line| line.to_str().unwrap_or("?").split(','))
        .map(str::trim)
        .filter(|range| !range.is_empty())
        .peekable();
    if ranges.peek().is_none() {
        return true;
    }
    // The most specific range wins; between equals, the kinder one.
    let best = ranges.filter_map(read_range).max_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    best.is_some_and(|(_, weight)| weight > 0.0)
}

/// How closely a range names JSON, and its weight; `None` if it does not name it or makes no sense.
fn read_range(range: &str) -> Option<(u8, f32)> {
    let mut parts = range.split(';').map(str::trim);
    let specificity = match parts.next()?.to_ascii_lowercase().as_str() {
        "application/json" => 2,
        "application/*" => 1,
        "*/*" => 0,
        _ => return None,
    };
    Some((specificity, read_weight(parts)?))
}

/// The weight among the parameters of a range, from 0, which excludes it, to 1, as without one (RFC 9110, 12.4.2); `None` if
/// it makes no sense.
#[must_use]
pub fn read_weight<'a>(mut parameters: impl Iterator<Item = &'a str>) -> Option<f32> {
    let weight = parameters.find_map(|part| parameter(part, "q"));
    let weight = weight.map_or(Some(1.0), |text| text.parse().ok())?;
    (0.0..=1.0).contains(&weight).then_some(weight)
}

fn is_encoded(headers: &HeaderMap) -> bool {
    headers.contains_key(CONTENT_ENCODING)
}

fn carries_json(headers: &HeaderMap) -> bool {
    let Some(Ok(value)) = headers.get(CONTENT_TYPE).map(|value| value.to_str()) else {
        return false;
    };
    let mut parts = value.split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    is_json && parts.filter_map(|part| parameter(part, "charset")).all(is_utf8)
}

/// UTF-8 by the names that clients give it, or a part of it.
fn is_utf8(charset: &str) -> bool {
    let charset = charset.trim_matches('"').to_ascii_lowercase();
    ["utf-8", "utf8", "us-ascii", "ascii"].contains(&charset.as_str())
}

/// The value of `name=value`.
fn parameter<'a>(part: &'a str, name: &str) -> Option<&'a str> {
    let (key, value) = part.split_once('=')?;
    key.trim().eq_ignore_ascii_case(name).then_some(value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderName;

    fn headers(name: &HeaderName, values: &[&str]) -> HeaderMap {
        let values = values.iter().map(|value| value.parse().expect("a header value"));
        values.map(|value| (name.clone(), value)).collect()
    }

    #[test]
    fn accept_decides_by_the_most_specific_range() {
        for (accept, expected) in [
            (&[][..], true),
            (&[""][..], true),
            (&["*/*"][..], true),
            (&["application/json"][..], true),
            (&["Application/JSON"][..], true),
            (&["application/*"][..], true),
            (&["application/json; charset=utf-8"][..], true),
            (&["text/html, application/json;q=0.1"][..], true),
            (&["text/html", "application/json"][..], true),
            (&["text/html, */*;q=0.8"][..], true),
            (&["application/*;q=0, application/json"][..], true),
            (&["application/json;q=0, application/json;q=0.5"][..], true),
            (&["text/html"][..], false),
            (&["application/xml"][..], false),
            (&["application/problem+json"][..], false),
            (&["application/json;q=0"][..], false),
            (&["application/json; Q=0.000"][..], false),
            (&["*/*;q=0"][..], false),
            (&["application/json;q=0, */*"][..], false),
            (&["*/*, application/*;q=0"][..], false),
            (&["json"][..], false),
            (&["application/json;q=loud"][..], false),
            (&["application/json;q=-1"][..], false),
            (&["application/json;q=NaN"][..], false),
        ] {
            assert_eq!(accepts_json(&headers(&ACCEPT, accept)), expected, "{accept:?}");
        }
    }

    #[test]
    fn only_json_in_utf8_is_taken() {
        for (content_type, expected) in [
            ("application/json", true),
            ("APPLICATION/JSON", true),
            ("application/json;charset=utf-8", true),
            ("application/json; Charset=\"UTF-8\"", true),
            ("application/json;", true),
            ("application/json; charset=iso-8859-1", false),
            ("application/json; charset=utf-16", false),
            ("application/json; charset=utf8", true),
            ("application/json; charset=us-ascii", true),
            ("application/json; odata=verbose; charset=UTF-8", true),
            ("application/json; version=1", true),
            ("application/jsonp", false),
            ("application/x-www-form-urlencoded", false),
            ("text/json", false),
            ("text/plain, application/json", false),
            ("json", false),
            ("", false),
        ] {
            let headers = headers(&CONTENT_TYPE, &[content_type]);
            assert_eq!(carries_json(&headers), expected, "{content_type:?}");
        }
        assert!(!carries_json(&HeaderMap::new()));
    }

    #[test]
    fn any_content_coding_is_rejected() {
        for (codings, expected) in [
            (&[][..], false),
            (&["identity"][..], true),
            (&["gzip"][..], true),
            (&["br"][..], true),
            (&["identity, gzip"][..], true),
            (&["identity", "deflate"][..], true),
            (&[""][..], true),
        ] {
            assert_eq!(is_encoded(&headers(&CONTENT_ENCODING, codings)), expected, "{codings:?}");
        }
    }
}
