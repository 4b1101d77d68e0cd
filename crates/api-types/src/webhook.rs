//! The messages that webhook destinations receive, in the form that Standard Webhooks recommends.
//!
//! The form is versioned by date and only added to. A message holds ids and facts, and neither
//! snapshots nor secrets nor texts of the app: receivers log what they are sent. Of an extension's
//! evidence, which it gave for people to read, it holds all.

use domain::alert::AlertKind;
use domain::catalogue::{EffectType, Provider};
use domain::extension::{Evidence, Point};
use domain::ids::{
    CallId, CauseId, DestinationId, EventId, ExtensionId, IncidentId, MaintenanceId, ProjectId,
    ReplayId, SilenceId,
};
use domain::incident::{Reason, Resolution};
use domain::maintenance::HoldReason;
use domain::money::Amount;
use domain::notice::NoticeKind;
use domain::project::Mode;
use domain::reminder::ReminderReason;
use domain::reprocess::ReprocessState;
use domain::reprocess_policy::StopReason;
use domain::urgency::Urgency;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// The version of the form.
pub const CONTRACT: &str = "2026-12-01";

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookMessage {
    /// What happened.
    #[serde(rename = "type")]
    pub kind: MessageType,
    /// [`CONTRACT`].
    pub contract: String,
    /// Equal on every attempt at this message; also the header `webhook-id`.
    pub id: String,
    /// When it happened.
    #[serde(with = "time::serde::rfc3339")]
    pub timestamp: OffsetDateTime,
    pub data: MessageData,
}

/// What a message reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MessageType {
    #[serde(rename = "incident.opened")]
    IncidentOpened,
    #[serde(rename = "incident.reprocess_failed")]
    ReprocessFailed,
    #[serde(rename = "incident.resolved")]
    IncidentResolved,
    /// A made-up incident that nothing needs to be done about.
    #[serde(rename = "test")]
    Test,
    #[serde(rename = "results.unclaimed")]
    ResultsUnclaimed,
    #[serde(rename = "destination.broken")]
    DestinationBroken,
    #[serde(rename = "policy.stopped")]
    PolicyStopped,
    #[serde(rename = "extension.silent")]
    ExtensionSilent,
    #[serde(rename = "receipts.silent")]
    ReceiptsSilent,
    #[serde(rename = "receipts.resumed")]
    ReceiptsResumed,
    #[serde(rename = "cause.updated")]
    CauseUpdated,
    #[serde(rename = "cause.ended")]
    CauseEnded,
    #[serde(rename = "alerts.digest")]
    AlertsDigest,
    #[serde(rename = "incidents.waiting")]
    IncidentsWaiting,
}

impl MessageType {
    /// The message about an incident; programs are told of no acknowledgement.
    #[must_use]
    pub const fn from_alert(kind: AlertKind) -> Option<Self> {
        match kind {
            AlertKind::IncidentOpened => Some(Self::IncidentOpened),
            AlertKind::IncidentAcknowledged => None,
            AlertKind::ReprocessFailed => Some(Self::ReprocessFailed),
            AlertKind::IncidentResolved => Some(Self::IncidentResolved),
        }
    }
}

impl From<NoticeKind> for MessageType {
    fn from(kind: NoticeKind) -> Self {
        match kind {
            NoticeKind::ResultsUnclaimed => Self::ResultsUnclaimed,
            NoticeKind::DestinationBroken => Self::DestinationBroken,
            NoticeKind::PolicyStopped => Self::PolicyStopped,
            NoticeKind::ExtensionSilent => Self::ExtensionSilent,
            NoticeKind::ReceiptsSilent => Self::ReceiptsSilent,
            NoticeKind::ReceiptsResumed => Self::ReceiptsResumed,
            NoticeKind::CauseUpdated => Self::CauseUpdated,
            NoticeKind::CauseEnded => Self::CauseEnded,
            NoticeKind::AlertsDigest => Self::AlertsDigest,
            NoticeKind::IncidentsWaiting => Self::IncidentsWaiting,
        }
    }
}

/// The facts of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageData {
    /// The message as one sentence, for people.
    pub summary: String,
    /// The page of the console with the next step.
    pub url: String,
    pub project_id: ProjectId,
    pub project_name: String,
    pub mode: Mode,
    #[serde(flatten)]
    pub about: MessageSubject,
}

/// What else there is, by the message's type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum MessageSubject {
    /// Of `incident.…` and `test`.
    Incident(Box<IncidentFacts>),
    /// Of `cause.…`.
    Cause(Box<CauseSubject>),
    /// Of `alerts.digest`.
    Digest(Box<DigestSubject>),
    /// Of `incidents.waiting`.
    Waiting(WaitingSubject),
    /// Of `results.unclaimed`.
    ResultsUnclaimed(UnclaimedFacts),
    /// Of `destination.broken`.
    DestinationBroken(BrokenFacts),
    /// Of `policy.stopped`.
    PolicyStopped(StoppedFacts),
    /// Of `extension.silent`.
    ExtensionSilent(SilentFacts),
    /// Of `receipts.resumed`.
    ReceiptsResumed(ResumedReceiptsFacts),
    /// Of `receipts.silent`.
    ReceiptsSilent(SilentReceiptsFacts),
}

/// An incident and its event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentFacts {
    pub incident_id: IncidentId,
    pub event_id: EventId,
    /// The reprocess that failed.
    pub replay_id: Option<ReplayId>,
    pub provider: Provider,
    pub provider_event_id: String,
    pub event_type: String,
    pub effect_type: EffectType,
    pub internal_reference: String,
    pub effect_key: Option<String>,
    pub shopify_shop_domain: Option<String>,
    /// What was paid, where the receipt said it.
    #[serde(default)]
    pub amount: Option<Amount>,
    pub reason: IncidentReason,
    /// How the reprocess ended.
    pub reprocess_state: Option<ReprocessState>,
    pub resolution: Option<Resolution>,
    /// Who resolved it manually.
    pub resolved_by: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    pub occurred_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub received_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub timeout_at: OffsetDateTime,
    /// Only where the silence was judged later because of an outage of our own API: by how much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outage_grace_seconds: Option<i32>,
    #[serde(with = "time::serde::rfc3339")]
    pub opened_at: OffsetDateTime,
    /// Only of `incident.opened`, and only where an extension found that the effect was applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<EvidenceFacts>,
}

/// What an extension found, for a person to decide by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceFacts {
    /// What people call the extension.
    pub extension: String,
    /// What resolves the incident by this evidence in the API.
    pub call_id: CallId,
    pub note: Option<String>,
    /// Texts, numbers, yes or no, or null, by name.
    pub entries: Evidence,
}

/// Why an incident is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentReason {
    pub kind: Reason,
    /// The app's last one.
    pub error_code: Option<String>,
}

/// How a cause of several incidents stands: of those that the destination knows by its messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CauseSubject {
    pub cause_id: CauseId,
    pub event_type: String,
    pub effect_type: EffectType,
    /// What they were opened with.
    pub reason: IncidentReason,
    /// How many incidents.
    pub count: i64,
    /// How many of them this message is the first to be about.
    pub new: i64,
    /// How many references they are about.
    pub customers: i64,
    /// Of what is not resolved.
    pub urgency: Urgency,
    /// What was paid for what is not resolved, one sum per currency.
    pub at_risk: Vec<Amount>,
    pub open: i64,
    pub acknowledged: i64,
    pub reprocessing: i64,
    /// How many are resolved, of which the next four say how.
    pub resolved: i64,
    pub reprocessed: i64,
    pub late_success: i64,
    pub manual: i64,
    pub superseded: i64,
    #[serde(with = "time::serde::rfc3339")]
    pub first_opened_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub last_opened_at: OffsetDateTime,
    /// The newest, at most 20.
    pub incidents: Vec<CauseIncident>,
}

/// An incident of a cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CauseIncident {
    pub incident_id: IncidentId,
    pub event_id: EventId,
    pub internal_reference: String,
}

/// What was held back in quiet hours or a maintenance, as it stands at their end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestSubject {
    pub held_by: HoldReason,
    /// The maintenance, where it was one.
    pub maintenance_id: Option<MaintenanceId>,
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub until: OffsetDateTime,
    /// How many incidents it is about.
    pub count: i64,
    /// How many of them opened in that time.
    pub opened: i64,
    pub resolved: i64,
    /// How many are not resolved.
    pub left: i64,
    /// What was paid for these, one sum per currency.
    pub at_risk: Vec<Amount>,
    /// The newest of these, at most 20.
    pub incidents: Vec<CauseIncident>,
}

/// Incidents that were told before and still stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingSubject {
    pub reminder: ReminderReason,
    /// Which one since they wait.
    pub nth: i32,
    /// What they have in common; null of snoozes that are over.
    pub cause_id: Option<CauseId>,
    /// How many incidents.
    pub count: i64,
    /// How many references they are about.
    pub customers: i64,
    pub urgency: Urgency,
    /// What was paid for them, one sum per currency.
    pub at_risk: Vec<Amount>,
    /// The newest, at most 20.
    pub incidents: Vec<CauseIncident>,
}

/// Results that never found their receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnclaimedFacts {
    pub count: i64,
    /// How many of them said that the effect failed.
    pub failures: i64,
    /// Of some of them, at most five, failures first.
    pub provider_event_ids: Vec<String>,
}

/// A destination of the project that nothing arrives at any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokenFacts {
    pub destination_id: DestinationId,
    pub destination_kind: String,
    pub label: String,
    #[serde(with = "time::serde::rfc3339")]
    pub broken_at: OffsetDateTime,
}

/// A policy that stopped for a cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoppedFacts {
    pub effect_type: EffectType,
    pub event_type: String,
    pub reason: IncidentReason,
    #[serde(flatten)]
    pub stopped: StopReason,
}

/// An extension that has not answered many calls in a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SilentFacts {
    pub extension_id: ExtensionId,
    /// What people call it.
    pub extension: String,
    pub point: Point,
    /// How many calls in a row have had no answer.
    pub unanswered: i32,
}

/// Receipts that are expected and do not come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SilentReceiptsFacts {
    /// What `receipts.resumed` names too.
    pub silence_id: SilenceId,
    /// Null where nothing of the whole project comes.
    pub event_type: Option<String>,
    /// When the last one came.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// At least one is expected in so many hours; null where it is measured by what is usual.
    pub expected_hours: Option<i32>,
    /// How many usually come in an hour; null where it is measured by hours.
    pub usual_per_hour: Option<i64>,
}

/// Receipts that came again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumedReceiptsFacts {
    pub silence_id: SilenceId,
    /// Null where nothing of the whole project came.
    pub event_type: Option<String>,
    /// When the last one before came.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub resumed_at: OffsetDateTime,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    macro_rules! document {
        ($name:literal) => {
            serde_json::from_str::<Value>(include_str!(concat!(
                "../../../docs/extensions/2026-12-01/",
                $name,
                ".json"
            )))
            .expect($name)
        };
    }

    /// What the schema says of the data of such a message.
    fn properties<'a>(schema: &'a Value, kind: &Value) -> BTreeSet<&'a str> {
        let rule = schema["allOf"].as_array().expect("rules").iter().find(|rule| {
            let of = &rule["if"]["properties"]["type"];
            of["const"] == *kind || of["enum"].as_array().is_some_and(|all| all.contains(kind))
        });
        let own = &rule.expect("a rule")["then"]["properties"]["data"];
        let own = own["$ref"].as_str().map_or(own, |path| {
            schema.pointer(path.trim_start_matches('#')).expect("a definition")
        });
        let parts = [&schema["properties"]["data"]["properties"], &own["properties"]];
        let fields = parts.into_iter().filter_map(Value::as_object);
        fields.flat_map(|fields| fields.keys().map(String::as_str)).collect()
    }

    #[test]
    fn the_schema_has_every_field_of_the_examples_and_they_have_every_field() {
        let mut judged_later = document!("examples/message-incident-opened");
        judged_later["data"]["outage_grace_seconds"] = 90.into();
        let schema = document!("message");
        for example in [
            judged_later,
            document!("examples/message-cause-updated"),
            document!("examples/message-alerts-digest"),
            document!("examples/message-incidents-waiting"),
            document!("examples/message-extension-silent"),
            document!("examples/message-receipts-silent"),
        ] {
            let message: WebhookMessage = serde_json::from_value(example.clone()).expect("one");
            assert_eq!(serde_json::to_value(&message).expect("JSON"), example);
            let known = properties(&schema, &example["type"]);
            let given = example["data"].as_object().expect("data").keys();
            let missing: Vec<_> = given.filter(|field| !known.contains(field.as_str())).collect();
            assert!(missing.is_empty(), "{}: {missing:?}", example["type"]);
        }
    }
}
