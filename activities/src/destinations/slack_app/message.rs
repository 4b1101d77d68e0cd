//! The message of an app: the blocks of every Slack message, and buttons while there is something to do
//! (<https://docs.slack.dev/reference/block-kit/blocks/actions-block>).
//!
//! The block of the buttons is named by the destination, whose secret verifies what comes back, and each button holds
//! its incident. No button is a link, so that Slack asks for nothing that is not one of [`SlackOrder`].

use domain::alert::{AlertFacts, AlertKind};
use domain::ids::DestinationId;
use domain::notice::NoticeText;
use domain::slack_action::SlackOrder;
use serde_json::{Value, json};

use crate::destinations::slack;

/// The message about an incident.
#[must_use]
pub fn alert_message(destination_id: DestinationId, facts: &AlertFacts) -> Value {
    let mut message = slack::payload(facts);
    let orders = orders(facts);
    if let Some(blocks) = message["blocks"].as_array_mut().filter(|_| !orders.is_empty()) {
        let buttons: Vec<_> = orders.iter().map(|order| button(*order, facts)).collect();
        let block_id = destination_id.to_string();
        // Above the line that says where it comes from.
        let at = blocks.len().saturating_sub(1);
        blocks.insert(at, json!({ "type": "actions", "block_id": block_id, "elements": buttons }));
    }
    message
}

/// The message of a notice.
#[must_use]
pub fn notice_message(text: &NoticeText) -> Value {
    slack::notice_payload(text)
}

/// The reply after which nobody has to see to a cause.
pub(super) fn nothing_waits() -> Value {
    let text = "No incident of this cause waits for an operator any more: each is acknowledged, or resolved.";
    json!({ "text": text, "blocks": [slack::section(text)] })
}

/// What can be done about an incident in the state that the alert tells.
fn orders(facts: &AlertFacts) -> &'static [SlackOrder] {
    use SlackOrder::{Acknowledge, Reprocess, Snooze};
    if facts.test_message {
        return &[];
    }
    match facts.kind {
        AlertKind::IncidentOpened | AlertKind::ReprocessFailed => &[Acknowledge, Reprocess, Snooze],
        AlertKind::IncidentAcknowledged => &[Reprocess, Snooze],
        AlertKind::IncidentResolved => &[],
    }
}

fn button(order: SlackOrder, facts: &AlertFacts) -> Value {
    let mut button = json!({
        "type": "button",
        "action_id": order.as_str(),
        "text": plain(order.title()),
        "value": facts.incident_id.to_string(),
    });
    if order == SlackOrder::Reprocess {
        let origin: String = facts.origin().chars().take(150).collect();
        let text = format!("Your app is asked once more to do it, by a callback. ({origin})");
        button["confirm"] = json!({
            "title": plain("Reprocess this incident?"),
            "text": plain(&text),
            "confirm": plain("Reprocess"),
            "deny": plain("Cancel"),
        });
    }
    button
}

fn plain(text: &str) -> Value {
    json!({ "type": "plain_text", "text": text, "emoji": false })
}
