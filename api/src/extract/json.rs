//! JSON of an ingest request: one object, each field once, at most 64 of them.
//!
//! The common parsers keep the last of two equal keys, so that a proxy and the server could read two
//! different events out of one body; here that is an error. Depth is limited by the parser (128) and
//! numbers to what a 64-bit float can hold. Messages name line and column and never quote the body:
//! it may hold what must not reach a log.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::Deserializer as _;
use serde::de::{Error as _, MapAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::surrogates;
use crate::error::ApiError;

const MAX_FIELDS: usize = 64;

/// What a receipt or a result says.
#[derive(Debug, Default)]
pub struct IngestBody {
    /// Every field but `payload`.
    pub fields: Map<String, Value>,
    /// `payload` as it was sent. It is valid JSON as far as its brackets and quotes go.
    pub payload: Option<Box<RawValue>>,
    /// Whether unpaired surrogates became U+FFFD somewhere.
    pub repaired: bool,
}

/// Parses a whole body.
///
/// # Errors
/// `too_many_fields`, or `malformed_request` with the place of the first mistake.
pub(super) fn parse_object(bytes: &[u8]) -> Result<Map<String, Value>, ApiError> {
    Ok(parse(bytes, Payload::Read)?.fields)
}

/// Parses a receipt or a result. Its payload is not judged here, and broken text is no reason to lose
/// what else it says.
///
/// # Errors
/// As [`parse_object`].
pub(super) fn parse_ingest(bytes: &[u8]) -> Result<IngestBody, ApiError> {
    let text = surrogates::replace_unpaired(bytes);
    let body = parse(&text, Payload::Raw)?;
    Ok(IngestBody { repaired: matches!(text, Cow::Owned(_)), ..body })
}

fn parse(bytes: &[u8], payload: Payload) -> Result<IngestBody, ApiError> {
    if bytes.is_empty() {
        return Err(ApiError::malformed("the body is empty; send a JSON object"));
    }
    let mut parser = serde_json::Deserializer::from_slice(bytes);
    let mut fault = Fault::Syntax;
    let object = parser
        .deserialize_map(UniqueFields { payload, fault: &mut fault })
        .and_then(|object| parser.end().map(|()| object));
    object.map_err(|error| refusal(&error, &fault))
}

/// What is done with a field named `payload`.
#[derive(Clone, Copy, PartialEq)]
enum Payload {
    /// It is a field like any other.
    Read,
    /// It is set aside as it stands.
    Raw,
}

/// What the visitor objected to, besides what the parser finds by itself.
enum Fault {
    Syntax,
    DuplicateField,
    TooManyFields,
}

fn refusal(error: &serde_json::Error, fault: &Fault) -> ApiError {
    let (line, column) = (error.line(), error.column());
    let place = format!("at line {line}, column {column}");
    match (fault, error.classify()) {
        (Fault::TooManyFields, _) => ApiError::TooManyFields,
        (Fault::DuplicateField, _) => {
            ApiError::malformed(format!("a field stands twice in the body {place}"))
        }
        // The parser quotes a value of the wrong type, so its own text is not used.
        (Fault::Syntax, Category::Data) => ApiError::malformed("the body must be a JSON object"),
        (Fault::Syntax, Category::Eof) => {
            ApiError::malformed(format!("the JSON of the body is incomplete {place}"))
        }
        (Fault::Syntax, Category::Syntax | Category::Io) => {
            ApiError::malformed(format!("the body is not valid JSON {place}"))
        }
    }
}

struct UniqueFields<'a> {
    payload: Payload,
    fault: &'a mut Fault,
}

impl<'de> Visitor<'de> for UniqueFields<'_> {
    type Value = IngestBody;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut body = IngestBody::default();
        let mut seen = BTreeSet::new();
        while let Some(name) = map.next_key::<String>()? {
            if seen.contains(&name) {
                *self.fault = Fault::DuplicateField;
                return Err(A::Error::custom("duplicate field"));
            }
            if seen.len() == MAX_FIELDS {
                *self.fault = Fault::TooManyFields;
                return Err(A::Error::custom("too many fields"));
            }
            if name == "payload" && self.payload == Payload::Raw {
                let payload = map.next_value::<Box<RawValue>>()?;
                body.payload = Some(payload).filter(|payload| payload.get() != "null");
            } else {
                body.fields.insert(name.clone(), map.next_value()?);
            }
            seen.insert(name);
        }
        Ok(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &[u8]) -> (&'static str, String) {
        let error = parse_object(body).expect_err("refused");
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
            "\u{feff}{}",
            "{\"a\":\"\\x\"}",
            deep.as_str(),
            deep_objects.as_str(),
        ] {
            let shown: String = body.chars().take(40).collect();
            assert_eq!(refused(body.as_bytes()).0, "malformed_request", "{shown}");
        }
        for body in
            [&b"{\"a\":\"\xff\"}"[..], b"{\"a\":\"\xed\xa0\x80\"}", b"\0", b"{}\0", b"\x1f\x8b"]
        {
            assert_eq!(refused(body).0, "malformed_request", "{body:?}");
        }
    }

    #[test]
    fn a_null_character_is_json_and_left_to_the_rules_of_its_field() {
        let object = parse_object(br#"{"internal_reference":"a\u0000b"}"#).expect("taken");
        assert_eq!(object["internal_reference"], "a\0b");
    }

    #[test]
    fn a_payload_is_set_aside_unjudged() {
        let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
        for payload in
            ["{\"a\":1,\"a\":2}", "[1]", "1e999", "\"text\"", "{\"a\":\"\\u0000\"}", deep.as_str()]
        {
            let body = format!("{{\"a\":1,\"payload\":{payload},\"b\":2}}");
            let read = parse_ingest(body.as_bytes()).expect("taken");
            assert_eq!(read.payload.expect("set aside").get(), payload);
            assert_eq!(read.fields.len(), 2);
        }
        assert!(parse_ingest(b"{\"payload\":null}").expect("taken").payload.is_none());
        for body in ["{\"payload\":{},\"payload\":{}}", "{\"payload\":{]}", "{\"payload\":"] {
            assert!(parse_ingest(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn unpaired_surrogates_become_replacement_characters() {
        let read = parse_ingest(br#"{"a":"x\ud83d","b":"\ud83d\ude00"}"#).expect("taken");
        assert_eq!((read.fields["a"].as_str(), read.repaired), (Some("x\u{fffd}"), true));
        assert_eq!(read.fields["b"], "\u{1f600}");
        assert!(!parse_ingest(br#"{"b":"\ud83d\ude00"}"#).expect("taken").repaired);
    }

    #[test]
    fn a_field_may_stand_once_however_it_is_written() {
        for body in [r#"{"a":1,"a":1}"#, r#"{"a":1,"b":2,"a":3}"#, r#"{"a":1,"\u0061":2}"#] {
            let (code, message) = refused(body.as_bytes());
            assert_eq!(code, "malformed_request", "{body}");
            assert!(message.starts_with("a field stands twice"), "{message}");
        }
    }

    #[test]
    fn sixty_four_fields_are_taken_and_one_more_is_too_many() {
        assert_eq!(parse_object(fields(64).as_bytes()).expect("taken").len(), 64);
        assert_eq!(refused(fields(65).as_bytes()).0, "too_many_fields");
        assert_eq!(refused(fields(20_000).as_bytes()).0, "too_many_fields");
    }

    #[test]
    fn nesting_may_be_as_deep_as_the_parser_promises() {
        let nested =
            |depth: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
        assert!(parse_object(nested(126).as_bytes()).is_ok());
        assert_eq!(refused(nested(128).as_bytes()).0, "malformed_request");
    }

    #[test]
    fn messages_name_the_place_and_never_the_content() {
        for (body, expected) in [
            ("{\n  \"canary\": canary}", "the body is not valid JSON at line 2, column 13"),
            ("{\"canary\":", "the JSON of the body is incomplete at line 1, column 10"),
            ("\"canary\"", "the body must be a JSON object"),
            (
                "{\"canary\":1,\"canary\":2}",
                "a field stands twice in the body at line 1, column 20",
            ),
        ] {
            assert_eq!(refused(body.as_bytes()).1, expected);
        }
    }
}
