//! What a watch is started with. Histories hold it, so fields are only added, and one that most
//! watches do without is left out of theirs.

use std::time::Duration;

use domain::ids::EventId;
use domain::watch::NextStep;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// What a watch is started with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchInput {
    pub event_id: EventId,
    /// Until when the app may report in time.
    #[serde(with = "time::serde::rfc3339")]
    pub timeout_at: OffsetDateTime,
    /// Whether this run continues a watch that an earlier run began.
    #[serde(default)]
    pub resumed: bool,
    /// How many milliseconds before the deadline extensions are asked, the earliest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ask_before_ms: Vec<u64>,
}

impl WatchInput {
    /// The input of a watch whose extensions are asked so long before the deadline, in any order.
    #[must_use]
    pub fn new(
        event_id: EventId,
        timeout_at: OffsetDateTime,
        resumed: bool,
        leads: &[Duration],
    ) -> Self {
        let mut ask_before_ms: Vec<_> = leads.iter().map(|lead| NextStep::millis(*lead)).collect();
        ask_before_ms.sort_unstable_by(|one, other| other.cmp(one));
        ask_before_ms.dedup();
        Self { event_id, timeout_at, resumed, ask_before_ms }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::macros::datetime;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_watch_without_extensions_has_the_input_of_before() {
        let (event_id, timeout_at) =
            (EventId::from_uuid(Uuid::nil()), datetime!(2026-11-29 3:00 UTC));
        let input = WatchInput::new(event_id, timeout_at, false, &[]);
        let before =
            json!({ "event_id": event_id, "timeout_at": "2026-11-29T03:00:00Z", "resumed": false });
        assert_eq!(json!(input), before);
        assert_eq!(serde_json::from_value::<WatchInput>(before).expect("read"), input);
    }

    #[test]
    fn the_earliest_is_asked_first_and_each_moment_once() {
        let at = |seconds| Duration::from_secs(seconds);
        let leads = [at(5), at(60), at(5)];
        let id = EventId::from_uuid(Uuid::nil());
        let input = WatchInput::new(id, datetime!(2026-11-29 3:00 UTC), false, &leads);
        assert_eq!(input.ask_before_ms, [60_000, 5_000]);
    }
}
