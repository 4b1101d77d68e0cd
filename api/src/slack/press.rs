//! A pressed button, out of the form that Slack sends
//! (<https://docs.slack.dev/reference/interaction-payloads/block_actions-payload>). Nothing of it is true before its
//! signature was verified, and its `token` is not even read.

use domain::destination::SlackUserId;
use domain::ids::{DestinationId, IncidentId};
use domain::slack_action::SlackOrder;
use serde_json::Value;

pub(super) struct Press {
    pub(super) destination_id: DestinationId,
    pub(super) user: SlackUserId,
    /// None for a button that is none of ours.
    pub(super) order: Option<SlackOrder>,
    pub(super) incident_id: Option<IncidentId>,
    /// Slack's `action_ts`, which no other press of this person has.
    pub(super) pressed_at: String,
    pub(super) response_url: Option<String>,
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
            order: action["action_id"].as_str()?.parse().ok(),
            incident_id: action["value"].as_str().and_then(|value| value.parse().ok()),
            pressed_at: action["action_ts"].as_str()?.chars().take(40).collect(),
            response_url: payload["response_url"].as_str().map(str::to_owned),
        })
    }
}

#[cfg(test)]
mod tests {
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
        assert_eq!(press.order, Some(SlackOrder::Reprocess));
        assert_eq!(press.pressed_at, "1503435956.000247");
        assert!(press.incident_id.is_some() && press.response_url.is_some());
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
    fn a_button_of_somebody_else_asks_for_nothing() {
        let mut payload = payload();
        payload["actions"][0]["action_id"] = json!("open");
        payload["actions"][0]["value"] = json!("inc_1");
        let press = read(&payload).expect("a press");
        assert!(press.order.is_none() && press.incident_id.is_none());
    }
}
