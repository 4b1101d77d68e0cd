//! What a message says. Ids and references go out as the app sent them, so that a program can
//! compare them; what people read is made readable.

use api_types::webhook::{
    BrokenFacts, CONTRACT, CauseIncident, CauseSubject, DigestSubject, EvidenceFacts,
    IncidentFacts, IncidentReason, MessageData, MessageSubject, MessageType, ResumedReceiptsFacts,
    SilentFacts, SilentReceiptsFacts, StoppedFacts, UnclaimedFacts, WaitingSubject, WebhookMessage,
};
use domain::alert::{AlertFacts, one_line};
use domain::cause::Cause;
use domain::ids::AlertId;
use domain::notice::{
    CauseFacts, DigestFacts, NamedIncident, NoticeFacts, NoticeText, ReceiptsResumed,
    ReceiptsSilent, WaitingFacts,
};
use domain::project::Mode;

use crate::destinations::NoticeMessage;

/// The message about an incident; none about an acknowledgement, of which programs are not told.
pub(in crate::destinations) fn alert_message(
    id: AlertId,
    facts: &AlertFacts,
) -> Option<WebhookMessage> {
    let kind =
        if facts.test_message { MessageType::Test } else { MessageType::from_alert(facts.kind)? };
    let heading = facts.clone().sanitize().heading();
    let summary = match kind {
        MessageType::Test => format!("Test message, no customer is affected: {heading}"),
        _ => heading,
    };
    let data = MessageData {
        summary,
        url: facts.incident_url.clone(),
        project_id: facts.project_id,
        project_name: facts.project_name.clone(),
        mode: facts.mode,
        about: MessageSubject::Incident(Box::new(incident(facts))),
    };
    Some(message(kind, id, facts.happened_at, data))
}

fn incident(facts: &AlertFacts) -> IncidentFacts {
    IncidentFacts {
        incident_id: facts.incident_id,
        event_id: facts.event_id,
        replay_id: facts.replay_id,
        provider: facts.provider.clone(),
        provider_event_id: facts.provider_event_id.clone(),
        event_type: facts.event_type.clone(),
        effect_type: facts.effect_type.clone(),
        internal_reference: facts.internal_reference.clone(),
        effect_key: facts.effect_key.clone(),
        shopify_shop_domain: facts.shopify_shop_domain.clone(),
        amount: facts.amount,
        reason: IncidentReason { kind: facts.reason, error_code: facts.error.code.clone() },
        reprocess_state: facts.reprocess_ending,
        resolution: facts.resolution,
        resolved_by: facts.resolved_by.clone(),
        occurred_at: facts.occurred_at,
        received_at: facts.received_at,
        timeout_at: facts.timeout_at,
        outage_grace_seconds: facts.outage_grace_seconds,
        opened_at: facts.opened_at,
        evidence: facts.evidence.as_ref().map(|evidence| EvidenceFacts {
            extension: evidence.extension.clone(),
            call_id: evidence.call_id,
            note: evidence.note.clone(),
            entries: evidence.entries.clone(),
        }),
    }
}

/// The message about something that no single incident shows.
pub(in crate::destinations) fn notice_message(
    notice: &NoticeMessage,
    text: &NoticeText,
) -> WebhookMessage {
    let data = MessageData {
        summary: text.heading.clone(),
        url: text.url.clone(),
        project_id: notice.origin.project_id,
        project_name: notice.origin.project_name.clone(),
        mode: notice.origin.mode,
        about: notice_subject(&notice.facts, notice.origin.mode),
    };
    message(text.kind.into(), notice.id, notice.happened_at, data)
}

fn notice_subject(facts: &NoticeFacts, mode: Mode) -> MessageSubject {
    match facts {
        NoticeFacts::ResultsUnclaimed(facts) => MessageSubject::ResultsUnclaimed(UnclaimedFacts {
            count: facts.count,
            failures: facts.failures,
            provider_event_ids: facts.provider_event_ids.clone(),
        }),
        NoticeFacts::DestinationBroken(facts) => MessageSubject::DestinationBroken(BrokenFacts {
            destination_id: facts.destination_id,
            destination_kind: facts.kind.clone(),
            label: one_line(&facts.label),
            broken_at: facts.broken_at,
        }),
        NoticeFacts::PolicyStopped(facts) => MessageSubject::PolicyStopped(StoppedFacts {
            effect_type: facts.effect_type.clone(),
            event_type: facts.event_type.clone(),
            reason: IncidentReason { kind: facts.reason, error_code: facts.error_code.clone() },
            stopped: facts.why,
        }),
        NoticeFacts::ExtensionSilent(facts) => MessageSubject::ExtensionSilent(SilentFacts {
            extension_id: facts.extension_id,
            extension: one_line(&facts.name),
            point: facts.point,
            unanswered: facts.unanswered,
        }),
        NoticeFacts::ReceiptsSilent(facts) => {
            MessageSubject::ReceiptsSilent(silent_receipts(facts))
        }
        NoticeFacts::ReceiptsResumed(facts) => {
            MessageSubject::ReceiptsResumed(resumed_receipts(facts))
        }
        NoticeFacts::CauseUpdated(facts) | NoticeFacts::CauseEnded(facts) => {
            MessageSubject::Cause(Box::new(cause(facts, mode)))
        }
        NoticeFacts::IncidentsWaiting(facts) => MessageSubject::Waiting(waiting(facts, mode)),
        NoticeFacts::AlertsDigest(facts) => MessageSubject::Digest(Box::new(digest(facts))),
    }
}

fn cause(facts: &CauseFacts, mode: Mode) -> CauseSubject {
    let CauseFacts { cause, states, resolutions, .. } = facts;
    CauseSubject {
        cause_id: cause.id(),
        event_type: cause.event_type.clone(),
        effect_type: cause.effect_type.clone(),
        reason: IncidentReason { kind: cause.reason, error_code: cause.error_code.clone() },
        count: facts.incidents,
        new: facts.new,
        customers: facts.customers,
        urgency: facts.urgency(mode),
        at_risk: facts.at_risk.clone(),
        open: states.open,
        acknowledged: states.acknowledged,
        reprocessing: states.reprocessing,
        resolved: resolutions.total(),
        reprocessed: resolutions.reprocessed,
        late_success: resolutions.late_success,
        manual: resolutions.manual,
        superseded: resolutions.superseded,
        first_opened_at: facts.first_opened_at,
        last_opened_at: facts.last_opened_at,
        incidents: facts.newest.iter().map(named).collect(),
    }
}

fn named(incident: &NamedIncident) -> CauseIncident {
    CauseIncident {
        incident_id: incident.incident_id,
        event_id: incident.event_id,
        internal_reference: incident.internal_reference.clone(),
    }
}

fn digest(facts: &DigestFacts) -> DigestSubject {
    DigestSubject {
        held_by: facts.reason,
        maintenance_id: facts.maintenance_id,
        since: facts.since,
        until: facts.until,
        count: facts.incidents,
        opened: facts.opened,
        resolved: facts.resolved,
        left: facts.count_left(),
        at_risk: facts.at_risk.clone(),
        incidents: facts.left.iter().map(named).collect(),
    }
}

fn silent_receipts(facts: &ReceiptsSilent) -> SilentReceiptsFacts {
    let (expected_hours, usual_per_hour) = facts.usual.parts();
    SilentReceiptsFacts {
        silence_id: facts.silence_id,
        event_type: facts.event_type.clone(),
        since: facts.since,
        expected_hours,
        usual_per_hour,
    }
}

fn resumed_receipts(facts: &ReceiptsResumed) -> ResumedReceiptsFacts {
    ResumedReceiptsFacts {
        silence_id: facts.silence_id,
        event_type: facts.event_type.clone(),
        since: facts.since,
        resumed_at: facts.resumed_at,
    }
}

fn waiting(facts: &WaitingFacts, mode: Mode) -> WaitingSubject {
    WaitingSubject {
        reminder: facts.reason,
        nth: facts.nth,
        cause_id: facts.cause.as_ref().map(Cause::id),
        count: facts.incidents,
        customers: facts.customers,
        urgency: facts.urgency(mode),
        at_risk: facts.at_risk.clone(),
        incidents: facts.newest.iter().map(named).collect(),
    }
}

fn message(
    kind: MessageType,
    id: AlertId,
    timestamp: time::OffsetDateTime,
    data: MessageData,
) -> WebhookMessage {
    WebhookMessage { kind, contract: CONTRACT.to_owned(), id: id.to_string(), timestamp, data }
}
