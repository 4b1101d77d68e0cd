//! What a notification says, without its topic. Its texts are no Markdown, since none of them asks for that.
//!
//! What follows of an incident or a cause replaces its notification on servers from 2.16 on, by its sequence; older
//! ones show a new one. A failed reprocess is one of its own, so that it is noticed.

use domain::alert::{AlertFacts, AlertKind};
use domain::ids::IncidentId;
use domain::notice::NoticeFacts;
use domain::project::Mode;
use domain::urgency::Urgency;
use serde_json::{Value, json};

use crate::destinations::{NoticeMessage, cut};

const TITLE: usize = 200;
/// A message may have 4,096 bytes, and a character has four at most. Its last line is the project.
const MESSAGE: usize = 1_000;
/// A project's name has up to 255 characters, and its mode follows.
const ORIGIN: usize = 270;

/// How loud it is, as ntfy counts it.
const URGENT: u8 = 5;
const HIGH: u8 = 4;
const DEFAULT: u8 = 3;
const LOW: u8 = 2;

/// The notification about an incident; `conversation` is the one that began the episode of its cause.
#[must_use]
pub fn alert_notification(conversation: IncidentId, facts: &AlertFacts) -> Value {
    let (priority, tag) = match facts.kind {
        AlertKind::IncidentOpened | AlertKind::ReprocessFailed => {
            (in_mode(loud(facts.urgency()), facts.mode), "rotating_light")
        }
        AlertKind::IncidentAcknowledged => (LOW, "eyes"),
        AlertKind::IncidentResolved => (DEFAULT, "white_check_mark"),
    };
    let trial = "This is a test message. No customer is affected.\n";
    let trial = if facts.test_message { trial } else { "" };
    let error =
        facts.quotes().into_iter().map(|quote| format!("\n{}: {}", quote.label, quote.text));
    let error: String = error.collect();
    let text = format!("{trial}{}. {}{error}", facts.standing(), facts.explanation());
    let message = with_origin(&text, &facts.origin());
    let (link, url) = ("Open the incident", facts.incident_url.as_str());
    let mut notification = notification(&facts.heading(), &message, priority, tag, (link, url));
    if !facts.test_message && facts.kind != AlertKind::ReprocessFailed {
        notification["sequence_id"] = json!(conversation.to_string());
    }
    notification
}

/// The notification of what no single incident shows.
#[must_use]
pub fn notice_notification(notice: &NoticeMessage) -> Value {
    let text = notice.facts.text(&notice.origin);
    let mode = notice.origin.mode;
    let (priority, tag) = match &notice.facts {
        NoticeFacts::CauseUpdated(facts) => (loud(facts.urgency(mode)), "rotating_light"),
        NoticeFacts::IncidentsWaiting(facts) => (loud(facts.urgency(mode)), "rotating_light"),
        NoticeFacts::ReceiptsSilent(_) => (HIGH, "rotating_light"),
        NoticeFacts::CauseEnded(_) | NoticeFacts::ReceiptsResumed(_) => {
            (DEFAULT, "white_check_mark")
        }
        NoticeFacts::ResultsUnclaimed(_)
        | NoticeFacts::DestinationBroken(_)
        | NoticeFacts::PolicyStopped(_)
        | NoticeFacts::ExtensionSilent(_)
        | NoticeFacts::AlertsDigest(_) => (DEFAULT, "warning"),
    };
    let priority = in_mode(priority, mode);
    let lists = text.lists.iter().map(|list| {
        let items: Vec<_> = list.items.iter().map(|item| item.text.as_str()).collect();
        format!("\n{}: {}", list.title, items.join(", "))
    });
    let said = format!("{}{}", text.explanation, lists.collect::<String>());
    let message = with_origin(&said, &text.origin);
    let mut notification =
        notification(&text.heading, &message, priority, tag, (text.link, &text.url));
    if let Some(conversation) = notice.conversation {
        notification["sequence_id"] = json!(conversation.to_string());
    }
    notification
}

fn notification(
    title: &str,
    message: &str,
    priority: u8,
    tag: &str,
    (link, url): (&str, &str),
) -> Value {
    json!({
        "title": cut(title, TITLE),
        "message": message,
        "priority": priority,
        "tags": [tag],
        "click": url,
        "actions": [{ "action": "view", "label": link, "url": url }],
    })
}

/// What a message says, as much of it as leaves room for whose it is: a project that is live, or a test.
fn with_origin(said: &str, origin: &str) -> String {
    let origin = cut(origin, ORIGIN);
    format!("{}\n{origin}", cut(said, MESSAGE - origin.chars().count() - 1))
}

/// How loud it is that customers wait.
const fn loud(urgency: Urgency) -> u8 {
    match urgency {
        Urgency::Normal => HIGH,
        Urgency::High | Urgency::Critical => URGENT,
    }
}

/// In a test project no customer waits.
fn in_mode(priority: u8, mode: Mode) -> u8 {
    match mode {
        Mode::Live => priority,
        Mode::Test => priority.min(DEFAULT),
    }
}
