//! What an event says (<https://developer.pagerduty.com/docs/send-alert-event>), without the key of its service.
//!
//! Texts are cut to what PagerDuty takes; nothing in them is markup there.

use domain::alert::{AlertFacts, AlertKind, one_line};
use domain::ids::IncidentId;
use domain::notice::{CauseFacts, NoticeFacts};
use domain::project::Mode;
use domain::reminder::ReminderReason;
use domain::urgency::Urgency;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::destinations::{NoticeMessage, cut};

/// In characters.
const MAX_SUMMARY: usize = 1024;
/// Of one detail, in characters; the whole event may have 512 KB.
const MAX_DETAIL: usize = 4_000;

/// How bad it is. PagerDuty may page by it, if the service is set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Severity {
    Critical,
    Error,
    Warning,
    Info,
}

impl Severity {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }

    /// PagerDuty has two words that wake somebody.
    const fn from_urgency(urgency: Urgency) -> Self {
        match urgency {
            Urgency::Normal => Self::Error,
            Urgency::High | Urgency::Critical => Self::Critical,
        }
    }

    /// In a test project no customer waits.
    const fn in_mode(self, mode: Mode) -> Self {
        match mode {
            Mode::Live => self,
            Mode::Test => Self::Info,
        }
    }
}

/// The event about an incident; `conversation` is the incident by which PagerDuty knows it.
#[must_use]
pub fn alert_event(conversation: IncidentId, facts: &AlertFacts) -> Value {
    let key =
        if facts.test_message { format!("test.{conversation}") } else { conversation.to_string() };
    match facts.kind {
        AlertKind::IncidentOpened | AlertKind::ReprocessFailed => trigger(&key, &problem(facts)),
        AlertKind::IncidentAcknowledged => follow_up("acknowledge", &key),
        AlertKind::IncidentResolved => follow_up("resolve", &key),
    }
}

/// What a service gets about something that no single incident shows.
#[must_use]
pub fn notice_event(notice: &NoticeMessage) -> Value {
    let key = dedup_key(notice);
    match &notice.facts {
        NoticeFacts::CauseEnded(_) | NoticeFacts::ReceiptsResumed(_) => follow_up("resolve", &key),
        NoticeFacts::CauseUpdated(facts) if is_acknowledged(facts) => {
            follow_up("acknowledge", &key)
        }
        NoticeFacts::IncidentsWaiting(facts) if facts.reason == ReminderReason::Resolved => {
            follow_up("resolve", &key)
        }
        NoticeFacts::IncidentsWaiting(facts) => {
            trigger(&key, &urgent(notice, facts.urgency(notice.origin.mode)))
        }
        NoticeFacts::CauseUpdated(facts) => {
            trigger(&key, &urgent(notice, facts.urgency(notice.origin.mode)))
        }
        NoticeFacts::ReceiptsSilent(_) => trigger(&key, &described(notice, Severity::Error)),
        NoticeFacts::ResultsUnclaimed(_)
        | NoticeFacts::DestinationBroken(_)
        | NoticeFacts::PolicyStopped(_)
        | NoticeFacts::ExtensionSilent(_)
        | NoticeFacts::AlertsDigest(_) => trigger(&key, &described(notice, Severity::Warning)),
    }
}

/// What the notice is about, so that one that ends it, or comes again, is applied to the same alert.
fn dedup_key(notice: &NoticeMessage) -> String {
    match &notice.facts {
        NoticeFacts::CauseUpdated(facts) | NoticeFacts::CauseEnded(facts) => {
            notice.conversation.map_or_else(|| facts.cause.id().to_string(), |id| id.to_string())
        }
        NoticeFacts::ReceiptsSilent(facts) => facts.silence_id.to_string(),
        NoticeFacts::ReceiptsResumed(facts) => facts.silence_id.to_string(),
        NoticeFacts::DestinationBroken(facts) => facts.destination_id.to_string(),
        NoticeFacts::ExtensionSilent(facts) => facts.extension_id.to_string(),
        NoticeFacts::ResultsUnclaimed(_) => {
            format!("results_unclaimed.{}", notice.origin.project_id)
        }
        NoticeFacts::IncidentsWaiting(facts) => facts
            .cause
            .as_ref()
            .map_or_else(|| notice.id.to_string(), |cause| cause.id().to_string()),
        NoticeFacts::PolicyStopped(_) | NoticeFacts::AlertsDigest(_) => notice.id.to_string(),
    }
}

/// Whether an operator sees to all that is left of a cause.
const fn is_acknowledged(facts: &CauseFacts) -> bool {
    facts.states.open == 0 && facts.states.acknowledged > 0
}

fn follow_up(action: &str, key: &str) -> Value {
    json!({ "event_action": action, "dedup_key": key })
}

/// A problem, as PagerDuty is told of it.
struct Problem {
    summary: String,
    severity: Severity,
    source: String,
    component: String,
    group: String,
    class: String,
    at: OffsetDateTime,
    details: Map<String, Value>,
    link: &'static str,
    url: String,
}

fn trigger(key: &str, problem: &Problem) -> Value {
    json!({
        "event_action": "trigger",
        "dedup_key": key,
        "client": "sendpromptly",
        "client_url": problem.url,
        "links": [{ "href": problem.url, "text": problem.link }],
        "payload": {
            "summary": cut(&problem.summary, MAX_SUMMARY),
            "severity": problem.severity.as_str(),
            "source": cut(&problem.source, MAX_DETAIL),
            "component": cut(&problem.component, MAX_DETAIL),
            "group": cut(&problem.group, MAX_DETAIL),
            "class": cut(&problem.class, MAX_DETAIL),
            "timestamp": problem.at.format(&Rfc3339).unwrap_or_default(),
            "custom_details": problem.details,
        },
    })
}

fn problem(facts: &AlertFacts) -> Problem {
    let test = if facts.test_message { "Test message, no customer is affected: " } else { "" };
    let urgency = facts.urgency();
    let severity =
        if facts.test_message { Severity::Info } else { Severity::from_urgency(urgency) };
    let mut details = Map::new();
    detail(&mut details, "State", &facts.standing());
    detail(&mut details, "Urgency", urgency.as_str());
    detail(&mut details, "What happened", &facts.explanation());
    for quote in facts.quotes() {
        detail(&mut details, quote.label, &quote.text);
    }
    for fact in facts.facts() {
        detail(&mut details, &fact.label, &fact.value);
    }
    Problem {
        summary: format!("{test}{}", facts.heading()),
        severity: severity.in_mode(facts.mode),
        source: facts.origin(),
        component: facts.effect_type.to_string(),
        group: facts.event_type.clone(),
        class: facts.reason.to_string(),
        at: facts.happened_at,
        details,
        link: "Open the incident",
        url: one_line(&facts.incident_url),
    }
}

/// A notice about what waits.
fn urgent(notice: &NoticeMessage, urgency: Urgency) -> Problem {
    let mut problem = described(notice, Severity::from_urgency(urgency));
    detail(&mut problem.details, "Urgency", urgency.as_str());
    problem
}

fn described(notice: &NoticeMessage, severity: Severity) -> Problem {
    let text = notice.facts.text(&notice.origin);
    let mut details = Map::new();
    detail(&mut details, "What happened", &text.explanation);
    for list in &text.lists {
        let items: Vec<_> = list.items.iter().map(|item| item.text.as_str()).collect();
        detail(&mut details, list.title, &items.join("\n"));
    }
    Problem {
        summary: text.heading,
        severity: severity.in_mode(notice.origin.mode),
        source: text.origin,
        component: "sendpromptly".to_owned(),
        group: notice.origin.project_id.to_string(),
        class: text.kind.to_string(),
        at: notice.happened_at,
        details,
        link: text.link,
        url: text.url,
    }
}

fn detail(details: &mut Map<String, Value>, name: &str, value: &str) {
    details.insert(name.to_owned(), Value::from(cut(value, MAX_DETAIL)));
}
