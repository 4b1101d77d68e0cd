//! What people and the API say to a running watch.
//!
//! The same signal comes from two sides. The API sends it after a commit, with the id of what it
//! recorded ([`domain::outbox`]); a user of the `temporal` command line sends it bare, and the
//! watch has it recorded first. Anyone who enters an id as the API sends it claims that something
//! is recorded; the database is asked whether it is. Input entered manually may be missing or
//! malformed, and a signal that cannot be decoded would block its workflow. So it is read field by
//! field: what is valid is kept, and what is not is passed on as [`InputNotes`], which the store
//! puts on the event's timeline.

use domain::ids::{EventId, ReplayId};
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

/// The fields by which the API's result names its event, and the id under which it is recorded. A
/// result that is copied from there may have them: they must fit, or nothing is recorded.
///
/// The API's own list in `domain` shares names with this one and is another on purpose: this one
/// decides the commands of histories, so it stays as they found it while the API's may grow.
const RESULT_IDENTITY: [&str; 9] = [
    "result_id",
    "provider_event_id",
    "stripe_event_id",
    "provider",
    "shopify_shop_domain",
    "event_type",
    "effect_type",
    "internal_reference",
    "effect_key",
];

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

impl ResultSignal {
    /// Whether it says no more than the API does of a result that it recorded.
    #[must_use]
    pub fn is_bare(&self) -> bool {
        let of_api = |name: &String| ["result_id", "status"].contains(&name.as_str());
        self.notes.is_empty() && self.body.as_object().is_some_and(|body| body.keys().all(of_api))
    }
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
    /// Reads the input of `result`, signalled to the watch of this event.
    #[must_use]
    pub fn result(event_id: EventId, input: &RawValue) -> Self {
        let mut read = SignalInput::read(input, RESULT);
        read.reject_other_event(event_id);
        let recorded = serde_json::from_value(read.body.clone()).ok();
        let identity = &RESULT_IDENTITY[usize::from(recorded.is_none())..];
        read.ignore_all_but(&RESULT_FIELDS, identity);
        let said = ResultSignal { body: read.body, notes: read.notes };
        match recorded {
            Some(recorded) => Self::Recorded(recorded, said),
            None => Self::Result(said),
        }
    }

    /// Reads the input of `reprocess`, signalled to the watch of this event.
    #[must_use]
    pub fn reprocess(event_id: EventId, input: &RawValue) -> Self {
        let mut read = SignalInput::read(input, REPROCESS);
        read.reject_other_event(event_id);
        let recorded = read.recorded();
        let _: Option<ReplayId> = read.take("replay_id", "leave it out");
        let (requested_by, note) = (read.text("requested_by"), read.text("note"));
        read.ignore_all_but(&["requested_by", "note"], &["replay_id"]);
        let said = ReprocessSignal { requested_by, note, notes: read.notes };
        match recorded {
            Some(recorded) => Self::RecordedReprocess(recorded, said),
            None => Self::Reprocess(said),
        }
    }

    /// Reads the input of `resolve`, signalled to the watch of this event.
    #[must_use]
    pub fn resolve(event_id: EventId, input: &RawValue) -> Self {
        let mut read = SignalInput::read(input, RESOLVE);
        read.reject_other_event(event_id);
        let recorded = read.recorded();
        let _: Option<bool> = read.take("recorded", "leave it out");
        let (resolved_by, note) = (read.text("resolved_by"), read.text("note"));
        read.ignore_all_but(&["resolved_by", "note"], &["recorded"]);
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

    const EVENT: EventId = EventId::from_uuid(uuid::Uuid::from_u128(1));

    fn typed(json: &str) -> RawValue {
        RawValue::new(vec![Payload { data: json.as_bytes().to_vec(), ..Payload::default() }])
    }

    fn reprocess(json: &str) -> ReprocessSignal {
        match SignalMessage::reprocess(EVENT, &typed(json)) {
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
    fn what_is_meant_for_another_event_is_rejected_whatever_else_it_says() {
        let of =
            |event_id: &str| typed(&format!(r#"{{"event_id":{event_id},"status":"success"}}"#));
        let all = |input: &RawValue| {
            let read = [
                SignalMessage::reprocess(EVENT, input),
                SignalMessage::resolve(EVENT, input),
                SignalMessage::result(EVENT, input),
            ];
            read.map(|message| match message {
                SignalMessage::Reprocess(signal) => signal.notes.rejected,
                SignalMessage::Resolve(signal) => signal.notes.rejected,
                SignalMessage::Result(signal) => signal.notes.rejected,
                other => panic!("{other:?}"),
            })
        };
        for theirs in [r#""ev_00000000000000000000000002""#, r#""ev""#, "7", "[]"] {
            for why in all(&of(theirs)) {
                let why = why.expect("rejected");
                assert!(why.contains(theirs) && why.contains(&EVENT.to_string()), "{why}");
            }
        }
        for ours in [format!(r#"" {EVENT} ""#), "null".to_owned(), r#""""#.to_owned()] {
            assert_eq!(all(&of(&ours)), [None, None, None], "{ours}");
        }
    }

    #[test]
    fn a_result_keeps_what_names_its_event_and_only_the_apis_own_is_bare() {
        let read = |json: &str| match SignalMessage::result(EVENT, &typed(json)) {
            SignalMessage::Recorded(_, signal) | SignalMessage::Result(signal) => signal,
            other => panic!("{other:?}"),
        };
        let result_id = r#""result_id":"res_00000000000000000000000001","status":"success""#;
        let copied = read(r#"{"status":"success","provider_event_id":"evt_1","effect_type":"x"}"#);
        assert_eq!(copied.body["provider_event_id"], "evt_1");
        assert_eq!((copied.notes.is_empty(), copied.is_bare()), (true, false));
        assert!(read(&format!("{{{result_id}}}")).is_bare());
        for more in [r#""colour":"blue""#, r#""effect_type":"x""#, r#""event_id":"ev_2""#] {
            assert!(!read(&format!("{{{result_id},{more}}}")).is_bare(), "{more}");
        }
    }

    #[test]
    fn no_input_is_an_empty_request() {
        for input in [RawValue::new(vec![]), typed(""), typed("{}")] {
            assert_eq!(
                SignalMessage::reprocess(EVENT, &input),
                SignalMessage::Reprocess(ReprocessSignal::default())
            );
            assert_eq!(
                SignalMessage::resolve(EVENT, &input),
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
            let SignalMessage::Resolve(signal) = SignalMessage::resolve(EVENT, &typed(input))
            else {
                panic!("{input}")
            };
            assert!(signal.notes.rejected.expect("rejected").ends_with(RESOLVE), "{input}");
            let SignalMessage::Result(signal) = SignalMessage::result(EVENT, &typed(input)) else {
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
            SignalMessage::result(EVENT, &typed(r#"{"status":"success","colour":"blue"}"#))
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
        let SignalMessage::Reprocess(signal) = SignalMessage::reprocess(EVENT, &two) else {
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
        let manual_result = |json: &str| match SignalMessage::result(EVENT, &typed(json)) {
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
        assert!(matches!(
            SignalMessage::result(EVENT, &typed(recorded)),
            SignalMessage::Recorded(..)
        ));
        let newer = recorded.replace("success", "voided_by_law");
        assert!(
            matches!(SignalMessage::result(EVENT, &typed(&newer)), SignalMessage::Recorded(..)),
            "by another release"
        );
        assert!(matches!(
            SignalMessage::result(EVENT, &typed(r#"{"status":"success"}"#)),
            SignalMessage::Result(_)
        ));
        let nothing = ResultSignal { body: Value::Null, notes: InputNotes::default() };
        assert_eq!(
            SignalMessage::result(EVENT, &RawValue::new(vec![])),
            SignalMessage::Result(nothing)
        );
    }

    #[test]
    fn every_message_of_the_outbox_reads_back_as_recorded() {
        let result_id = "res_00000000000000000000000001".parse().expect("an id");
        let replay_id = "rpl_00000000000000000000000001".parse().expect("an id");
        let result = RecordedResult { result_id, status: Outcome::Failed.into() };
        let reprocess = RecordedReprocess { replay_id };
        let sent = |message: OutboxMessage| typed(&message.payload().to_string());
        let read = [
            SignalMessage::result(EVENT, &sent(OutboxMessage::Result(result.clone()))),
            SignalMessage::reprocess(EVENT, &sent(OutboxMessage::Reprocess(reprocess))),
            SignalMessage::resolve(EVENT, &sent(OutboxMessage::Resolve)),
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
            let SignalMessage::Resolve(signal) = SignalMessage::resolve(EVENT, &typed(input))
            else {
                panic!("{input}")
            };
            assert_eq!(signal.notes.ignored.len(), ignored, "{input}");
        }
        for input in [r#"["rpl_00000000000000000000000001"]"#, r#"{"replay_id":"rpl_1"}"#] {
            assert!(
                matches!(
                    SignalMessage::reprocess(EVENT, &typed(input)),
                    SignalMessage::Reprocess(_)
                ),
                "{input}"
            );
        }
    }
}
