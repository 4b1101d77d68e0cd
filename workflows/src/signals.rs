//! What people and the API say to a running watch.
//!
//! The same signal comes from two sides. The API sends it after a commit, with the id of what it
//! recorded ([`domain::outbox`]); a user of the `temporal` command line sends it bare, and the
//! watch has it recorded first. Anyone who enters an id as the API sends it claims that something
//! is recorded; the database is asked whether it is. Input entered manually may be missing or
//! malformed, and a signal that cannot be decoded would block its workflow. So it is read field by
//! field: what is valid is kept, and what is not is passed on as [`InputNotes`], which the store
//! puts on the event's timeline.

use domain::ids::ReplayId;
use domain::outbox::{RecordedReprocess, RecordedResolution, RecordedResult};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use temporalio_common::data_converters::RawValue;

use crate::signal_input::{InputNotes, SignalInput};

/// How each signal's input looks.
const REPROCESS: &str = r#"{"requested_by":"alice","note":"…"}"#;
const RESOLVE: &str = r#"{"resolved_by":"alice","note":"…"}"#;
const RESULT: &str = r#"{"status":"success","reported_by":"alice"}"#;

/// The fields of a result that is entered manually.
const RESULT_FIELDS: [&str; 5] =
    ["status", "error_code", "error_message", "replay_id", "reported_by"];

/// Input of `reprocess` as a user entered it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReprocessSignal {
    /// Who asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What of the input was not understood.
    #[serde(skip)]
    pub notes: InputNotes,
}

/// Input of `resolve` as a user entered it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResolveSignal {
    /// Who resolves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolved_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What of the input was not understood.
    #[serde(skip)]
    pub notes: InputNotes,
}

/// Input of `result` as a user entered it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ResultSignal {
    /// The input; the store judges it.
    pub body: Value,
    /// What of the input was not understood.
    pub notes: InputNotes,
}

/// One thing that was said to the watch.
#[derive(Debug, Clone, PartialEq)]
pub enum SignalMessage {
    /// A result that is in the database, as the API sends it; a user may have entered it, so what
    /// it says is kept.
    Recorded(RecordedResult, ResultSignal),
    /// A result entered manually.
    Result(ResultSignal),
    /// A reprocess that is in the database, likewise.
    RecordedReprocess(RecordedReprocess, ReprocessSignal),
    /// A request to reprocess, entered manually.
    Reprocess(ReprocessSignal),
    /// A resolution that is in the database, likewise.
    RecordedResolution(ResolveSignal),
    /// A manual resolution.
    Resolve(ResolveSignal),
    /// An acknowledgement that is in the database.
    Acknowledged,
}

impl SignalMessage {
    /// Reads the input of `result`.
    #[must_use]
    pub fn result(input: &RawValue) -> Self {
        let mut read = SignalInput::read(input, RESULT);
        let recorded = serde_json::from_value(read.body.clone()).ok();
        read.ignore_all_but(&RESULT_FIELDS, recorded.is_some().then_some("result_id"));
        let said = ResultSignal { body: read.body, notes: read.notes };
        match recorded {
            Some(recorded) => Self::Recorded(recorded, said),
            None => Self::Result(said),
        }
    }

    /// Reads the input of `reprocess`.
    #[must_use]
    pub fn reprocess(input: &RawValue) -> Self {
        let mut read = SignalInput::read(input, REPROCESS);
        let recorded = read.recorded();
        let _: Option<ReplayId> = read.take("replay_id", "leave it out");
        let (requested_by, note) = (read.text("requested_by"), read.text("note"));
        read.ignore_all_but(&["requested_by", "note"], Some("replay_id"));
        let said = ReprocessSignal { requested_by, note, notes: read.notes };
        match recorded {
            Some(recorded) => Self::RecordedReprocess(recorded, said),
            None => Self::Reprocess(said),
        }
    }

    /// Reads the input of `resolve`.
    #[must_use]
    pub fn resolve(input: &RawValue) -> Self {
        let mut read = SignalInput::read(input, RESOLVE);
        let recorded = read.recorded();
        let _: Option<bool> = read.take("recorded", "leave it out");
        let (resolved_by, note) = (read.text("resolved_by"), read.text("note"));
        read.ignore_all_but(&["resolved_by", "note"], Some("recorded"));
        let said = ResolveSignal { resolved_by, note, notes: read.notes };
        match recorded {
            Some(RecordedResolution { recorded: true }) => Self::RecordedResolution(said),
            Some(RecordedResolution { recorded: false }) | None => Self::Resolve(said),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::effect_result::Outcome;
    use domain::outbox::OutboxMessage;
    use temporalio_common::protos::temporal::api::common::v1::Payload;

    fn typed(json: &str) -> RawValue {
        RawValue::new(vec![Payload { data: json.as_bytes().to_vec(), ..Payload::default() }])
    }

    fn reprocess(json: &str) -> ReprocessSignal {
        match SignalMessage::reprocess(&typed(json)) {
            SignalMessage::Reprocess(signal) => signal,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_wish_typed_by_hand_keeps_its_words() {
        let signal = reprocess(r#"{"requested_by":"alice","note":"queue was down"}"#);
        assert_eq!(signal.requested_by.as_deref(), Some("alice"));
        assert_eq!(signal.note.as_deref(), Some("queue was down"));
        assert_eq!(signal.notes, InputNotes::default());
    }

    #[test]
    fn no_input_is_an_empty_request() {
        for input in [RawValue::new(vec![]), typed(""), typed("{}")] {
            assert_eq!(
                SignalMessage::reprocess(&input),
                SignalMessage::Reprocess(ReprocessSignal::default())
            );
            assert_eq!(
                SignalMessage::resolve(&input),
                SignalMessage::Resolve(ResolveSignal::default())
            );
        }
    }

    #[test]
    fn what_is_no_object_is_rejected_with_what_would_be_right() {
        for input in ["alice", "[\"a\"]", "\"alice\"", "7", "null", "true", "{\"note\":"] {
            let rejected = reprocess(input).notes.rejected.expect("rejected");
            assert!(rejected.contains(input), "{rejected}");
            assert!(rejected.ends_with(REPROCESS), "{rejected}");
            let SignalMessage::Resolve(signal) = SignalMessage::resolve(&typed(input)) else {
                panic!("{input}")
            };
            assert!(signal.notes.rejected.expect("rejected").ends_with(RESOLVE), "{input}");
            let SignalMessage::Result(signal) = SignalMessage::result(&typed(input)) else {
                panic!("{input}")
            };
            assert!(signal.notes.rejected.expect("rejected").ends_with(RESULT), "{input}");
        }
    }

    #[test]
    fn what_is_valid_is_kept_and_what_is_not_is_named() {
        let signal = reprocess(r#"{"requested_by":7,"note":"n","replay_id":"x","Note":"y"}"#);
        assert_eq!(signal.note.as_deref(), Some("n"));
        assert_eq!(signal.requested_by, None);
        let ignored = signal.notes.ignored;
        assert_eq!(
            ignored,
            [
                r#"replay_id is "x"; leave it out"#,
                "requested_by is 7; write a text",
                "Note is unknown; the fields are requested_by, note",
            ]
        );
        let SignalMessage::Result(signal) =
            SignalMessage::result(&typed(r#"{"status":"success","event_id":"ev"}"#))
        else {
            panic!("no typed result")
        };
        assert_eq!(signal.body["status"], "success");
        assert_eq!(signal.notes.ignored.len(), 1, "{:?}", signal.notes);
    }

    #[test]
    fn nothing_that_is_dropped_is_dropped_without_a_word() {
        let signal = reprocess(r#"{"requested_by":"bob","requested_by":"alice"}"#);
        assert_eq!(signal.requested_by.as_deref(), Some("alice"));
        assert_eq!(signal.notes.ignored, ["requested_by is there twice; the last one counts"]);
        let payload = |json: &str| Payload { data: json.as_bytes().to_vec(), ..Payload::default() };
        let two = RawValue::new(vec![payload("{}"), payload(r#"{"note":"n"}"#)]);
        let SignalMessage::Reprocess(signal) = SignalMessage::reprocess(&two) else {
            panic!("another word")
        };
        assert_eq!(signal.notes.ignored, ["2 inputs were given; only the first one counts"]);
    }

    #[test]
    fn what_is_handed_on_is_bounded_whatever_was_typed() {
        let many: Vec<_> = (0..50_000).map(|n| format!("\"field_{n}\":\"{n}\"")).collect();
        let notes = reprocess(&format!("{{{}}}", many.join(","))).notes.ignored;
        assert_eq!(notes.len(), 11, "{notes:?}");
        assert_eq!(notes[10], "49990 more fields are unknown");
        let manual_result = |json: &str| match SignalMessage::result(&typed(json)) {
            SignalMessage::Result(signal) => signal,
            other => panic!("{other:?}"),
        };
        let signal =
            manual_result(&format!(r#"{{"status":"failed","x":"{}"}}"#, "x".repeat(1_000_000)));
        assert_eq!(signal.body, serde_json::json!({"status": "failed"}));
        let long = "é".repeat(500_000);
        let signal = manual_result(&format!(r#"{{"status":"failed","error_message":"{long}"}}"#));
        assert_eq!(
            signal.body["error_message"].as_str().map(|text| text.chars().count()),
            Some(10_000)
        );
    }

    #[test]
    fn only_a_recorded_result_counts_as_recorded() {
        let recorded = r#"{"result_id":"res_00000000000000000000000001","status":"success"}"#;
        assert!(matches!(SignalMessage::result(&typed(recorded)), SignalMessage::Recorded(..)));
        let newer = recorded.replace("success", "voided_by_law");
        assert!(
            matches!(SignalMessage::result(&typed(&newer)), SignalMessage::Recorded(..)),
            "by another release"
        );
        assert!(matches!(
            SignalMessage::result(&typed(r#"{"status":"success"}"#)),
            SignalMessage::Result(_)
        ));
        let nothing = ResultSignal { body: Value::Null, notes: InputNotes::default() };
        assert_eq!(SignalMessage::result(&RawValue::new(vec![])), SignalMessage::Result(nothing));
    }

    #[test]
    fn every_message_of_the_outbox_reads_back_as_recorded() {
        let result_id = "res_00000000000000000000000001".parse().expect("an id");
        let replay_id = "rpl_00000000000000000000000001".parse().expect("an id");
        let result = RecordedResult { result_id, status: Outcome::Failed.into() };
        let reprocess = RecordedReprocess { replay_id };
        let sent = |message: OutboxMessage| typed(&message.payload().to_string());
        let read = [
            SignalMessage::result(&sent(OutboxMessage::Result(result.clone()))),
            SignalMessage::reprocess(&sent(OutboxMessage::Reprocess(reprocess))),
            SignalMessage::resolve(&sent(OutboxMessage::Resolve)),
        ];
        let body = OutboxMessage::Result(result.clone()).payload();
        let signal = ResultSignal { body, notes: InputNotes::default() };
        let recorded = [
            SignalMessage::Recorded(result, signal),
            SignalMessage::RecordedReprocess(reprocess, ReprocessSignal::default()),
            SignalMessage::RecordedResolution(ResolveSignal::default()),
        ];
        assert_eq!(read, recorded);
    }

    #[test]
    fn what_looks_recorded_and_is_not_is_read_as_typed() {
        for (input, ignored) in [
            (r#"{"recorded":false}"#, 0),
            (r#"{"recorded":"yes"}"#, 1),
            (r#"{"recorded":null}"#, 0),
            ("[true]", 0),
        ] {
            let SignalMessage::Resolve(signal) = SignalMessage::resolve(&typed(input)) else {
                panic!("{input}")
            };
            assert_eq!(signal.notes.ignored.len(), ignored, "{input}");
        }
        for input in [r#"["rpl_00000000000000000000000001"]"#, r#"{"replay_id":"rpl_1"}"#] {
            assert!(
                matches!(SignalMessage::reprocess(&typed(input)), SignalMessage::Reprocess(_)),
                "{input}"
            );
        }
    }
}
