//! The alert: what people are notified of, and the text of it.
//!
//! [`AlertFacts`] is everything that one message may say, gathered once; its methods turn the facts
//! into sentences that every sink (mail, Slack, console) shows alike. Nothing here escapes for a
//! sink: [`AlertFacts::sanitize`] only takes out what no person could read, and each destination
//! escapes for itself.

mod by_cause;
mod sentences;
mod slack_url;
mod webhook_url;

pub use by_cause::{AT_LEAST_EVERY, CauseMessage, Episode, KnownBy, Progress, Telling};
pub use sentences::{
    format_duration, format_elapsed, format_timestamp, heading_acknowledged, heading_applied,
    heading_opened, heading_repair_failed, heading_resolved, heading_superseded, heading_waiting,
    judged_later, one_line, sanitize,
};
pub use slack_url::{SlackUrl, SlackUrlError};
pub use webhook_url::{WebhookUrl, WebhookUrlError};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

use crate::app_error::AppError;
use crate::catalogue::{EffectType, Provider};
use crate::extension::{Evidence, describe_evidence};
use crate::ids::{CallId, EventId, IncidentId, ProjectId, ReplayId};
use crate::incident::{Reason, Resolution};
use crate::money::Amount;
use crate::project::Mode;
use crate::reprocess::ReprocessState;
use crate::text_enum::text_enum;
use crate::urgency::{AtStake, Urgency};

text_enum! {
    /// What people are notified of.
    AlertKind {
        IncidentOpened = "incident_opened",
        /// Only for destinations whose own state follows ours
        /// ([`crate::destination::DestinationKind::follows_state`]).
        IncidentAcknowledged = "incident_acknowledged",
        ReprocessFailed = "reprocess_failed",
        IncidentResolved = "incident_resolved",
    }
}

/// What comes back for a mail that is a file; the file's name follows.
pub const MAIL_WRITTEN: &str = "written to ";

/// How much of an extension's evidence a message shows, in characters and entries.
const MAX_NOTE: usize = 500;
const MAX_VALUE: usize = 200;
const MAX_ENTRIES: usize = 10;

/// Everything that one alert may say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertFacts {
    /// What the alert is about.
    pub kind: AlertKind,
    /// Whether an operator only tests a destination: the message then says that it is a test.
    #[serde(default)]
    pub test_message: bool,
    pub project_id: ProjectId,
    pub project_name: String,
    /// Whether real money is concerned.
    pub mode: Mode,
    /// Who took the money.
    pub provider: Provider,
    /// The provider's event type.
    pub event_type: String,
    /// The effect that is due.
    pub effect_type: EffectType,
    /// The app's own reference to its customer.
    pub internal_reference: String,
    /// The provider's id of the event.
    pub provider_event_id: String,
    /// What was paid, where the receipt said so.
    #[serde(default)]
    pub amount: Option<Amount>,
    /// Which of several such effects.
    #[serde(default)]
    pub effect_key: Option<String>,
    /// The shop, for Shopify.
    #[serde(default)]
    pub shopify_shop_domain: Option<String>,
    pub incident_id: IncidentId,
    pub event_id: EventId,
    /// The reprocess that failed, for [`AlertKind::ReprocessFailed`].
    #[serde(default)]
    pub replay_id: Option<ReplayId>,
    /// Why the incident was opened.
    pub reason: Reason,
    /// The app's last error.
    #[serde(flatten)]
    pub error: AppError,
    /// The provider's time.
    #[serde(with = "time::serde::rfc3339")]
    pub occurred_at: OffsetDateTime,
    /// When the receipt was taken.
    #[serde(with = "time::serde::rfc3339")]
    pub received_at: OffsetDateTime,
    /// When the result was due.
    #[serde(with = "time::serde::rfc3339")]
    pub timeout_at: OffsetDateTime,
    /// How much later than due its silence was judged, because of an outage of our own API.
    #[serde(default)]
    pub outage_grace_seconds: Option<i32>,
    /// When the incident was opened.
    #[serde(with = "time::serde::rfc3339")]
    pub opened_at: OffsetDateTime,
    /// The moment that the alert is about; every "how long" is counted up to it.
    #[serde(with = "time::serde::rfc3339")]
    pub happened_at: OffsetDateTime,
    /// When it is told, where that may be later: its urgency goes by what has waited until then.
    #[serde(skip)]
    pub told_at: Option<OffsetDateTime>,
    /// How the incident ended, for [`AlertKind::IncidentResolved`].
    #[serde(default)]
    pub resolution: Option<Resolution>,
    /// Who resolved it manually, by name.
    #[serde(default)]
    pub resolved_by: Option<String>,
    /// How the reprocess ended, for [`AlertKind::ReprocessFailed`].
    #[serde(default)]
    pub reprocess_ending: Option<ReprocessState>,
    /// How long a reprocess waits for its result, in minutes.
    pub timeout_minutes: i32,
    /// What the repair endpoint said last, for [`AlertKind::ReprocessFailed`].
    #[serde(default)]
    pub last_answer: Option<LastResponse>,
    /// Whether the project's policy reprocesses it, now or after its delay.
    #[serde(default)]
    pub automatic: bool,
    /// What an extension found, for [`AlertKind::IncidentOpened`].
    #[serde(default)]
    pub evidence: Option<AlertEvidence>,
    /// The incident's page in the console.
    pub incident_url: String,
}

/// What an extension found for a person to decide by: that the effect was applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertEvidence {
    /// What people call the extension.
    pub extension: String,
    pub call_id: CallId,
    pub note: Option<String>,
    pub entries: Evidence,
}

impl AlertEvidence {
    /// Its note and entries, a line each, as much as a message has room for.
    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::from_iter(self.note.as_deref().map(|note| cut(note, MAX_NOTE)));
        let mut entries = describe_evidence(&self.entries);
        let unnamed = entries.len().saturating_sub(MAX_ENTRIES);
        entries.truncate(MAX_ENTRIES);
        let named = entries.into_iter();
        lines.extend(named.map(|(name, value)| format!("{name}: {}", cut(&value, MAX_VALUE))));
        if unnamed > 0 {
            lines.push(format!("and {unnamed} more"));
        }
        lines
    }
}

/// What the repair endpoint said last, shown to its owner as it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastResponse {
    /// The HTTP status, absent when there was no response.
    pub status: Option<u16>,
    /// An excerpt of the response, or why there was none.
    pub excerpt: String,
}

/// Text of others inside an alert or a timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// Whose text, without a colon.
    pub label: &'static str,
    /// The text, possibly over several lines.
    pub text: String,
}

/// One line of the facts below the sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What it is, without a colon.
    pub label: String,
    /// Its value, on one line.
    pub value: String,
    /// Whether it is an id or a code, which are set in a fixed-width face.
    pub code: bool,
}

impl AlertFacts {
    /// How urgent it is that an operator sees to the incident; of a test message nothing is.
    #[must_use]
    pub fn urgency(&self) -> Urgency {
        let customers = i64::from(!self.test_message);
        let told_at = self.told_at.map_or(self.happened_at, |at| at.max(self.happened_at));
        let age = told_at - self.opened_at;
        Urgency::decide(self.mode, &AtStake { age, customers, at_risk: self.amount.as_slice() })
    }

    /// The same facts with every text made readable: one line where one is meant, and no control
    /// or direction-changing characters anywhere. Doing it twice changes nothing more.
    #[must_use]
    pub fn sanitize(mut self) -> Self {
        for line in [
            &mut self.project_name,
            &mut self.event_type,
            &mut self.internal_reference,
            &mut self.provider_event_id,
            &mut self.incident_url,
        ] {
            *line = one_line(line);
        }
        self.error.code = self.error.code.as_deref().map(one_line);
        self.error.message = self.error.message.as_deref().map(sanitize);
        self.resolved_by = self.resolved_by.as_deref().map(one_line);
        if let Some(answer) = &mut self.last_answer {
            answer.excerpt = sanitize(&answer.excerpt);
        }
        if let Some(evidence) = &mut self.evidence {
            evidence.extension = one_line(&evidence.extension);
            evidence.note = evidence.note.as_deref().map(sanitize);
            let entries = describe_evidence(&evidence.entries).into_iter();
            evidence.entries = entries.map(|(name, value)| (name, Value::from(value))).collect();
        }
        self
    }

    /// Whether nothing is left to do.
    #[must_use]
    pub fn is_resolved(&self) -> bool {
        self.kind == AlertKind::IncidentResolved
    }

    /// Project and mode, as in `CometCart · live`.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("{} · {}", self.project_name, self.mode)
    }

    /// Third-party texts that explain the alert, empty ones left out.
    #[must_use]
    pub fn quotes(&self) -> Vec<Quote> {
        let mut quotes = Vec::new();
        if self.is_resolved() {
            return quotes;
        }
        if let Some(evidence) = &self.evidence {
            let lines = evidence.lines();
            let lines: Vec<_> = lines.iter().map(|line| Some(line.as_str())).collect();
            push_quote(&mut quotes, "Evidence that it was applied", &lines);
        }
        let error = [self.error.code.as_deref(), self.error.message.as_deref()];
        push_quote(&mut quotes, "Error that your app reported", &error);
        if let Some(answer) = &self.last_answer {
            let status = answer.status.map(|status| format!("HTTP {status}"));
            let answer = [status.as_deref(), Some(answer.excerpt.as_str())];
            push_quote(&mut quotes, "Last answer of your repair endpoint", &answer);
        }
        quotes
    }

    /// The facts below the sentence, in reading order.
    #[must_use]
    pub fn facts(&self) -> Vec<Fact> {
        let code = |label: &str, value| Fact { label: label.to_owned(), value, code: true };
        let plain = |label: &str, value| Fact { label: label.to_owned(), value, code: false };
        let provider_event = format!("{} event", self.provider.name());
        let effect = format!("{}, by {}", self.effect_type, self.event_type);
        let mut facts = vec![
            code("Customer reference", self.internal_reference.clone()),
            code("Effect due", effect),
            code(&provider_event, self.provider_event_id.clone()),
            plain("Result due by", format_timestamp(self.timeout_at)),
            code("Incident", self.incident_id.to_string()),
            code("Event", self.event_id.to_string()),
        ];
        if let Some(amount) = self.amount {
            facts.insert(2, plain("Amount", amount.to_string()));
        }
        facts
    }
}

/// The text up to so many characters.
fn cut(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn push_quote(quotes: &mut Vec<Quote>, label: &'static str, parts: &[Option<&str>]) {
    let lines = parts.iter().flatten().map(|part| part.trim()).filter(|part| !part.is_empty());
    let text = lines.collect::<Vec<_>>().join("\n");
    if !text.is_empty() {
        quotes.push(Quote { label, text });
    }
}

#[cfg(test)]
mod tests {
    use super::sentences::tests::opened;
    use super::*;

    #[test]
    fn facts_survive_json_and_old_ones_lack_the_optional_fields() {
        let facts = opened();
        let mut json = serde_json::to_value(&facts).expect("facts serialise");
        assert_eq!(serde_json::from_value::<AlertFacts>(json.clone()).ok(), Some(facts.clone()));
        let fields = json.as_object_mut().expect("an object");
        for optional in ["test_message", "error_code", "error_message", "resolution", "resolved_by"]
        {
            fields.remove(optional);
        }
        fields.remove("amount");
        fields.remove("reprocess_ending");
        fields.remove("last_answer");
        fields.remove("evidence");
        assert_eq!(serde_json::from_value::<AlertFacts>(json).ok(), Some(facts));
    }

    #[test]
    fn unreadable_characters_leave_every_field() {
        let hostile = "a\r\nBcc: x\0\u{1b}[31m\u{202e}b";
        let facts = AlertFacts {
            project_name: hostile.to_owned(),
            event_type: hostile.to_owned(),
            internal_reference: hostile.to_owned(),
            provider_event_id: hostile.to_owned(),
            error: AppError { code: Some(hostile.to_owned()), message: Some(hostile.to_owned()) },
            resolved_by: Some(hostile.to_owned()),
            last_answer: Some(LastResponse { status: Some(502), excerpt: hostile.to_owned() }),
            evidence: Some(AlertEvidence {
                extension: hostile.to_owned(),
                note: Some(hostile.to_owned()),
                entries: Evidence::from([(hostile.to_owned(), Value::from(hostile))]),
                ..evidence()
            }),
            incident_url: hostile.to_owned(),
            ..opened()
        }
        .sanitize();
        let json = serde_json::to_value(&facts).expect("facts serialise").to_string();
        for control in ["\\r", "\\u0000", "\\u001b", "\u{202e}", "\u{1b}"] {
            assert!(!json.contains(control), "{control:?} in {json}");
        }
        assert!(!facts.internal_reference.contains('\n'));
        assert_eq!(facts.error.message.as_deref(), Some("a\nBcc: x␀␛[31mb"));
        assert_eq!(facts.clone().sanitize(), facts);
    }

    #[test]
    fn a_failure_is_shown_to_its_owner() {
        let facts = AlertFacts {
            kind: AlertKind::ReprocessFailed,
            error: AppError {
                code: Some("account_locked".to_owned()),
                message: Some("Account 456 is locked".to_owned()),
            },
            last_answer: Some(LastResponse {
                status: Some(502),
                excerpt: " Bad Gateway\n".to_owned(),
            }),
            ..opened()
        };
        let quotes: Vec<_> = facts.quotes().into_iter().map(|q| (q.label, q.text)).collect();
        assert_eq!(
            quotes,
            [
                (
                    "Error that your app reported",
                    "account_locked\nAccount 456 is locked".to_owned()
                ),
                ("Last answer of your repair endpoint", "HTTP 502\nBad Gateway".to_owned()),
            ]
        );
    }

    fn evidence() -> AlertEvidence {
        AlertEvidence {
            extension: "credits.verify".to_owned(),
            call_id: "cal_01K9QF3Z7M8V2T4B6N0C1D5E9G".parse().expect("an id"),
            note: Some("seen in the ledger".to_owned()),
            entries: Evidence::from([
                ("ledger_id".to_owned(), Value::from(7)),
                ("at".to_owned(), Value::from("14:02")),
            ]),
        }
    }

    #[test]
    fn evidence_is_named_in_the_sentence_and_quoted_below_it() {
        let facts = AlertFacts { evidence: Some(evidence()), ..opened() };
        let said = " credits.verify found evidence that it was applied: if it is right, open the \
                    incident and resolve it by that.";
        assert!(facts.explanation().ends_with(said), "{}", facts.explanation());
        let quotes = facts.quotes();
        assert_eq!(quotes[0].label, "Evidence that it was applied");
        assert_eq!(quotes[0].text, "seen in the ledger\nat: 14:02\nledger_id: 7");
        assert!(!opened().explanation().contains("evidence"), "{}", opened().explanation());
        assert_eq!(opened().quotes(), []);
    }

    #[test]
    fn long_evidence_is_cut() {
        let entry = |number: i32| (format!("entry_{number:02}"), Value::from("x".repeat(500)));
        let entries = (0..20).map(entry).collect();
        let long = AlertEvidence { note: Some("é".repeat(2_000)), entries, ..evidence() };
        let lines = long.lines();
        assert_eq!(lines[0], format!("{}…", "é".repeat(500)));
        assert_eq!(lines[1], format!("entry_00: {}…", "x".repeat(200)));
        assert_eq!((lines.len(), lines[11].as_str()), (12, "and 10 more"));
    }

    #[test]
    fn an_amount_is_a_fact_where_the_receipt_said_it() {
        let amount = Amount { value: 4900, currency: "USD".parse().expect("a currency") };
        let facts = AlertFacts { amount: Some(amount), ..opened() }.facts();
        assert_eq!((facts[2].label.as_str(), facts[2].value.as_str()), ("Amount", "49.00 USD"));
        assert_eq!(facts.len(), opened().facts().len() + 1);
    }

    #[test]
    fn a_resolved_incident_quotes_no_failure() {
        let facts = AlertFacts {
            kind: AlertKind::IncidentResolved,
            error: AppError { code: Some("account_locked".to_owned()), message: None },
            ..opened()
        };
        assert_eq!(facts.quotes(), []);
    }
}
