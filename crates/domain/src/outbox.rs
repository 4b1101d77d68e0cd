//! The message to Temporal about one event, and its form.
//!
//! A transition writes a message to the outbox in its own transaction; a relay starts the event's
//! watch with it or signals it. Both ends are of one release most of the time and of two during an
//! upgrade, so the texts and fields here are only added to. A payload holds ids and states, never
//! the app's text: what is reported is committed already, and the watch asks the database for the
//! rest.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::effect_result::Outcome;
use crate::ids::{ReplayId, ResultId};
use crate::or_unknown::OrUnknown;
use crate::text_enum::text_enum;

text_enum! {
    /// Which message it is: the text of its row, and of a signal also the name.
    OutboxKind {
        Start = "start",
        Restart = "restart",
        Result = "result",
        Reprocess = "reprocess",
        Resolve = "resolve",
        Acknowledged = "acknowledged",
    }
}

/// The [leeway](OutboxMessage::leeway) of a success.
const AFTER_SUCCESS: Duration = Duration::from_secs(30);

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutboxMessage {
    /// Start the watch.
    Start,
    /// Start a new run of the watch if none runs; for events that were left alone.
    Restart,
    /// A result was recorded.
    Result(RecordedResult),
    /// A reprocess was recorded.
    Reprocess(RecordedReprocess),
    /// The incident was resolved by an operator.
    Resolve,
    /// The incident was acknowledged, or for another reason the watch shall ask for its event's
    /// state.
    Acknowledged,
}

/// Payload of `result`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedResult {
    /// The recorded result.
    pub result_id: ResultId,
    /// What it said.
    pub status: OrUnknown<Outcome>,
}

/// Payload of `reprocess`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedReprocess {
    /// The recorded reprocess.
    pub replay_id: ReplayId,
}

/// Payload of `resolve`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedResolution {
    /// Whether the resolution is in the database: always, from the outbox.
    pub recorded: bool,
}

impl OutboxMessage {
    /// Which one it is.
    #[must_use]
    pub const fn kind(&self) -> OutboxKind {
        match self {
            Self::Start => OutboxKind::Start,
            Self::Restart => OutboxKind::Restart,
            Self::Result(_) => OutboxKind::Result,
            Self::Reprocess(_) => OutboxKind::Reprocess,
            Self::Resolve => OutboxKind::Resolve,
            Self::Acknowledged => OutboxKind::Acknowledged,
        }
    }

    /// The payload of its row, which is the signal's input.
    #[must_use]
    pub fn payload(&self) -> Value {
        match self {
            Self::Start | Self::Restart | Self::Acknowledged => json!({}),
            Self::Result(recorded) => json!(recorded),
            Self::Reprocess(recorded) => json!(recorded),
            Self::Resolve => json!(RecordedResolution { recorded: true }),
        }
    }

    /// How long it may wait for other work. Nobody waits for the end of a watch whose effect has
    /// come. A start has until its event's deadline, or until extensions are asked before it, which is for
    /// its row to say.
    #[must_use]
    pub fn leeway(&self) -> Duration {
        match self {
            Self::Result(recorded) if recorded.status == Outcome::Succeeded => AFTER_SUCCESS,
            _ => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As they are in the tables and histories of every release so far.
    const STORED: [(&str, &str); 6] = [
        ("start", "{}"),
        ("restart", "{}"),
        ("result", r#"{"result_id":"res_00000000000000000000000001","status":"failed"}"#),
        ("reprocess", r#"{"replay_id":"rpl_00000000000000000000000001"}"#),
        ("resolve", r#"{"recorded":true}"#),
        ("acknowledged", "{}"),
    ];

    fn messages() -> [OutboxMessage; 6] {
        let result_id = "res_00000000000000000000000001".parse().expect("an id");
        let replay_id = "rpl_00000000000000000000000001".parse().expect("an id");
        [
            OutboxMessage::Start,
            OutboxMessage::Restart,
            OutboxMessage::Result(RecordedResult { result_id, status: Outcome::Failed.into() }),
            OutboxMessage::Reprocess(RecordedReprocess { replay_id }),
            OutboxMessage::Resolve,
            OutboxMessage::Acknowledged,
        ]
    }

    #[test]
    fn every_message_is_stored_as_it_always_was() {
        let stored = messages().map(|message| (message.kind(), message.payload().to_string()));
        let expected =
            STORED.map(|(kind, payload)| (kind.parse().expect("a kind"), payload.to_owned()));
        assert_eq!(stored, expected);
        assert_eq!(stored.map(|(kind, _)| kind), OutboxKind::ALL);
    }
}
