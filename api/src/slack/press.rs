//! A pressed button, out of the form that Slack sends
//! (<https://docs.slack.dev/reference/interaction-payloads/block_actions-payload>). Nothing of it is true before its
//! signature was verified, and its `token` is not even read.

use domain::destination::SlackUserId;
use domain::ids::{CauseId, DestinationId, IncidentId};
use domain::slack_action::{SlackCauseOrder, SlackOrder};
use serde_json::Value;

pub(super) struct Press {
    pub(super) destination_id: DestinationId,
    pub(super) user: SlackUserId,
    pub(super) asks: Asks,
    /// Slack's `action_ts`, which no other press of this person has.
    pub(super) pressed_at: String,
    pub(super) response_url: Option<String>,
}

/// What a button asks for. An id is none where the button holds none of that kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asks {
    Incident(SlackOrder, Option<IncidentId>),
    Cause(SlackCauseOrder, Option<CauseId>),
    /// It opens a page, or is none of ours.
    Nothing,
}

impl Asks {
    fn read(action_id: &str, value: Option<&str>) -> Self {
        if let Ok(order) = action_id.parse() {
            return Self::Incident(order, value.and_then(|value| value.parse().ok()));
        }
        match action_id.parse() {
            Ok(order) => Self::Cause(order, value.and_then(|value| value.parse().ok())),
            Err(_) => Self::Nothing,
        }
    }
}

impl Press {
    /// Reads a body; nothing where it is no press of a button of a destination.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let (_, payload) = form_urlencoded::parse(body).find(|(name, _)| name == "payload")?;
        let payload: Value = serde_json::from_str(&payload).ok()?;
        if payload["type"] != "block_actions" {
            return None;
        }
        let action = &payload["actions"][0];
        Some(Self {
            destination_id: action["block_id"].as_str()?.parse().ok()?,
            user: SlackUserId::parse(payload["user"]["id"].as_str()?).ok()?,
            asks: Asks::read(action["action_id"].as_str()?, action["value"].as_str()),
            pressed_at: action["action_ts"].as_str()?.chars().take(40).collect(),
            response_url: payload["response_url"].as_str().map(str::to_owned),
        })
    }
}

#[cfg(test)]
mod tests {
    use domain::slack_action::OPEN_PAGE;
    use serde_json::json;

    use super::*;

    fn read(payload: &Value) -> Option<Press> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        Press::read(form.append_pair("payload", &payload.to_string()).finish().as_bytes())
    }

    fn payload() -> Value {
        json!({
            "type": "block_actions",
            "user": { "id": "U0123ABCDEF" },
            "response_url": "https://hooks.slack.com/actions/T0/1/abc",
            "actions": [{
                "block_id": "dst_00000000000000000000000001", "action_id": "reprocess",
                "value": "inc_00000000000000000000000001", "action_ts": "1503435956.000247",
            }],
        })
    }

    #[test]
    fn a_press_is_read_and_what_is_none_is_not() {
        let press = read(&payload()).expect("a press");
        assert!(matches!(press.asks, Asks::Incident(SlackOrder::Reprocess, Some(_))));
        assert_eq!(press.pressed_at, "1503435956.000247");
        assert!(press.response_url.is_some());
        for (name, value) in [
            ("/type", json!("view_submission")),
            ("/user/id", json!("bob")),
            ("/actions", json!([])),
            ("/actions/0/block_id", json!("dst_1")),
            ("/actions/0/action_ts", json!(1)),
        ] {
            let mut payload = payload();
            *payload.pointer_mut(name).expect("a part") = value;
            assert!(read(&payload).is_none(), "{name}");
        }
        for body in [&b""[..], b"payload=", b"payload=%FF", b"{}", b"payload=[1]"] {
            assert!(Press::read(body).is_none(), "{body:?}");
        }
    }

    #[test]
    fn a_button_asks_for_what_it_is_and_of_what_it_holds() {
        let asked = |action_id: &str, value: Value| {
            let mut payload = payload();
            payload["actions"][0]["action_id"] = json!(action_id);
            payload["actions"][0]["value"] = value;
            read(&payload).expect("a press").asks
        };
        let cause = json!("cau_00000000000000000000000001");
        let all = asked("acknowledge_all", cause.clone());
        assert!(matches!(all, Asks::Cause(SlackCauseOrder::AcknowledgeAll, Some(_))), "{all:?}");
        let none = asked("snooze_all", json!("inc_00000000000000000000000001"));
        assert_eq!(none, Asks::Cause(SlackCauseOrder::SnoozeAll, None));
        assert_eq!(asked("acknowledge", cause), Asks::Incident(SlackOrder::Acknowledge, None));
        assert_eq!(
            asked("acknowledge", json!("inc_1")),
            Asks::Incident(SlackOrder::Acknowledge, None)
        );
        for action_id in [OPEN_PAGE, "approve", ""] {
            assert_eq!(asked(action_id, json!(null)), Asks::Nothing, "{action_id}");
        }
    }
}
