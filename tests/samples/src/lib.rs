//! Rows as the database has them, for the tests of several packages: one shop, one of its events
//! whose effect failed, and what followed. A test that needs another value says it:
//! `Project { mode: Mode::Live, ..samples::project() }`.

#![expect(clippy::expect_used, reason = "a test that cannot go on ends here")]

use std::fmt::Debug;
use std::str::FromStr;

use domain::app_error::AppError;
use domain::catalogue::{EffectType, Provider};
use domain::event::Effect;
use domain::incident::{IncidentState, Reason};
use domain::project::Mode;
use domain::reprocess::ReprocessState;
use domain::silence::ExpectedReceipts;
use store::alerts::AlertView;
use store::attempts::CallbackAttempt;
use store::events::PaymentEvent;
use store::incidents::Incident;
use store::projects::Project;
use store::reprocesses::Reprocess;
use time::macros::datetime;

#[must_use]
pub fn project() -> Project {
    Project {
        id: id("prj_"),
        name: "CometCart".into(),
        mode: Mode::Test,
        timeout_minutes: 30,
        retention_months: 12,
        repair_url: None,
        snapshots: false,
        snapshot_days: 30,
        snapshot_in_callback: false,
        expected_receipts: ExpectedReceipts::Off,
        callback_header_names: Vec::new(),
        created_at: datetime!(2026-11-21 14:02:09 UTC),
        archived_at: None,
    }
}

#[must_use]
pub fn event() -> PaymentEvent {
    PaymentEvent {
        id: id("ev_"),
        project_id: id("prj_"),
        provider: Provider::Stripe,
        provider_event_id: "evt_1".into(),
        event_type: "invoice.paid".into(),
        effect_type: EffectType::CreditGrant,
        internal_reference: "user_456".into(),
        effect_key: None,
        amount: None,
        occurred_at: datetime!(2026-11-21 14:02:00 UTC),
        shopify_shop_domain: None,
        effect: Effect::Failed,
        received_at: datetime!(2026-11-21 14:02:09 UTC),
        timeout_at: datetime!(2026-11-21 14:32:09 UTC),
        timeout_minutes: 30,
        trace_parent: None,
    }
}

/// An open one.
#[must_use]
pub fn incident() -> Incident {
    Incident {
        id: id("inc_"),
        event_id: id("ev_"),
        project_id: id("prj_"),
        state: IncidentState::Open,
        reason: Reason::FailedResult,
        cause_id: Some(id("cau_")),
        error: AppError { code: Some("account_locked".into()), message: None },
        owner: None,
        amount: None,
        resolution: None,
        outage_grace_seconds: None,
        opened_at: datetime!(2026-11-21 14:32:09 UTC),
        acknowledged_at: None,
        resolved_at: None,
    }
}

/// One whose callback was not delivered.
#[must_use]
pub fn reprocess() -> Reprocess {
    Reprocess {
        id: id("rpl_"),
        incident_id: id("inc_"),
        event_id: id("ev_"),
        state: ReprocessState::Undelivered,
        requested_by: "cli:alice".into(),
        note: None,
        requested_at: datetime!(2026-11-21 14:39:59 UTC),
        finished_at: Some(datetime!(2026-11-21 14:40:01 UTC)),
        body: "{}".into(),
        with_snapshot: false,
        result_due_at: None,
        next_attempt_at: None,
    }
}

/// One that got no response.
#[must_use]
pub fn attempt() -> CallbackAttempt {
    CallbackAttempt {
        attempt: 1,
        started_at: datetime!(2026-11-21 14:40:00 UTC),
        status: None,
        error: Some("connect".into()),
        latency_ms: Some(12),
        answer: Some("connection refused".into()),
        redirect_to: None,
    }
}

/// One that was delivered.
#[must_use]
pub fn alert() -> AlertView {
    AlertView {
        kind: "incident_opened".into(),
        destination: "bob@example.com".into(),
        state: "delivered".into(),
        attempts: 2,
        last_answer: Some("250 Ok".into()),
        created_at: datetime!(2026-11-21 14:32:09 UTC),
        finished_at: Some(datetime!(2026-11-21 14:32:19 UTC)),
        broken: false,
        told_by: None,
    }
}

fn id<T: FromStr<Err: Debug>>(prefix: &str) -> T {
    format!("{prefix}00000000000000000000000001").parse().expect("an id")
}
