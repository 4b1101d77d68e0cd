//! A test message to a destination: a real message over the real path, and the real response.
//!
//! The message says that it is a test. Its response is kept in the audit, and it changes what is
//! known of the destination as an alert's response would: one that goes through makes it work
//! again, and one that says that the recipient does not exist counts as one of the two that break
//! it. A crash in between leaves a message that the audit does not know.

use domain::alert::{AlertFacts, AlertKind};
use domain::app_error::AppError;
use domain::audit::Actor;
use domain::catalogue::{EffectType, Provider};
use domain::ids::{AlertId, DestinationId, EventId, IncidentId};
use domain::incident::Reason;
use store::administration::destination::{TestOutcome, note_test};
use store::audit;
use store::destinations::{self, SavedTarget};
use store::pool::transaction;
use store::projects::{self, Project};
use store::{PgPool, StoreError};
use time::{Duration, OffsetDateTime};

use crate::deps::Deps;
use crate::destinations::{self as outbound, FailureKind, SendFailure, Sent, Thread};

/// What became of a test message.
pub struct TestMessage {
    /// A [`domain::destination::DestinationKind`].
    pub kind: &'static str,
    /// What the other side said.
    pub outcome: Result<Sent, SendFailure>,
}

/// Sends a test message and keeps what came of it; `None` if there is no such destination.
///
/// # Errors
/// When the database fails. A message that is not taken is no error here.
pub async fn send_test_message(
    deps: &Deps,
    id: DestinationId,
    actor: &Actor,
) -> Result<Option<TestMessage>, StoreError> {
    let mut db = deps.pool.acquire().await?;
    let found = destinations::find_target(&mut db, &deps.master_key, id).await?;
    drop(db);
    let Some(target) = found else { return Ok(None) };
    let project = projects::find_project(&deps.pool, target.project_id).await?;
    let project = project.ok_or(StoreError::Missing("projects"))?;
    let kind = target.target.kind();
    let outcome = send(deps, &project, id, target).await;
    note(&deps.pool, &project, id, actor, &outcome).await?;
    Ok(Some(TestMessage { kind, outcome }))
}

async fn send(
    deps: &Deps,
    project: &Project,
    id: DestinationId,
    saved: SavedTarget,
) -> Result<Sent, SendFailure> {
    let to = outbound::Recipient::from_saved(saved, &deps.allow)?;
    let unique = audit::new_id();
    let message_id = format!("<test.{id}.{unique}@{}>", deps.mail_domain);
    let thread = Thread::alone(message_id);
    let message = AlertId::from_uuid(unique.as_uuid());
    let facts = facts(project, id, deps.public_url.clone());
    Box::pin(outbound::send(&deps.senders, &to, message, &thread, &facts)).await
}

async fn note(
    pool: &PgPool,
    project: &Project,
    id: DestinationId,
    actor: &Actor,
    outcome: &Result<Sent, SendFailure>,
) -> Result<(), StoreError> {
    let ended = match outcome {
        Ok(sent) => TestOutcome::Delivered(&sent.answer),
        Err(SendFailure { kind: FailureKind::Gone, answer }) => TestOutcome::Gone(answer),
        Err(failure) => TestOutcome::Rejected(&failure.answer),
    };
    transaction(pool, async |tx| note_test(tx, actor, project.id, id, ended).await).await
}

/// An incident that never was. Its ids are the destination's, so they cannot be mistaken for
/// others, and its link leads to the console itself.
fn facts(project: &Project, id: DestinationId, public_url: String) -> AlertFacts {
    let now = OffsetDateTime::now_utc();
    let received_at = now - Duration::minutes(i64::from(project.timeout_minutes));
    AlertFacts {
        kind: AlertKind::IncidentOpened,
        automatic: false,
        test_message: true,
        project_id: project.id,
        project_name: project.name.clone(),
        mode: project.mode,
        provider: Provider::Stripe,
        event_type: "checkout.session.completed".into(),
        effect_type: EffectType::CreditGrant,
        internal_reference: "user_123".into(),
        provider_event_id: "evt_test".into(),
        amount: None,
        effect_key: None,
        shopify_shop_domain: None,
        incident_id: IncidentId::from_uuid(id.as_uuid()),
        event_id: EventId::from_uuid(id.as_uuid()),
        replay_id: None,
        reason: Reason::MissingResult,
        error: AppError::default(),
        occurred_at: received_at,
        received_at,
        timeout_at: now,
        outage_grace_seconds: None,
        opened_at: now,
        happened_at: now,
        told_at: None,
        resolution: None,
        resolved_by: None,
        reprocess_ending: None,
        timeout_minutes: project.timeout_minutes,
        last_answer: None,
        evidence: None,
        incident_url: public_url,
    }
}
