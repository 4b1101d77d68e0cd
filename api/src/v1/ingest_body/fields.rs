//! What a receipt or a result says, out of a body that may be broken where it does not matter.
//!
//! Valid JSON is split into its fields by the strict parser; only a body that it rejects is split
//! by [`lenient`]. Either way each field is then read on its own: those that say which event is
//! meant strictly, texts about a failure as far as they can be, a payload not at all, and unknown
//! fields are ignored. So no form of a text or of a payload loses a report, and an id is never
//! guessed at: where one occurs twice, or is no JSON, the request is rejected and the field named.

use std::fmt;

use axum::body::Bytes;
use domain::effect_result::DIAGNOSTICS;
use domain::field::FieldError;
use serde::Deserializer as _;
use serde::de::{Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use web::error::ApiError;
use web::extract::json::{self, MAX_FIELDS};

use super::lenient::{self, RawField, Unsplit};
use super::repair;

/// What a receipt or a result says.
#[derive(Debug, Default)]
pub struct IngestBody {
    /// Every field that is read, but `payload`.
    pub fields: Map<String, Value>,
    /// `payload` as it was sent; its bytes are whatever they are.
    pub payload: Option<Bytes>,
    /// The texts about a failure of which something was lost before they could be read.
    pub repaired: Vec<&'static str>,
    /// How many bytes the payload and the texts about a failure take.
    pub unlimited: usize,
}

/// Reads the body of a receipt or a result, of which these fields are read strictly.
///
/// # Errors
/// `too_many_fields`, `malformed_request` with the position of the first syntax error, or
/// `validation_error` for a field that has to be read and cannot be.
pub(super) fn parse_ingest(body: &Bytes, strict: &[&str]) -> Result<IngestBody, ApiError> {
    read_fields(body, split_fields(body)?, strict)
}

/// Splits a body into its fields, which are not judged yet.
///
/// # Errors
/// `too_many_fields`, or `malformed_request` with the position of the first syntax error.
pub(super) fn split_fields(body: &Bytes) -> Result<Vec<RawField<'_>>, ApiError> {
    let text = json::without_mark(body);
    split_strictly(text).or_else(|rejection| {
        lenient::split(text).map_err(|why| match why {
            Unsplit::TooManyFields => ApiError::TooManyFields,
            Unsplit::Broken => rejection,
        })
    })
}

/// Reads each field of a body, these ones strictly.
///
/// # Errors
/// `malformed_request` for a strict field that stands twice; `validation_error` for one that cannot be read.
pub(super) fn read_fields(
    body: &Bytes,
    fields: Vec<RawField<'_>>,
    strict: &[&str],
) -> Result<IngestBody, ApiError> {
    let mut read = IngestBody::default();
    let mut field_errors = Vec::new();
    for field in fields {
        read.add(body, field, strict, &mut field_errors)?;
    }
    if field_errors.is_empty() { Ok(read) } else { Err(ApiError::ValidationError(field_errors)) }
}

impl IngestBody {
    fn add(
        &mut self,
        body: &Bytes,
        RawField { name, value }: RawField<'_>,
        strict: &[&str],
        field_errors: &mut Vec<FieldError>,
    ) -> Result<(), ApiError> {
        if name == "payload" {
            self.unlimited += value.len();
            self.payload = Some(body.slice_ref(value)).filter(|payload| *payload != "null");
        } else if let Some(known) = DIAGNOSTICS.iter().find(|one| **one == name) {
            self.unlimited += value.len();
            self.add_diagnostic(known, value);
        } else if strict.contains(&name.as_str()) {
            if self.fields.contains_key(&name) {
                return Err(ApiError::malformed(format!(
                    "the field {name} stands twice in the body"
                )));
            }
            let read = repair::read(value).map(|read| read.value);
            if read.is_none() {
                field_errors
                    .push(FieldError::new(name.as_str(), "has a value that is not valid JSON"));
            }
            self.fields.insert(name, read.unwrap_or_default());
        }
        Ok(())
    }

    /// The last one counts, as in most parsers.
    fn add_diagnostic(&mut self, name: &'static str, value: &[u8]) {
        let read = repair::read(value);
        let lossy = read.as_ref().is_none_or(|read| read.lossy);
        let value = read.map_or_else(|| repair::raw_text(value).into(), |read| read.value);
        let replaced = self.fields.insert(name.to_owned(), value).is_some();
        if (lossy || replaced) && !self.repaired.contains(&name) {
            self.repaired.push(name);
        }
    }
}

/// Splits an object that is valid JSON.
fn split_strictly(text: &[u8]) -> Result<Vec<RawField<'_>>, ApiError> {
    let mut too_many = false;
    let split = json::parse(text, |parser| parser.deserialize_map(Split(&mut too_many)));
    split.map_err(|error| if too_many { ApiError::TooManyFields } else { error })
}

struct Split<'b>(&'b mut bool);

impl<'de> Visitor<'de> for Split<'_> {
    type Value = Vec<RawField<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
            if fields.len() == MAX_FIELDS {
                *self.0 = true;
                return Err(A::Error::custom("too many fields"));
            }
            fields.push(RawField { name, value: value.get().as_bytes() });
        }
        Ok(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{effect_result, receipt};
    use proptest::prelude::*;
    use serde_json::json;

    fn parse(body: impl Into<Vec<u8>>) -> Result<IngestBody, ApiError> {
        parse_ingest(&Bytes::from(body.into()), effect_result::FIELDS)
    }

    fn code(body: impl Into<Vec<u8>>) -> &'static str {
        parse(body).map_or_else(|error| error.code(), |_| "taken")
    }

    #[test]
    fn a_payload_and_what_nobody_knows_are_set_aside_unjudged() {
        let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
        for value in [
            &b"{\"a\":1,\"a\":2}"[..],
            b"[1]",
            b"1e999",
            b"NaN",
            b"-Infinity",
            b"\"text\"",
            b"{\"a\":\"\\u0000\\ud83d\"}",
            b"{\"a\":\"\x01\xff\n\"}",
            deep.as_bytes(),
        ] {
            let body = [
                b"\xef\xbb\xbf {\"provider\":\"stripe\",\"payload\":",
                value,
                b",\"canary\":",
                value,
                b",\"canary\":1,\"status\":\"failed\"}",
            ];
            let read = parse(body.concat()).expect("taken");
            assert_eq!(read.payload.as_deref(), Some(value));
            assert_eq!(json!(read.fields), json!({"provider": "stripe", "status": "failed"}));
            assert_eq!(read.unlimited, value.len());
        }
        assert!(parse("{\"payload\":null}").expect("taken").payload.is_none());
        assert!(parse("{\"payload\":1,\"payload\":null}").expect("taken").payload.is_none());
        for body in ["{\"payload\":{]}", "{\"payload\":", "{\"payload\":\"}"] {
            assert_eq!(code(body), "malformed_request", "{body}");
        }
    }

    #[test]
    fn words_about_a_failure_are_read_as_far_as_they_can_be() {
        for (given, text, lossy) in [
            (&b"\"disk\nfull\""[..], json!("disk\nfull"), false),
            (b"\"a\xff\"", json!("a\u{fffd}"), true),
            (b"\"a\\ud83d\"", json!("a\u{fffd}"), true),
            (b"\"\\ud83d\\ude00\"", json!("\u{1f600}"), false),
            (b"NaN", json!("NaN"), true),
            (b"\"C:\\Users\\x\"", json!("C:\\Users\\x"), true),
            (b"{\"errno\":-Infinity}", json!("{\"errno\":-Infinity}"), true),
            (b"[1,\"a\nb\"]", json!([1, "a\nb"]), false),
            (b"\"first\",\"error_message\":\"last\"", json!("last"), true),
        ] {
            let body = [b"{\"status\":\"failed\",\"error_message\":", given, b"}"].concat();
            let read = parse(body).expect("taken");
            assert_eq!(read.fields["error_message"], text, "{given:?}");
            assert_eq!(
                read.repaired,
                Vec::from_iter(lossy.then_some("error_message")),
                "{given:?}"
            );
            assert_eq!(read.fields["status"], "failed");
        }
    }

    #[test]
    fn what_says_which_event_is_meant_is_read_strictly() {
        let broken = parse(&b"{\"internal_reference\":\"a\x01\xff\",\"payload\":NaN}"[..]);
        let broken = broken.expect("the rules of the field judge it");
        assert_eq!(broken.fields["internal_reference"], "a\u{1}\u{fffd}");
        let Err(ApiError::ValidationError(field_errors)) =
            parse("{\"event_id\":undefined,\"provider\":01,\"payload\":NaN}")
        else {
            panic!("taken")
        };
        let named: Vec<_> = field_errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(named, ["event_id", "provider"]);
        for twice in [
            r#"{"status":"failed","status":"success"}"#,
            r#"{"status":"failed","st\u0061tus":"failed"}"#,
            r#"{"status":"failed","payload":NaN,"status":"failed"}"#,
        ] {
            let rejected = parse(twice).expect_err("rejected").to_string();
            assert_eq!(rejected, "the field status stands twice in the body");
        }
    }

    #[test]
    fn what_only_the_other_call_reads_is_ignored() {
        let body = br#"{"provider_event_id":"evt_1","status":"failed","amount":NaN,"occurred_at":1,"occurred_at":2}"#;
        let result = parse(&body[..]).expect("taken");
        assert_eq!(json!(result.fields), json!({"provider_event_id": "evt_1", "status": "failed"}));
        let body = Bytes::from_static(br#"{"provider_event_id":"evt_1","status":NaN,"status":1}"#);
        let receipt = parse_ingest(&body, receipt::FIELDS).expect("taken");
        assert_eq!(json!(receipt.fields), json!({"provider_event_id": "evt_1"}));
    }

    #[test]
    fn sixty_four_fields_are_taken_and_one_more_is_too_many() {
        for value in ["1", "NaN"] {
            let fields = |count: usize| {
                let fields: Vec<_> = (0..count).map(|n| format!("\"f{n}\":{value}")).collect();
                format!("{{{}}}", fields.join(","))
            };
            assert_eq!((code(fields(64)), code(fields(65))), ("taken", "too_many_fields"));
        }
    }

    #[test]
    fn what_is_no_object_is_rejected_with_the_place_that_the_strict_parser_names() {
        for (body, said) in [
            ("[]", "the body must be a JSON object"),
            ("{\"a\":1", "the JSON of the body is incomplete at line 1, column 6"),
            ("{\n\"a\":1,}", "the body is not valid JSON at line 2, column 7"),
            ("{} {}", "the body is not valid JSON at line 1, column 4"),
            ("provider=stripe", "the body is a form (name=value); send a JSON object"),
        ] {
            assert_eq!(parse(body).expect_err("rejected").to_string(), said, "{body}");
        }
    }

    /// Bytes between balanced delimiters.
    fn balanced() -> impl Strategy<Value = Vec<u8>> {
        let without = |bytes: Vec<u8>, special: &'static [u8]| -> Vec<u8> {
            bytes.into_iter().filter(|byte| !special.contains(byte)).collect()
        };
        let string = any::<Vec<u8>>()
            .prop_map(move |bytes| [b"\"\\\"\\\\", &without(bytes, b"\"\\")[..], b"\""].concat());
        let junk = any::<Vec<u8>>().prop_map(move |bytes| without(bytes, b"\"{}[]"));
        let leaf = prop_oneof![string, junk].boxed();
        let nested = leaf.prop_recursive(4, 32, 4, |inner| {
            let inner = prop::collection::vec(inner, 0..4).prop_map(|parts| parts.concat());
            (inner, any::<bool>()).prop_map(|(inner, list)| {
                let (open, close) =
                    if list { (&b"["[..], &b"]"[..]) } else { (&b"{"[..], &b"}"[..]) };
                [open, &inner, close].concat()
            })
        });
        nested.prop_map(|inner| [b"{", &inner[..], b"}"].concat())
    }

    /// Any JSON.
    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_a_payload_is_the_rest_survives(payload in balanced()) {
            let body = [
                b"{\"provider_event_id\":\"evt_1\",\"payload\":", &payload[..], b",\"internal_reference\":\"user_456\"}",
            ];
            let read = parse(body.concat()).expect("taken");
            prop_assert_eq!(read.payload.as_deref(), Some(&payload[..]));
            let expected = json!({"provider_event_id": "evt_1", "internal_reference": "user_456"});
            prop_assert_eq!(json!(read.fields), expected);
        }

        #[test]
        fn valid_json_comes_through_unchanged_by_either_way(
            known in prop::collection::btree_map(prop::sample::select(effect_result::FIELDS), value(), 0..9),
            payload in value(), other in any::<String>(), pretty in any::<bool>(),
        ) {
            let mut object: Map<_, _> = known.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            let names: Vec<_> = object.keys().cloned().collect();
            object.insert("payload".to_owned(), payload.clone());
            object.insert(format!("x{other}"), payload);
            let body = if pretty { serde_json::to_string_pretty(&object) } else { serde_json::to_string(&object) };
            let body = body.expect("JSON");
            let mut whole: Map<String, Value> = serde_json::from_str(&body).expect("JSON");
            let payload = whole.remove("payload").filter(|payload| !payload.is_null());
            whole.retain(|name, _| names.contains(name));
            prop_assert_eq!(lenient::split(body.as_bytes()).ok(), split_strictly(body.as_bytes()).ok());
            let read = parse(body).expect("taken");
            prop_assert_eq!(&read.fields, &whole);
            let kept = read.payload.map(|bytes| serde_json::from_slice::<Value>(&bytes).expect("JSON"));
            prop_assert_eq!(kept, payload);
            prop_assert!(read.repaired.is_empty());
        }

        #[test]
        fn no_bytes_are_too_strange(bytes in any::<Vec<u8>>()) {
            let inside = [b"{\"a\":", &bytes[..], b"}"].concat();
            for body in [bytes, inside] {
                prop_assert!(["taken", "malformed_request"].contains(&code(body)));
            }
        }
    }
}
