//! What a project's policy does about an incident: start a reprocess without a person, or not.
//!
//! The decision is made in the transaction that opens the incident or ends a reprocess of the
//! policy, under the event's lock and then the policy's, and is `domain::reprocess_policy`'s. A
//! reprocess without a delay starts in that same transaction, so nothing can come between. One with
//! a delay is a row of [`policy_plans`], and [`carry_out`] decides again when it is due; so are
//! alerts that wait for it, which go out at their time even if nothing else happens any more. A
//! person who is faster, and a success, end the plan; who acknowledges the incident ends the waiting alone.
//!
//! The policy starts a reprocess as operators do ([`request_reprocess`]): whatever rejects theirs
//! rejects its own, and is then on the timeline.

use domain::alert::AlertKind;
use domain::audit::detail::{PlannedDetail, PolicyStopDetail, WhyDetail};
use domain::audit::{Actor, AuditEvent};
use domain::cause::Cause;
use domain::ids::{EventId, IncidentId};
use domain::incident::{IncidentState, Reason};
use domain::notice::NoticeKind;
use domain::outbox::OutboxMessage;
use domain::reprocess_policy::{PolicyVerdict, StopReason};
use time::{Duration, OffsetDateTime};

use crate::audit::{self, Subject};
use crate::event_state::LockedEvent;
use crate::events::PaymentEvent;
use crate::incidents::Incident;
use crate::policies::{self, Policy};
use crate::policy_plans::{self, PolicyPlan};
use crate::reprocesses::{self, Reprocess};
use crate::transitions::fallen_back;
use crate::transitions::reprocess::{ReprocessRequest, request_reprocess};
use crate::{PgConnection, StoreError, alerts, incidents, notices, outbox, projects};

/// What came of a decision.
#[derive(Debug, Clone, Copy)]
pub(super) struct Decided {
    /// The incident's state afterwards.
    pub(super) state: IncidentState,
    /// Whether people are notified later, or not at all where it heals.
    pub(super) alerts_wait: bool,
}

/// What an incident of this event is opened with.
pub(super) fn cause(event: &PaymentEvent, reason: Reason, error_code: Option<String>) -> Cause {
    Cause {
        project_id: event.project_id,
        reason,
        error_code,
        event_type: event.event_type.clone(),
        effect_type: event.effect_type.clone(),
    }
}

/// Decides about an incident that has just opened, before anybody was notified.
pub(super) async fn after_opening(
    tx: &mut PgConnection,
    locked: &LockedEvent,
    incident_id: IncidentId,
    cause: &Cause,
) -> Result<Decided, StoreError> {
    let about = About { locked, incident_id, made: 0 };
    let untouched = Decided { state: IncidentState::Open, alerts_wait: false };
    let (policy, verdict) = decide(tx, about, cause).await?;
    let Some(policy) = policy.filter(|_| verdict == PolicyVerdict::Reprocess) else {
        note_idle(tx, about, verdict).await?;
        return Ok(untouched);
    };
    let alerts_at = if policy.settings.wait_alerts {
        Some(locked.now + alerts_bound(tx, &policy, cause).await?)
    } else {
        None
    };
    start_or_plan(tx, about, &policy, alerts_at).await
}

/// Decides again where a reprocess of the policy did not help. One of a person is a person's to
/// repeat.
pub(super) async fn after_failure(
    tx: &mut PgConnection,
    locked: &LockedEvent,
    incident: &Incident,
    failed: &Reprocess,
) -> Result<Decided, StoreError> {
    let untouched = Decided { state: fallen_back(incident.state), alerts_wait: false };
    if !failed.is_automatic() {
        return Ok(untouched);
    }
    let held = policy_plans::find_plan(&mut *tx, locked.event.id).await?;
    let alerts_at = held.and_then(|plan| plan.alerts_at);
    let about = About { locked, incident_id: incident.id, made: made(locked) };
    let Some(cause) = find_cause(tx, locked, incident).await? else { return Ok(untouched) };
    let (policy, verdict) = decide(tx, about, &cause).await?;
    let Some(policy) = policy.filter(|_| verdict == PolicyVerdict::Reprocess) else {
        note_idle(tx, about, verdict).await?;
        policy_plans::delete_plan(tx, locked.event.id).await?;
        return Ok(untouched);
    };
    start_or_plan(tx, about, &policy, alerts_at).await
}

/// Does what is due about an event: starts the reprocess whose delay is over, lets alerts go that
/// have waited long enough. What is not due, or was done before, changes nothing.
///
/// # Errors
/// When there is no such event.
pub async fn carry_out(tx: &mut PgConnection, event_id: EventId) -> Result<(), StoreError> {
    let locked = LockedEvent::lock_existing(tx, event_id).await?;
    let Some(plan) = policy_plans::find_plan(&mut *tx, event_id).await? else { return Ok(()) };
    let unresolved = locked.incident.as_ref().filter(|it| it.state != IncidentState::Resolved);
    let Some(incident) = unresolved else {
        return policy_plans::delete_plan(tx, event_id).await;
    };
    let is_due = |at: OffsetDateTime| at <= locked.now;
    let mut left = plan;
    let mut alerts_due = plan.alerts_at.is_some_and(is_due);
    if plan.try_at.is_some_and(is_due) {
        left.try_at = None;
        let started = locked.running().is_none() && retry(tx, &locked, incident).await?;
        alerts_due |= !started && plan.alerts_at.is_some();
    }
    if alerts_due {
        left.alerts_at = None;
        let kind = AlertKind::IncidentOpened;
        alerts::insert_alerts(&mut *tx, locked.ids(incident.id), kind, None).await?;
        outbox::enqueue(&mut *tx, event_id, &OutboxMessage::Acknowledged).await?;
    }
    policy_plans::save_plan(tx, event_id, left).await
}

/// A person asks for a reprocess: the policy's own is not needed, and no alert waits for it.
pub(super) async fn give_way(
    tx: &mut PgConnection,
    locked: &LockedEvent,
    incident: &Incident,
) -> Result<(), StoreError> {
    if end_plan(tx, locked.event.id).await? {
        let kind = AlertKind::IncidentOpened;
        alerts::insert_alerts(tx, locked.ids(incident.id), kind, None).await?;
    }
    Ok(())
}

/// An operator sees to the incident: the policy goes on, and the others do not wait for what comes of it. What waited would
/// be told as news later, of an incident that an operator sees to.
pub(super) async fn let_alerts_go(
    tx: &mut PgConnection,
    locked: &LockedEvent,
    incident: &Incident,
) -> Result<(), StoreError> {
    let plan = policy_plans::find_plan(&mut *tx, locked.event.id).await?;
    let Some(plan) = plan.filter(|plan| plan.alerts_at.is_some()) else { return Ok(()) };
    let left = PolicyPlan { alerts_at: None, ..plan };
    policy_plans::save_plan(&mut *tx, locked.event.id, left).await?;
    let kind = AlertKind::IncidentOpened;
    alerts::insert_alerts(tx, locked.ids(incident.id), kind, None).await
}

/// Ends what is planned about an event. `true` if alerts waited, so that nobody was told of the
/// incident.
pub(super) async fn end_plan(tx: &mut PgConnection, event_id: EventId) -> Result<bool, StoreError> {
    let plan = policy_plans::find_plan(&mut *tx, event_id).await?;
    if plan.is_some() {
        policy_plans::delete_plan(tx, event_id).await?;
    }
    Ok(plan.is_some_and(|plan| plan.alerts_at.is_some()))
}

/// The incident that is decided about.
#[derive(Clone, Copy)]
struct About<'a> {
    locked: &'a LockedEvent,
    incident_id: IncidentId,
    /// How many reprocesses the policy has started for it.
    made: usize,
}

impl About<'_> {
    fn subject(&self) -> Subject {
        let event = &self.locked.event;
        Subject::incident(event.project_id, event.id, self.incident_id)
    }
}

fn made(locked: &LockedEvent) -> usize {
    locked.reprocesses.iter().filter(|reprocess| reprocess.is_automatic()).count()
}

/// What the incident was opened with; `None` if an earlier release opened it.
async fn find_cause(
    tx: &mut PgConnection,
    locked: &LockedEvent,
    incident: &Incident,
) -> Result<Option<Cause>, StoreError> {
    let code = incidents::find_cause_code(tx, incident.id).await?;
    Ok(code.map(|code| cause(&locked.event, incident.reason, code)))
}

/// Asks the policy. A breaker that stops it stops it here, and says so.
async fn decide(
    tx: &mut PgConnection,
    about: About<'_>,
    cause: &Cause,
) -> Result<(Option<Policy>, PolicyVerdict), StoreError> {
    let found = policies::lock_enabled(&mut *tx, cause.project_id, &cause.effect_type).await?;
    let Some(policy) = found else { return Ok((None, PolicyVerdict::Off)) };
    let breaker = policies::read_breaker(tx, cause.id(), &policy).await?;
    let verdict = policy.settings.judge(&cause.effect_type, about.made, breaker);
    if let PolicyVerdict::Stop(why) = verdict {
        stop(tx, about, cause, why).await?;
    }
    Ok((Some(policy), verdict))
}

async fn stop(
    tx: &mut PgConnection,
    about: About<'_>,
    cause: &Cause,
    why: StopReason,
) -> Result<(), StoreError> {
    let id = policies::insert_stop(&mut *tx, cause, why).await?;
    let Cause { reason, error_code, event_type, effect_type, .. } = cause.clone();
    let cause_id = cause.id();
    let detail = PolicyStopDetail { effect_type, cause_id, event_type, reason, error_code, why };
    let stopped = AuditEvent::PolicyStopped(detail);
    audit::record(&mut *tx, &Actor::Policy, about.subject(), &stopped).await?;
    notices::enqueue_about(tx, cause.project_id, NoticeKind::PolicyStopped, id).await
}

/// Says on the timeline why nothing happens that was to be expected.
async fn note_idle(
    tx: &mut PgConnection,
    about: About<'_>,
    verdict: PolicyVerdict,
) -> Result<(), StoreError> {
    match verdict {
        PolicyVerdict::Stopped => skip(tx, about, "the policy is stopped for this cause").await,
        PolicyVerdict::Off
        | PolicyVerdict::UsedUp
        | PolicyVerdict::Stop(_)
        | PolicyVerdict::Reprocess => Ok(()),
    }
}

async fn skip(tx: &mut PgConnection, about: About<'_>, why: &str) -> Result<(), StoreError> {
    let skipped = AuditEvent::ReprocessSkipped(WhyDetail { why: why.to_owned() });
    audit::record(tx, &Actor::Policy, about.subject(), &skipped).await
}

/// Starts the reprocess now, or plans it; alerts wait where `alerts_at` says until when.
async fn start_or_plan(
    tx: &mut PgConnection,
    about: About<'_>,
    policy: &Policy,
    alerts_at: Option<OffsetDateTime>,
) -> Result<Decided, StoreError> {
    let event_id = about.locked.event.id;
    let delay = Duration::seconds(policy.settings.delay_seconds.into());
    let try_at = (!delay.is_zero()).then(|| about.locked.now + delay);
    let alerts_wait = alerts_at.is_some();
    if let Some(at) = try_at {
        let planned = PlannedDetail { at, alerts_wait_until: alerts_at };
        let planned = AuditEvent::ReprocessPlanned(planned);
        audit::record(&mut *tx, &Actor::Policy, about.subject(), &planned).await?;
        policy_plans::save_plan(tx, event_id, PolicyPlan { try_at, alerts_at }).await?;
        return Ok(Decided { state: IncidentState::Open, alerts_wait });
    }
    // The watch learns of it from what the same transaction tells it anyway.
    if !start(tx, about, false).await? {
        policy_plans::delete_plan(tx, event_id).await?;
        return Ok(Decided { state: IncidentState::Open, alerts_wait: false });
    }
    policy_plans::save_plan(tx, event_id, PolicyPlan { try_at, alerts_at }).await?;
    Ok(Decided { state: IncidentState::Reprocessing, alerts_wait })
}

/// The delay of a reprocess is over: decides once more, on what holds now. `false` if it does not
/// start.
async fn retry(
    tx: &mut PgConnection,
    locked: &LockedEvent,
    incident: &Incident,
) -> Result<bool, StoreError> {
    let about = About { locked, incident_id: incident.id, made: made(locked) };
    let Some(cause) = find_cause(tx, locked, incident).await? else { return Ok(false) };
    match decide(tx, about, &cause).await?.1 {
        PolicyVerdict::Reprocess => start(tx, about, true).await,
        PolicyVerdict::Off => {
            skip(tx, about, "the policy was turned off, or the project archived").await?;
            Ok(false)
        }
        PolicyVerdict::UsedUp => {
            skip(tx, about, "the policy allows no more reprocesses of one incident").await?;
            Ok(false)
        }
        verdict @ (PolicyVerdict::Stopped | PolicyVerdict::Stop(_)) => {
            note_idle(tx, about, verdict).await?;
            Ok(false)
        }
    }
}

/// Starts a reprocess as an operator would. What rejects it is on the timeline; `false` then.
async fn start(tx: &mut PgConnection, about: About<'_>, signal: bool) -> Result<bool, StoreError> {
    let request = ReprocessRequest {
        replay_id: reprocesses::new_id(),
        actor: &Actor::Policy,
        note: None,
        bulk_id: None,
        signal,
    };
    match request_reprocess(&mut *tx, about.locked.event.id, request).await {
        Ok(()) => Ok(true),
        Err(error) => {
            let why = error.rejection()?.to_string();
            skip(tx, about, &why).await?;
            Ok(false)
        }
    }
}

/// The longest that alerts wait: for each reprocess its delay and the project's time-out for a
/// result. Attempts at a callback that go on for longer keep nobody from being told.
async fn alerts_bound(
    tx: &mut PgConnection,
    policy: &Policy,
    cause: &Cause,
) -> Result<Duration, StoreError> {
    let project = projects::find_project(tx, cause.project_id).await?;
    let project = project.ok_or(StoreError::Missing("projects"))?;
    let delay = Duration::seconds(policy.settings.delay_seconds.into());
    Ok((delay + Duration::minutes(project.timeout_minutes.into())) * policy.settings.attempts)
}
