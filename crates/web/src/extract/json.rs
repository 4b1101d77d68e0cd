//! JSON of a request to the automation API: one object, each field once, at most 64 of them.
//!
//! The common parsers keep the last of two equal keys, so that a proxy and the server could read
//! two different requests out of one body; here that is an error. Depth is limited by the parser
//! (128) and numbers to what a 64-bit float can hold. Messages name line and column and never quote
//! the body: it may hold what must not reach a log. A body that is something else by its first
//! bytes is named in the error.

use std::fmt;

use serde::Deserializer as _;
use serde::de::{Error as _, MapAccess, Visitor};
use serde_json::de::{Deserializer, SliceRead};
use serde_json::error::Category;
use serde_json::{Map, Value};

use crate::error::ApiError;

/// The most fields that a body may have.
pub const MAX_FIELDS: usize = 64;

/// Parses a whole body.
///
/// # Errors
/// `too_many_fields`, or `malformed_request` with the position of the first syntax error.
pub fn parse_object(bytes: &[u8]) -> Result<Map<String, Value>, ApiError> {
    let mut fault = None;
    let object =
        parse(without_mark(bytes), |parser| parser.deserialize_map(UniqueFields(&mut fault)));
    object.map_err(|error| fault.unwrap_or(error))
}

/// The body behind the byte order mark that some editors and shells begin a file with. It says
/// nothing in UTF-8. <https://www.rfc-editor.org/rfc/rfc8259#section-8.1>
pub fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes)
}

/// Reads a whole body by one parser, strictly.
///
/// # Errors
/// `malformed_request` with the position of the first syntax error.
pub fn parse<'de, T>(
    bytes: &'de [u8],
    read: impl FnOnce(&mut Deserializer<SliceRead<'de>>) -> serde_json::Result<T>,
) -> Result<T, ApiError> {
    let mut parser = Deserializer::from_slice(bytes);
    let object = read(&mut parser).and_then(|object| parser.end().map(|()| object));
    object.map_err(|error| rejection(bytes, &error))
}

fn rejection(bytes: &[u8], error: &serde_json::Error) -> ApiError {
    if let Some(known) = recognise(bytes) {
        return ApiError::malformed(known);
    }
    let place = format!("at line {}, column {}", error.line(), error.column());
    ApiError::malformed(match error.classify() {
        // The parser quotes a value of the wrong type, so its own text is not used.
        Category::Data => "the body must be a JSON object".to_owned(),
        Category::Eof => format!("the JSON of the body is incomplete {place}"),
        Category::Syntax | Category::Io => format!("the body is not valid JSON {place}"),
    })
}

/// What a body is that is no JSON in UTF-8, by its first bytes.
fn recognise(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [] => Some("the body is empty; send a JSON object"),
        [0x1f, 0x8b, ..] => Some("the body is compressed by gzip; send it as it is"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [b'{', 0, ..] | [0, b'{', ..] => {
            Some("the body is in UTF-16; send it in UTF-8")
        }
        [b'a'..=b'z', ..] if bytes.contains(&b'=') && !bytes.contains(&b'{') => {
            Some("the body is a form (name=value); send a JSON object")
        }
        _ => None,
    }
}

/// Keeps what it objects to, besides what the parser finds by itself.
struct UniqueFields<'a>(&'a mut Option<ApiError>);

impl<'de> Visitor<'de> for UniqueFields<'_> {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            if object.contains_key(&name) {
                *self.0 = Some(ApiError::malformed("a field stands twice in the body"));
                return Err(A::Error::custom("duplicate field"));
            }
            if object.len() == MAX_FIELDS {
                *self.0 = Some(ApiError::TooManyFields);
                return Err(A::Error::custom("too many fields"));
            }
            object.insert(name, map.next_value()?);
        }
        Ok(object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejected(body: &[u8]) -> (&'static str, String) {
        let error = parse_object(body).expect_err("rejected");
        (error.code(), error.to_string())
    }

    fn fields(count: usize) -> String {
        let fields: Vec<_> = (0..count).map(|n| format!(r#""f{n}":{n}"#)).collect();
        format!("{{{}}}", fields.join(","))
    }

    #[test]
    fn an_object_is_taken() {
        let object =
            parse_object(" {\"a\": \"\\u00e9\\ud83d\\ude00\", \"b\": {\"c\": [1]}}\r\n".as_bytes());
        let object = object.expect("taken");
        assert_eq!(object["a"], "é😀");
        assert_eq!(object["b"]["c"][0], 1);
        assert!(parse_object(b"{}").expect("taken").is_empty());
        assert!(parse_object("\u{feff}{}".as_bytes()).expect("taken").is_empty());
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "one table, to be read as a whole")]
    fn whatever_is_not_one_json_object_is_malformed() {
        let deep = format!(r#"{{"a":{}1{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
        let deep_objects = format!("{}1{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000));
        for body in [
            "",
            " ",
            "{",
            "}",
            "hello",
            "null",
            "true",
            "1",
            "\"text\"",
            "[]",
            "[{}]",
            "{}{}",
            "{} x",
            "{\"a\":1}}",
            "{\"a\":1,}",
            "{'a':1}",
            "{a:1}",
            "{1:1}",
            "{\"a\":NaN}",
            "{\"a\":1e999}",
            "{\"a\":-1e999}",
            "{\"a\":01}",
            "{\"a\":\"\\ud800\"}",
            "{\"a\":\"\\udc00\"}",
            "{\"\\ud800\":1}",
            "{\"a\":\"\u{1}\"}",
            "{\"a\":\"tab\there\"}",
            "{\"a\":/**/1}",
            "{\"a\":\"\\x\"}",
            deep.as_str(),
            deep_objects.as_str(),
        ] {
            let shown: String = body.chars().take(40).collect();
            assert_eq!(rejected(body.as_bytes()).0, "malformed_request", "{shown}");
        }
        for body in
            [&b"{\"a\":\"\xff\"}"[..], b"{\"a\":\"\xed\xa0\x80\"}", b"\0", b"{}\0", b"\x1f\x8b"]
        {
            assert_eq!(rejected(body).0, "malformed_request", "{body:?}");
        }
    }

    #[test]
    fn a_null_character_is_json_and_left_to_the_rules_of_its_field() {
        let object = parse_object(br#"{"internal_reference":"a\u0000b"}"#).expect("taken");
        assert_eq!(object["internal_reference"], "a\0b");
    }

    #[test]
    fn a_field_may_stand_once_however_it_is_written() {
        for body in [r#"{"a":1,"a":1}"#, r#"{"a":1,"b":2,"a":3}"#, r#"{"a":1,"\u0061":2}"#] {
            let (code, message) = rejected(body.as_bytes());
            assert_eq!(code, "malformed_request", "{body}");
            assert!(message.starts_with("a field stands twice"), "{message}");
        }
    }

    #[test]
    fn sixty_four_fields_are_taken_and_one_more_is_too_many() {
        assert_eq!(parse_object(fields(64).as_bytes()).expect("taken").len(), 64);
        assert_eq!(rejected(fields(65).as_bytes()).0, "too_many_fields");
        assert_eq!(rejected(fields(20_000).as_bytes()).0, "too_many_fields");
    }

    #[test]
    fn nesting_may_be_as_deep_as_the_parser_promises() {
        let nested =
            |depth: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
        assert!(parse_object(nested(126).as_bytes()).is_ok());
        assert_eq!(rejected(nested(128).as_bytes()).0, "malformed_request");
    }

    #[test]
    fn messages_name_the_place_and_never_the_content() {
        for (body, expected) in [
            ("{\n  \"canary\": canary}", "the body is not valid JSON at line 2, column 13"),
            ("{\"canary\":", "the JSON of the body is incomplete at line 1, column 10"),
            ("\"canary\"", "the body must be a JSON object"),
            ("{\"canary\":1,\"canary\":2}", "a field stands twice in the body"),
            ("", "the body is empty; send a JSON object"),
            ("provider=canary&x={}", "the body is not valid JSON at line 1, column 1"),
            ("provider=canary&x=1", "the body is a form (name=value); send a JSON object"),
            ("\u{1f}\u{8b}", "the body is not valid JSON at line 1, column 1"),
            ("{\0\"\0", "the body is in UTF-16; send it in UTF-8"),
        ] {
            assert_eq!(rejected(body.as_bytes()).1, expected);
        }
        let utf_16: Vec<u8> = "\u{feff}{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(rejected(&utf_16).1, "the body is in UTF-16; send it in UTF-8");
        assert!(rejected(b"\x1f\x8b\x08").1.contains("gzip"));
    }
}
