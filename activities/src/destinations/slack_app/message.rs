//! The message of an app: the blocks of every Slack message, and buttons while there is something to do
//! (<https://docs.slack.dev/reference/block-kit/blocks/actions-block>).
//!
//! The block of the buttons is named by the destination, whose secret verifies what comes back, and each button holds
//! its incident, or its cause. Many are reprocessed only after a preview and with a note, so that button is a link to where
//! the preview is made; Slack says of it too that it was pressed, and that asks for nothing.

use domain::alert::{AlertFacts, AlertKind};
use domain::cause::Cause;
use domain::ids::DestinationId;
use domain::notice::{NoticeFacts, NoticeText};
use domain::reminder::ReminderReason;
use domain::slack_action::{OPEN_PAGE, SlackCauseOrder, SlackOrder};
use serde_json::{Value, json};

use crate::destinations::slack;

/// The longest address of a button, in UTF-16 units
/// (<https://docs.slack.dev/reference/block-kit/block-elements/button-element>).
const URL: usize = 3_000;

/// The message about an incident.
#[must_use]
pub fn alert_message(destination_id: DestinationId, facts: &AlertFacts) -> Value {
    let buttons: Vec<_> = orders(facts).iter().map(|order| button(*order, facts)).collect();
    with_buttons(slack::payload(facts), destination_id, &buttons)
}

/// The message of a notice; of one about a cause with the buttons of what is left to do.
#[must_use]
pub fn notice_message(
    destination_id: DestinationId,
    facts: &NoticeFacts,
    text: &NoticeText,
) -> Value {
    let buttons = cause_buttons(facts, text).unwrap_or_default();
    with_buttons(slack::notice_payload(text), destination_id, &buttons)
}

/// Puts buttons above the line that says where a message comes from.
fn with_buttons(mut message: Value, destination_id: DestinationId, buttons: &[Value]) -> Value {
    if let Some(blocks) = message["blocks"].as_array_mut().filter(|_| !buttons.is_empty()) {
        let block_id = destination_id.to_string();
        let at = blocks.len().saturating_sub(1);
        blocks.insert(at, json!({ "type": "actions", "block_id": block_id, "elements": buttons }));
    }
    message
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

/// The buttons of a message about a cause of which something is not resolved.
fn cause_buttons(facts: &NoticeFacts, text: &NoticeText) -> Option<Vec<Value>> {
    let (cause, orders) = cause_orders(facts)?;
    let buttons = orders.iter().map(|order| cause_button(*order, cause));
    Some(buttons.chain(reprocess_link(&text.url)).collect())
}

/// What can be done about the cause that a notice is about.
fn cause_orders(facts: &NoticeFacts) -> Option<(&Cause, &'static [SlackCauseOrder])> {
    const OPEN: &[SlackCauseOrder] = &[SlackCauseOrder::AcknowledgeAll, SlackCauseOrder::SnoozeAll];
    const SEEN: &[SlackCauseOrder] = &[SlackCauseOrder::SnoozeAll];
    match facts {
        NoticeFacts::CauseUpdated(facts) if facts.states.total() == 0 => None,
        NoticeFacts::CauseUpdated(facts) => {
            Some((&facts.cause, if facts.states.open > 0 { OPEN } else { SEEN }))
        }
        NoticeFacts::IncidentsWaiting(facts) => {
            let orders = match facts.reason {
                ReminderReason::Reminder | ReminderReason::Escalated => OPEN,
                ReminderReason::CameBack => SEEN,
                ReminderReason::SnoozeOver | ReminderReason::Resolved => return None,
            };
            facts.cause.as_ref().map(|cause| (cause, orders))
        }
        NoticeFacts::CauseEnded(_)
        | NoticeFacts::AlertsDigest(_)
        | NoticeFacts::ResultsUnclaimed(_)
        | NoticeFacts::DestinationBroken(_)
        | NoticeFacts::PolicyStopped(_)
        | NoticeFacts::ExtensionSilent(_)
        | NoticeFacts::ReceiptsSilent(_)
        | NoticeFacts::ReceiptsResumed(_) => None,
    }
}

fn cause_button(order: SlackCauseOrder, cause: &Cause) -> Value {
    let mut button = json!({
        "type": "button",
        "action_id": order.as_str(),
        "text": plain(order.title()),
        "value": cause.id().to_string(),
    });
    if order == SlackCauseOrder::AcknowledgeAll {
        button["confirm"] = json!({
            "title": plain("Acknowledge all of this cause?"),
            "text": plain("All of its incidents that are open when you confirm, also those that opened since this message."),
            "confirm": plain("Acknowledge all"),
            "deny": plain("Cancel"),
        });
    }
    button
}

/// To where the preview is made, on the list of the cause; none where its address is too long, which would cost the whole
/// message.
fn reprocess_link(list: &str) -> Option<Value> {
    let url = format!("{list}#all");
    let fits = url.encode_utf16().count() <= URL;
    fits.then(|| json!({ "type": "button", "action_id": OPEN_PAGE, "text": plain("Reprocess…"), "url": url }))
}

fn plain(text: &str) -> Value {
    json!({ "type": "plain_text", "text": text, "emoji": false })
}
