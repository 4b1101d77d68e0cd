//! What an extension answers, read strictly where it decides and leniently where it explains.
//!
//! `settled` and `outcome` decide about somebody's money: anything but what the contract says makes
//! the answer unreadable, and an unreadable answer changes nothing. A note or evidence that is too
//! long, or of another form, is cut or written as text, also where that form is no JSON, and
//! [`ReadAnswer::adjusted`] says so.

use std::fmt;

use sendpromptly_extension::{
    Evidence, MAX_ANSWER_BYTES, MAX_EVIDENCE, MAX_EVIDENCE_NAME, MAX_EVIDENCE_VALUE, ProbeAnswer,
    ReprocessAnswer, ReprocessOutcome,
};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserializer as _, Serialize};
use serde_json::{Map, Value};

use super::{Point, Trust, Unanswered, not_json};
use crate::diagnostics::{MAX_ERROR_MESSAGE, clean_code, clean_message, text_of};
use crate::field::{FieldError, Fields};
use crate::text_enum::text_enum;

/// An answer of one of the two forms.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ExtensionAnswer {
    Probe(ProbeAnswer),
    Reprocess(ReprocessAnswer),
}

/// An answer, and in sentences what of it was changed to keep it.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadAnswer {
    pub answer: ExtensionAnswer,
    pub adjusted: Vec<String>,
}

/// What came back is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    #[error("the answer has {bytes} bytes, and at most {MAX_ANSWER_BYTES} are read")]
    TooLarge { bytes: usize },
    #[error("{}", sentences(.0))]
    Unreadable(Vec<FieldError>),
}

fn sentences(errors: &[FieldError]) -> String {
    let sentence = |error: &FieldError| format!("{} {}", error.field, error.message);
    errors.iter().map(sentence).collect::<Vec<_>>().join("; ")
}

impl AnswerError {
    #[must_use]
    pub const fn why(&self) -> Unanswered {
        match self {
            Self::TooLarge { .. } => Unanswered::TooLarge,
            Self::Unreadable(_) => Unanswered::Unreadable,
        }
    }

    fn unreadable(message: impl Into<String>) -> Self {
        Self::Unreadable(vec![FieldError::new("the answer", message)])
    }
}

text_enum! {
    /// What an answer, or the lack of one, counted as.
    CallOutcome {
        /// A result of the app: the effect was applied.
        Settled = "settled",
        /// Evidence that the effect was applied, for a person to decide.
        Proposed = "proposed",
        /// Evidence that the effect was not applied.
        NotSettled = "not_settled",
        /// Nothing: the probe could not tell.
        Undecided = "undecided",
        /// The reprocess succeeded.
        Applied = "applied",
        /// The reprocess waits for the app's result.
        Accepted = "accepted",
        /// The reprocess failed.
        Failed = "failed",
        /// Nothing: the fallback follows.
        Declined = "declined",
        /// Nothing: there was no readable answer.
        Unanswered = "unanswered",
        /// Nothing: the event was decided before the answer came, or the extension was paused.
        Ignored = "ignored",
    }
}

impl ExtensionAnswer {
    /// Reads what an extension answered at this point.
    ///
    /// # Errors
    /// When it is too long, no JSON object, or does not say what decides.
    pub fn read(point: Point, raw: &[u8]) -> Result<ReadAnswer, AnswerError> {
        if raw.len() > MAX_ANSWER_BYTES {
            return Err(AnswerError::TooLarge { bytes: raw.len() });
        }
        let raw = not_json::strip_mark(raw);
        if let Ok(value) = serde_json::from_slice(raw) {
            return read_json(point, raw, value);
        }
        let replaced = not_json::replace(raw);
        let value = serde_json::from_slice(&replaced);
        let value = value.map_err(|_| AnswerError::unreadable("is not JSON"))?;
        let mut read = read_json(point, &replaced, value)?;
        read.adjusted.push("what is no JSON (NaN, half a character) was replaced".to_owned());
        Ok(read)
    }

    /// What it counts as where the extension is trusted so far.
    #[must_use]
    pub const fn counts_as(&self, trust: Trust) -> CallOutcome {
        match self {
            Self::Probe(ProbeAnswer { settled: Some(true), .. }) => match trust {
                Trust::Settle => CallOutcome::Settled,
                Trust::Propose => CallOutcome::Proposed,
            },
            Self::Probe(ProbeAnswer { settled: Some(false), .. }) => CallOutcome::NotSettled,
            Self::Probe(ProbeAnswer { settled: None, .. }) => CallOutcome::Undecided,
            Self::Reprocess(answer) => match answer.outcome {
                ReprocessOutcome::Applied => CallOutcome::Applied,
                ReprocessOutcome::Accepted => CallOutcome::Accepted,
                ReprocessOutcome::Failed => CallOutcome::Failed,
                ReprocessOutcome::Declined => CallOutcome::Declined,
            },
        }
    }

    #[must_use]
    pub fn note(&self) -> Option<&str> {
        match self {
            Self::Probe(answer) => answer.note.as_deref(),
            Self::Reprocess(answer) => answer.note.as_deref(),
        }
    }

    #[must_use]
    pub const fn evidence(&self) -> &Evidence {
        match self {
            Self::Probe(answer) => &answer.evidence,
            Self::Reprocess(answer) => &answer.evidence,
        }
    }
}

fn read_json(point: Point, raw: &[u8], value: Value) -> Result<ReadAnswer, AnswerError> {
    let Value::Object(object) = value else {
        let form = match point {
            Point::BeforeIncident | Point::AfterFailure => r#"{"settled": true}"#,
            Point::Reprocess => r#"{"outcome": "applied"}"#,
        };
        return Err(AnswerError::unreadable(format!("must be a JSON object such as {form}")));
    };
    let decides = match point {
        Point::BeforeIncident | Point::AfterFailure => "settled",
        Point::Reprocess => "outcome",
    };
    if count_members(raw, decides) > 1 {
        let twice = FieldError::new(decides, "stands twice in the answer");
        return Err(AnswerError::Unreadable(vec![twice]));
    }
    match point {
        Point::BeforeIncident | Point::AfterFailure => read_probe(&object),
        Point::Reprocess => read_reprocess(&object),
    }
    .map_err(AnswerError::Unreadable)
}

/// How often an object has a member of this name; of equal ones the parser keeps the last, and others may not.
fn count_members(raw: &[u8], name: &str) -> usize {
    let mut parser = serde_json::Deserializer::from_slice(raw);
    parser.deserialize_map(CountMembers(name)).unwrap_or_default()
}

struct CountMembers<'a>(&'a str);

impl<'de> Visitor<'de> for CountMembers<'_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut count = 0;
        while let Some((name, IgnoredAny)) = map.next_entry::<String, IgnoredAny>()? {
            count += usize::from(name == self.0);
        }
        Ok(count)
    }
}

fn read_probe(object: &Map<String, Value>) -> Result<ReadAnswer, Vec<FieldError>> {
    let mut fields = Fields::new(object);
    let settled = match object.get("settled") {
        Some(Value::Bool(settled)) => Some(*settled),
        Some(Value::Null) => None,
        Some(_) => {
            fields.reject("settled", "must be true, false or null");
            None
        }
        None => {
            fields.reject("settled", "is required: true, false, or null for cannot tell");
            None
        }
    };
    let mut adjusted = Vec::new();
    let (note, evidence) = read_diagnostics(object, &mut adjusted);
    let answer = ExtensionAnswer::Probe(ProbeAnswer { settled, note, evidence });
    fields.finish(Some(ReadAnswer { answer, adjusted }))
}

fn read_reprocess(object: &Map<String, Value>) -> Result<ReadAnswer, Vec<FieldError>> {
    let mut fields = Fields::new(object);
    let outcome = fields.named("outcome", str::parse::<ReprocessOutcome>);
    let outcome = fields.require("outcome", outcome);
    let mut adjusted = Vec::new();
    let said = object.get("error_code").filter(|value| !value.is_null()).map(text_of);
    let error_code = said.as_deref().and_then(clean_code);
    if error_code != said {
        adjusted.push("error_code was cut or cleaned".to_owned());
    }
    let (note, evidence) = read_diagnostics(object, &mut adjusted);
    fields.finish(outcome.map(|outcome| {
        let answer = ReprocessAnswer { outcome, error_code, note, evidence };
        ReadAnswer { answer: ExtensionAnswer::Reprocess(answer), adjusted }
    }))
}

/// Whatever explains the answer, as far as it can be kept.
fn read_diagnostics(
    object: &Map<String, Value>,
    adjusted: &mut Vec<String>,
) -> (Option<String>, Evidence) {
    let said = object.get("note").filter(|value| !value.is_null()).map(text_of);
    let note = said.as_deref().and_then(clean_message);
    if note != said {
        adjusted.push(format!("note was cut to {MAX_ERROR_MESSAGE} characters or cleaned"));
    }
    let evidence = match object.get("evidence") {
        None | Some(Value::Null) => Evidence::new(),
        Some(Value::Object(entries)) => read_evidence(entries, adjusted),
        Some(other) => {
            adjusted.push("evidence is no object and was kept as text".to_owned());
            let entries = Map::from_iter([("evidence".to_owned(), other.clone())]);
            read_evidence(&entries, &mut Vec::new())
        }
    };
    (note, evidence)
}

fn read_evidence(entries: &Map<String, Value>, adjusted: &mut Vec<String>) -> Evidence {
    if entries.len() > MAX_EVIDENCE {
        adjusted.push(format!(
            "evidence has {} entries, of which {MAX_EVIDENCE} were kept",
            entries.len()
        ));
    }
    let mut evidence = Evidence::new();
    for (name, value) in entries.iter().take(MAX_EVIDENCE) {
        let kept = match value {
            Value::String(_) | Value::Array(_) | Value::Object(_) => {
                let text = clean_message(&text_of(value)).unwrap_or_default();
                Value::String(text.chars().take(MAX_EVIDENCE_VALUE).collect())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        };
        let clean: String =
            clean_code(name).unwrap_or_default().chars().take(MAX_EVIDENCE_NAME).collect();
        let clean = if clean.is_empty() { "unnamed".to_owned() } else { clean };
        if kept != *value || clean != *name {
            adjusted.push(format!(
                "evidence.{clean} was cut to {MAX_EVIDENCE_VALUE} characters, cleaned or written as text"
            ));
        }
        evidence.insert(clean, kept);
    }
    evidence
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(point: Point, value: &Value) -> Result<ReadAnswer, String> {
        let read = ExtensionAnswer::read(point, value.to_string().as_bytes());
        read.map_err(|error| error.to_string())
    }

    fn probe(value: &Value) -> Result<ReadAnswer, String> {
        read(Point::BeforeIncident, value)
    }

    #[test]
    fn what_decides_is_read_strictly() {
        for (value, outcome) in [
            (json!({ "settled": true }), CallOutcome::Settled),
            (json!({ "settled": false, "more": 1 }), CallOutcome::NotSettled),
            (json!({ "settled": null }), CallOutcome::Undecided),
        ] {
            let read = probe(&value).expect("an answer");
            assert_eq!(read.answer.counts_as(Trust::Settle), outcome, "{value}");
            assert_eq!(read.adjusted, [""; 0]);
        }
        let yes = probe(&json!({ "settled": true })).expect("an answer").answer;
        assert_eq!(yes.counts_as(Trust::Propose), CallOutcome::Proposed);
        for (bad, why) in [
            (json!({}), "settled is required"),
            (json!({ "Settled": true }), "settled is required"),
            (json!({ "settled": "true" }), "settled must be true, false or null"),
            (json!({ "settled": 1 }), "settled must be true, false or null"),
            (json!(null), "must be a JSON object such as"),
            (json!([{ "settled": true }]), "must be a JSON object such as"),
            (json!("settled"), "must be a JSON object such as"),
        ] {
            let error = probe(&bad).expect_err("unreadable");
            assert!(error.contains(why), "{bad}: {error}");
        }
    }

    #[test]
    fn what_decides_stands_once() {
        for (point, twice, field) in [
            (Point::BeforeIncident, r#"{"settled":false,"note":"n","settled":true}"#, "settled"),
            (Point::AfterFailure, r#"{"settled":true,"sett\u006ced":true}"#, "settled"),
            (Point::Reprocess, r#"{"outcome":"failed","outcome":"applied"}"#, "outcome"),
        ] {
            let error = ExtensionAnswer::read(point, twice.as_bytes()).expect_err("unreadable");
            assert_eq!(error.to_string(), format!("{field} stands twice in the answer"));
            assert_eq!(error.why(), Unanswered::Unreadable);
        }
        let once = br#"{"settled":true,"note":1,"note":2,"evidence":{"settled":false}}"#;
        assert!(ExtensionAnswer::read(Point::BeforeIncident, once).is_ok());
    }

    #[test]
    fn a_reprocess_says_one_of_four_outcomes() {
        let answer = |value| read(Point::Reprocess, &value);
        for outcome in ReprocessOutcome::ALL {
            let read = answer(json!({ "outcome": outcome, "error_code": 42 })).expect("an answer");
            let ExtensionAnswer::Reprocess(read) = read.answer else { panic!("another form") };
            assert_eq!((read.outcome, read.error_code.as_deref()), (outcome, Some("42")));
        }
        for bad in [json!({}), json!({ "outcome": "Applied" }), json!({ "settled": true })] {
            let error = answer(bad).expect_err("unreadable");
            assert!(error.starts_with("outcome"), "{error}");
        }
        let error = answer(json!({ "outcome": "done" })).expect_err("unreadable");
        assert_eq!(error, "outcome must be one of applied, accepted, failed, declined");
    }

    #[test]
    fn what_explains_is_kept_as_far_as_it_can_be() {
        let many: Map<_, _> = (0..25).map(|n| (format!("k{n:02}"), json!(n))).collect();
        let read = probe(&json!({ "settled": true, "note": "n".repeat(2_001), "evidence": many }))
            .expect("an answer");
        assert_eq!(read.answer.note().map(str::len), Some(2_000));
        assert_eq!(read.answer.evidence().len(), 20);
        assert_eq!(read.adjusted.len(), 2, "{:?}", read.adjusted);

        let evidence = json!({ "id": "ch_1", "n": 1.5, "ok": true, "none": null, "deep": { "a": [1] }, "long": "é".repeat(501), "nul": "a\u{0}b" });
        let read =
            probe(&json!({ "settled": true, "note": 7, "evidence": evidence })).expect("an answer");
        let kept = read.answer.evidence();
        assert_eq!(
            (&kept["id"], &kept["n"], &kept["none"]),
            (&json!("ch_1"), &json!(1.5), &json!(null))
        );
        assert_eq!((&kept["deep"], &kept["nul"]), (&json!(r#"{"a":[1]}"#), &json!("ab")));
        assert_eq!(kept["long"].as_str().map(|text| text.chars().count()), Some(500));
        assert_eq!(read.answer.note(), Some("7"));

        let list = probe(&json!({ "settled": false, "evidence": ["a", "b"] })).expect("an answer");
        assert_eq!(list.answer.evidence()["evidence"], json!(r#"["a","b"]"#));
        assert_eq!(list.adjusted.len(), 1);
    }

    #[test]
    fn what_explains_costs_no_answer_where_it_is_no_json() {
        let raw = br#"{"settled":true,"note":"cut \ud83d","evidence":{"rate":NaN,"id":"ch_1"}}"#;
        let read = ExtensionAnswer::read(Point::BeforeIncident, raw).expect("an answer");
        assert_eq!(read.answer.counts_as(Trust::Settle), CallOutcome::Settled);
        assert_eq!(read.answer.note(), Some("cut \u{fffd}"));
        assert_eq!(json!(read.answer.evidence()), json!({ "rate": "NaN", "id": "ch_1" }));
        assert_eq!(read.adjusted, ["what is no JSON (NaN, half a character) was replaced"]);
        for (raw, why) in [
            (r#"{"settled":NaN}"#, "settled must be true, false or null"),
            (
                r#"{"settled":true,"note":NaN,"settled":false}"#,
                "settled stands twice in the answer",
            ),
        ] {
            let error = ExtensionAnswer::read(Point::AfterFailure, raw.as_bytes());
            assert_eq!(error.expect_err("unreadable").to_string(), why);
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_an_answer() {
        let raw = "\u{feff}{\"settled\":true}".as_bytes();
        let read = ExtensionAnswer::read(Point::BeforeIncident, raw).expect("an answer");
        assert_eq!(read.answer.counts_as(Trust::Settle), CallOutcome::Settled);
        assert_eq!(read.adjusted, [""; 0]);
    }

    #[test]
    fn too_much_no_json_and_too_deep_are_told_apart() {
        let raw = format!(r#"{{"settled":true,"note":"{}"}}"#, "x".repeat(MAX_ANSWER_BYTES));
        let error = ExtensionAnswer::read(Point::AfterFailure, raw.as_bytes()).expect_err("long");
        assert_eq!(error.why(), Unanswered::TooLarge);
        let deep = "[".repeat(10_000);
        for raw in [&b""[..], b"\xff\xfe", b"settled", b"{\"settled\":tru", deep.as_bytes()] {
            let error = ExtensionAnswer::read(Point::AfterFailure, raw).expect_err("no answer");
            assert_eq!(error.why(), Unanswered::Unreadable);
        }
    }

    proptest! {
        #[test]
        fn what_is_kept_reads_back_unchanged(name in any::<String>(), text in any::<String>(), note in any::<String>()) {
            let value = json!({ "settled": null, "note": note, "evidence": { name: text } });
            if let Ok(once) = probe(&value) {
                let again = probe(&json!(once.answer)).expect("an answer");
                prop_assert_eq!(&again.answer, &once.answer);
                prop_assert_eq!(again.adjusted, Vec::<String>::new());
            }
        }
    }
}
