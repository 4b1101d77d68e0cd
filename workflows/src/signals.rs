//! What people and the API say to a running watch.
//!
//! The same signal comes from two sides. The API sends it after a commit, with the id of what it
//! recorded; somebody at the `temporal` command line sends it bare, and the watch has it recorded
//! first. Input typed by hand may be missing or malformed: it is read leniently here, because a
//! signal that cannot be decoded would block its workflow, and judged strictly by the store.

use domain::effect_result::Outcome;
use domain::ids::{ReplayId, ResultId};
use domain::or_unknown::OrUnknown;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use temporalio_common::data_converters::RawValue;

/// Input of `reprocess`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReprocessSignal {
    /// Who asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<String>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The reprocess, where it is recorded already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replay_id: Option<ReplayId>,
}

/// Input of `resolve`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResolveSignal {
    /// Who resolves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolved_by: Option<String>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Whether the resolution is recorded already.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub recorded: bool,
}

/// Input of `result` as the API sends it: ids only, never the app's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedResult {
    /// The recorded result.
    pub result_id: ResultId,
    /// What it said.
    pub status: OrUnknown<Outcome>,
}

/// One thing that was said to the watch.
#[derive(Debug, Clone, PartialEq)]
pub enum Word {
    /// A result that is in the database.
    Recorded(RecordedResult),
    /// A result typed by hand.
    Result(Value),
    /// A wish to reprocess.
    Reprocess(ReprocessSignal),
    /// A resolution by hand.
    Resolve(ResolveSignal),
    /// An acknowledgement that is in the database.
    Acknowledged,
}

impl Word {
    /// Reads the input of `result`.
    #[must_use]
    pub fn result(input: &RawValue) -> Self {
        let body: Value = read(input);
        serde_json::from_value(body.clone()).map_or(Self::Result(body), Self::Recorded)
    }

    /// Reads the input of `reprocess`.
    #[must_use]
    pub fn reprocess(input: &RawValue) -> Self {
        Self::Reprocess(read(input))
    }

    /// Reads the input of `resolve`.
    #[must_use]
    pub fn resolve(input: &RawValue) -> Self {
        Self::Resolve(read(input))
    }
}

fn read<T: DeserializeOwned + Default>(input: &RawValue) -> T {
    let first = input.payloads.first();
    first.and_then(|payload| serde_json::from_slice(&payload.data).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use temporalio_common::protos::temporal::api::common::v1::Payload;

    fn typed(json: &str) -> RawValue {
        RawValue::new(vec![Payload { data: json.as_bytes().to_vec(), ..Payload::default() }])
    }

    #[test]
    fn a_wish_typed_by_hand_keeps_its_words() {
        let word = Word::reprocess(&typed(r#"{"requested_by":"alice","note":"queue was down"}"#));
        let Word::Reprocess(wish) = word else { panic!("{word:?}") };
        assert_eq!(wish.requested_by.as_deref(), Some("alice"));
        assert_eq!(wish.replay_id, None);
    }

    #[test]
    fn missing_and_malformed_input_is_an_empty_wish() {
        for input in [RawValue::new(vec![]), typed(""), typed("alice"), typed("[1]"), typed("null")]
        {
            assert_eq!(Word::reprocess(&input), Word::Reprocess(ReprocessSignal::default()));
            assert_eq!(Word::resolve(&input), Word::Resolve(ResolveSignal::default()));
        }
    }

    #[test]
    fn only_a_recorded_result_counts_as_recorded() {
        let recorded = r#"{"result_id":"res_00000000000000000000000001","status":"success"}"#;
        assert!(matches!(Word::result(&typed(recorded)), Word::Recorded(_)));
        let newer = recorded.replace("success", "voided_by_law");
        assert!(matches!(Word::result(&typed(&newer)), Word::Recorded(_)), "by another release");
        assert!(matches!(Word::result(&typed(r#"{"status":"success"}"#)), Word::Result(_)));
        assert_eq!(Word::result(&RawValue::new(vec![])), Word::Result(Value::Null));
    }

    #[test]
    fn what_the_api_sends_reads_back() {
        let sent = ResolveSignal { recorded: true, ..ResolveSignal::default() };
        let json = serde_json::to_string(&sent).expect("json");
        assert_eq!(json, r#"{"recorded":true}"#);
        assert_eq!(Word::resolve(&typed(&json)), Word::Resolve(sent));
    }
}
