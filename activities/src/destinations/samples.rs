//! Facts for tests: an incident of alice's shop, one in which every text is hostile, and a notice.

use domain::alert::{AlertEvidence, AlertFacts, AlertKind, LastResponse};
use domain::app_error::AppError;
use domain::catalogue::{EffectType, Provider};
use domain::incident::{Reason, Resolution};
use domain::notice::{NoticeFacts, NoticeOrigin, ResultsUnclaimed};
use domain::project::Mode;
use domain::reprocess::ReprocessState;
use serde_json::Value;
use time::macros::datetime;

use super::NoticeMessage;

pub(crate) fn opened() -> AlertFacts {
    AlertFacts {
        kind: AlertKind::IncidentOpened,
        automatic: false,
        test_message: false,
        project_id: "prj_01K9QD0A1B2C3D4E5F6G7H8J9K".parse().expect("an id"),
        project_name: "CometCart".to_owned(),
        mode: Mode::Live,
        provider: Provider::Stripe,
        event_type: "invoice.paid".to_owned(),
        effect_type: EffectType::CreditGrant,
        internal_reference: "user_456".to_owned(),
        provider_event_id: "evt_1RQx8ZKp4tYw".to_owned(),
        amount: None,
        effect_key: None,
        shopify_shop_domain: None,
        incident_id: "inc_01K9QF3Z7M8V2T4B6N0C1D5E9G".parse().expect("an id"),
        event_id: "ev_01K9QE0A1B2C3D4E5F6G7H8J9K".parse().expect("an id"),
        replay_id: None,
        reason: Reason::MissingResult,
        error: AppError::default(),
        occurred_at: datetime!(2026-11-21 14:02:01 UTC),
        received_at: datetime!(2026-11-21 14:02:09 UTC),
        timeout_at: datetime!(2026-11-21 14:32:09 UTC),
        outage_grace_seconds: None,
        opened_at: datetime!(2026-11-21 14:32:09 UTC),
        happened_at: datetime!(2026-11-21 14:32:09 UTC),
        told_at: None,
        resolution: None,
        resolved_by: None,
        reprocess_ending: None,
        timeout_minutes: 30,
        last_answer: None,
        evidence: None,
        incident_url: "https://sendpromptly.cometcart.test/incidents/inc_01K9QF3Z7M".to_owned(),
    }
}

pub(crate) fn repair_failed() -> AlertFacts {
    AlertFacts {
        kind: AlertKind::ReprocessFailed,
        reprocess_ending: Some(ReprocessState::Failed),
        error: AppError {
            code: Some("account_locked".to_owned()),
            message: Some("Account 456 is locked by a billing hold".to_owned()),
        },
        last_answer: Some(LastResponse {
            status: Some(200),
            excerpt: r#"{"queued":true}"#.to_owned(),
        }),
        happened_at: datetime!(2026-11-21 15:15:10 UTC),
        ..opened()
    }
}

pub(crate) fn resolved() -> AlertFacts {
    AlertFacts {
        kind: AlertKind::IncidentResolved,
        resolution: Some(Resolution::Reprocessed),
        happened_at: datetime!(2026-11-21 14:53:20 UTC),
        ..opened()
    }
}

/// An extension found that the effect was applied.
pub(crate) fn proposed() -> AlertFacts {
    let entries = [("credits", Value::from(100)), ("ledger_id", Value::from("led_7"))];
    let entries = entries.into_iter().map(|(name, value)| (name.to_owned(), value));
    AlertFacts {
        evidence: Some(AlertEvidence {
            extension: "credits.verify".to_owned(),
            call_id: "cal_01K9QF3Z7M8V2T4B6N0C1D5E9H".parse().expect("an id"),
            note: Some("Granted by a retry of the job".to_owned()),
            entries: entries.collect(),
        }),
        ..opened()
    }
}

/// What no sink may obey: markup, mentions, header lines, terminal and template codes.
pub(crate) const HOSTILE: &str = "</pre><script>alert(1)</script> <!channel> <@U123> &amp; \
    ```*b*``` {{ 7 * 7 }} {% raw %}\r\nBcc: charlie@evil.test\r\n\r\n.\r\n\u{1b}[31m\0\u{202e}\"'";

pub(crate) fn hostile() -> AlertFacts {
    AlertFacts {
        project_name: HOSTILE.to_owned(),
        event_type: HOSTILE.to_owned(),
        internal_reference: HOSTILE.to_owned(),
        provider_event_id: HOSTILE.to_owned(),
        error: AppError { code: Some(HOSTILE.to_owned()), message: Some(HOSTILE.to_owned()) },
        last_answer: Some(LastResponse { status: Some(502), excerpt: HOSTILE.to_owned() }),
        evidence: Some(AlertEvidence {
            extension: HOSTILE.to_owned(),
            call_id: "cal_01K9QF3Z7M8V2T4B6N0C1D5E9H".parse().expect("an id"),
            note: Some(HOSTILE.to_owned()),
            entries: [(HOSTILE.to_owned(), Value::from(HOSTILE))].into(),
        }),
        incident_url: format!("https://sendpromptly.cometcart.test/{HOSTILE}"),
        ..repair_failed()
    }
}

/// Results that never found their receipt: seven, so many of them failures, of which these ids are known.
pub(crate) fn unclaimed(failures: i64, ids: &[&str]) -> ResultsUnclaimed {
    ResultsUnclaimed {
        count: 7,
        failures,
        provider_event_ids: ids.iter().map(|id| (*id).to_owned()).collect(),
        audit_url: "https://sendpromptly.cometcart.test/audit".to_owned(),
    }
}

pub(crate) fn origin() -> NoticeOrigin {
    let AlertFacts { project_id, project_name, mode, .. } = opened();
    NoticeOrigin { project_id, project_name, mode }
}

/// A notice of alice's shop.
pub(crate) fn notice(facts: NoticeFacts) -> NoticeMessage {
    NoticeMessage {
        id: "alr_01K9QF3Z7M8V2T4B6N0C1D5E9G".parse().expect("an id"),
        message_id: "<x@y>".to_owned(),
        root: None,
        happened_at: datetime!(2026-11-21 02:31:00 UTC),
        origin: origin(),
        facts,
        conversation: None,
        posted: None,
    }
}
