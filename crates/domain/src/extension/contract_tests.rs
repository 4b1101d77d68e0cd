//! The schemas of `docs/extensions/` say what the types do: their examples are read, what the types
//! write is as the schemas demand, and limits and names are the same.

use sendpromptly_extension::{Amount, Input, MAX_NOTE, Point as TheirPoint};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::*;
use crate::diagnostics::MAX_ERROR_MESSAGE;
use crate::ids::{CallId, ProjectId};
use crate::project::Mode;

macro_rules! document {
    ($name:literal) => {
        concat!("../../../../docs/extensions/2026-12-01/", $name)
    };
}
macro_rules! json_of {
    ($name:literal) => {
        serde_json::from_str::<Value>(include_str!(document!($name))).expect($name)
    };
}

/// What is wrong with a value by a schema, as far as ours use JSON Schema.
fn wrong(schema: &Value, value: &Value) -> Option<String> {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let types = schema.get("type").map(|types| match types {
        Value::Array(types) => types.clone(),
        one => vec![one.clone()],
    });
    let is_whole = |types: &[Value]| value.is_i64() && types.contains(&json!("integer"));
    if types.is_some_and(|types| !types.contains(&json!(kind)) && !is_whole(&types)) {
        return Some(format!("{value} is {kind}"));
    }
    if schema.get("const").is_some_and(|only| only != value)
        || schema.get("enum").is_some_and(|all| !all.as_array().expect("a list").contains(value))
    {
        return Some(format!("{value} is another value"));
    }
    let length = value.as_str().map(|text| text.chars().count() as u64);
    if schema["maxLength"].as_u64().zip(length).is_some_and(|(max, length)| length > max) {
        return Some(format!("{value} is too long"));
    }
    let prefix = schema["pattern"].as_str().and_then(|pattern| pattern.get(1..4));
    if prefix
        .zip(value.as_str())
        .is_some_and(|(prefix, text)| !text.starts_with(prefix.trim_end_matches('[')))
    {
        return Some(format!("{value} is another id"));
    }
    wrong_in(schema, value.as_object()?)
}

fn wrong_in(schema: &Value, object: &Map<String, Value>) -> Option<String> {
    let required = schema["required"].as_array().into_iter().flatten();
    let missing = required.filter_map(Value::as_str).find(|name| !object.contains_key(*name));
    if let Some(name) = missing {
        return Some(format!("{name} is missing"));
    }
    if schema["maxProperties"].as_u64().is_some_and(|max| object.len() as u64 > max) {
        return Some("too many entries".to_owned());
    }
    object.iter().find_map(|(name, value)| {
        let named = schema["propertyNames"].as_object().map(|names| json!(names));
        let own = schema["properties"].get(name).or_else(|| schema.get("additionalProperties"));
        named.and_then(|names| wrong(&names, &json!(name))).or_else(|| wrong(own?, value))
    })
}

#[test]
fn what_is_sent_is_as_its_schema_says_and_no_field_is_left_out() {
    let schema = json_of!("input.json");
    let (call, project) = (CallId::from_uuid(Uuid::nil()), ProjectId::from_uuid(Uuid::nil()));
    for point in Point::ALL {
        let input = json!(example_input(*point, call, project, Mode::Live));
        assert_eq!(wrong(&schema, &input), None);
        let names = |value: &Value| {
            value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(names(&input), names(&schema["properties"]));
        assert_eq!(schema["required"].as_array().map(Vec::len), Some(names(&input).len()));
        let theirs: Input = serde_json::from_value(input.clone()).expect("their type");
        assert_eq!(json!(theirs), input);
        assert_eq!(json!(theirs.point), json!(point));
        assert_eq!(theirs.amount, Some(Amount { value: 4900, currency: "USD".to_owned() }));
        assert_ne!(theirs.point, TheirPoint::Unknown);
    }
    let mut later = json!(example_input(Point::Reprocess, call, project, Mode::Live));
    (later["point"], later["severity"]) = (json!("before_alert"), json!({ "level": 1 }));
    let read: Input = serde_json::from_value(later).expect("an input");
    assert_eq!(read.point, TheirPoint::Unknown);
    let points: Vec<_> = Point::ALL.iter().map(|point| json!(point)).collect();
    assert_eq!(schema["properties"]["point"]["enum"], json!(points));
    assert_eq!(schema["properties"]["contract"]["const"], CONTRACT);
}

#[test]
fn the_examples_are_read_and_are_as_their_schemas_say() {
    for input in [
        json_of!("examples/input-before-incident.json"),
        json_of!("examples/input-after-failure.json"),
        json_of!("examples/input-reprocess.json"),
    ] {
        assert_eq!(wrong(&json_of!("input.json"), &input), None);
        let read: ExtensionInput = serde_json::from_value(input.clone()).expect("an input");
        assert_eq!(json!(read), input);
    }
    let probe = (Point::BeforeIncident, json_of!("probe-answer.json"));
    let reprocess = (Point::Reprocess, json_of!("reprocess-answer.json"));
    for ((point, schema), answer) in [
        (&probe, json_of!("examples/probe-answer-settled.json")),
        (&probe, json_of!("examples/probe-answer-unknown.json")),
        (&reprocess, json_of!("examples/reprocess-answer-applied.json")),
        (&reprocess, json_of!("examples/reprocess-answer-failed.json")),
    ] {
        assert_eq!(wrong(schema, &answer), None);
        let read = ExtensionAnswer::read(*point, answer.to_string().as_bytes()).expect("an answer");
        assert_eq!((json!(read.answer), read.adjusted), (answer, Vec::new()));
    }
}

#[test]
fn what_a_team_makes_with_the_types_is_read_as_it_was_meant() {
    let (probe, reprocess) = (json_of!("probe-answer.json"), json_of!("reprocess-answer.json"));
    let explained = || ProbeAnswer::settled().note("Seen.").evidence("row", 7).evidence("by", "x");
    for answer in [explained(), ProbeAnswer::not_settled(), ProbeAnswer::cannot_tell()] {
        let said = json!(answer);
        assert_eq!(wrong(&probe, &said), None);
        let read = ExtensionAnswer::read(Point::AfterFailure, said.to_string().as_bytes());
        let read = read.expect("an answer");
        assert_eq!((read.answer, read.adjusted), (ExtensionAnswer::Probe(answer), Vec::new()));
    }
    for answer in [
        ReprocessAnswer::applied().evidence("row", 7),
        ReprocessAnswer::accepted(),
        ReprocessAnswer::failed("account_locked").note("Unlock it."),
        ReprocessAnswer::declined(),
    ] {
        let said = json!(answer);
        assert_eq!(wrong(&reprocess, &said), None);
        let read = ExtensionAnswer::read(Point::Reprocess, said.to_string().as_bytes());
        let read = read.expect("an answer");
        assert_eq!((read.answer, read.adjusted), (ExtensionAnswer::Reprocess(answer), Vec::new()));
    }
}

#[test]
fn the_schemas_draw_the_lines_where_reading_does() {
    let probe = json_of!("probe-answer.json");
    let over =
        |name: &str| json!({ "settled": true, "evidence": { "id": "x".repeat(501) }, name: 1 });
    assert!(wrong(&probe, &over("more")).is_some());
    for bad in [json!({}), json!({ "settled": "true" }), json!([]), json!(null)] {
        assert!(wrong(&probe, &bad).is_some(), "{bad}");
        let read = ExtensionAnswer::read(Point::AfterFailure, bad.to_string().as_bytes());
        assert!(read.is_err(), "{bad}");
    }
    let reprocess = json_of!("reprocess-answer.json");
    let outcomes: Vec<_> = ReprocessOutcome::ALL.iter().map(|outcome| json!(outcome)).collect();
    assert_eq!(reprocess["properties"]["outcome"]["enum"], json!(outcomes));
    for schema in [probe, reprocess] {
        let evidence = &schema["properties"]["evidence"];
        assert_eq!(evidence["maxProperties"], MAX_EVIDENCE);
        assert_eq!(evidence["propertyNames"]["maxLength"], MAX_EVIDENCE_NAME);
        assert_eq!(evidence["additionalProperties"]["maxLength"], MAX_EVIDENCE_VALUE);
        assert_eq!(MAX_NOTE, MAX_ERROR_MESSAGE, "a note is cut as an error message is");
        assert_eq!(schema["properties"]["note"]["maxLength"], MAX_NOTE);
    }
}
