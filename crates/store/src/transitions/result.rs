//! Taking a result: what it changes is `judge_result`'s to say.

use domain::alert::AlertKind;
use domain::app_error::AppError;
use domain::audit::detail::{AmbiguityDetail, ResolvedDetail, ResultDetail};
use domain::audit::{Actor, AuditEvent};
use domain::effect_result::{EffectResult, Outcome};
use domain::event::Effect;
use domain::identity::digest;
use domain::ids::{EventId, ReplayId, ResultId};
use domain::incident::{IncidentState, Reason, Resolution};
use domain::outbox::{OutboxMessage, RecordedResult};
use domain::reprocess::ReprocessState;
use domain::verdict::{self, ResultVerdict};
use uuid::{Builder, Uuid, Variant, Version};

use crate::audit::{self, Subject};
use crate::event_state::LockedEvent;
use crate::events::PaymentEvent;
use crate::incidents::{Incident, IncidentRef};
use crate::outbox;
use crate::transitions::{EndedReprocess, fail_reprocess, note_ending, open_incident, policy};
use crate::{PgConnection, StoreError, alerts, events, incidents, reprocesses, results};

/// A result on its way in.
#[derive(Debug, Clone, Copy)]
pub struct ReportedResult<'a> {
    /// The id under which it is kept; the key of repeated calls.
    pub result_id: ResultId,
    /// What it says.
    pub result: &'a EffectResult,
    /// Whether the watch still has to be signalled.
    pub signal: bool,
}

/// What became of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResultOutcome {
    /// Taken.
    Accepted {
        event_id: EventId,
        /// `Succeeded` once any success came, `Superseded` once nothing is due, else `Failed`.
        effect: Effect,
        /// The event's incident.
        incident: Option<IncidentRef>,
    },
    /// There is no such event.
    UnknownEvent,
    /// The replay id is none of this event's.
    UnknownReplay,
}

/// Takes a result. The same `result_id` again changes nothing.
pub async fn accept_result(
    tx: &mut PgConnection,
    actor: &Actor,
    event_id: EventId,
    report: ReportedResult<'_>,
) -> Result<ResultOutcome, StoreError> {
    let Some(locked) = LockedEvent::lock(tx, event_id).await? else {
        return Ok(ResultOutcome::UnknownEvent);
    };
    let replay_id = match reported_reprocess(&locked, report.result) {
        Ok(replay_id) => replay_id,
        Err(UnknownReplay) => return Ok(ResultOutcome::UnknownReplay),
    };
    let project_id = locked.event.project_id;
    let mut incident = locked.incident.as_ref().map(Incident::reference);
    let verdict = verdict::judge_result(locked.event_state(), report.result.outcome, replay_id);
    let ReportedResult { result_id, result, .. } = report;
    if results::insert_result(&mut *tx, result_id, project_id, event_id, result, replay_id).await? {
        note_result(tx, actor, &locked, report, replay_id, verdict).await?;
        incident = apply_verdict(tx, &locked, report, verdict).await?;
    }
    let effect = match verdict {
        ResultVerdict::Succeed { .. } => Effect::Succeeded,
        ResultVerdict::Supersede { .. } => Effect::Superseded,
        ResultVerdict::OpenIncident | ResultVerdict::FailReprocess(_) | ResultVerdict::Refresh => {
            Effect::Failed
        }
        ResultVerdict::Contradict | ResultVerdict::Repeat => locked.event.effect,
    };
    Ok(ResultOutcome::Accepted { event_id, effect, incident })
}

/// The same failure once more under one key, with different details: they are kept, as long as the
/// incident is there to be resolved, and noted where they are new.
pub async fn refresh_failure(
    tx: &mut PgConnection,
    actor: &Actor,
    event_id: EventId,
    result: &EffectResult,
) -> Result<(), StoreError> {
    let Some(locked) = LockedEvent::lock(tx, event_id).await? else {
        return Ok(());
    };
    let Some(incident) = locked.incident.as_ref() else {
        return Ok(());
    };
    let says_more = !result.error.is_empty() && incident.error != result.error;
    if incident.state == IncidentState::Resolved || !says_more {
        return Ok(());
    }
    refresh(tx, &locked, &result.error).await?;
    let error = Some(result.error.clone());
    let detail = ResultDetail { result_id: None, repeated: true, error, replay_id: None };
    audit::record(tx, actor, locked.subject(), &AuditEvent::ResultFailed(detail)).await
}

/// Notes on the timeline of each event that a result may have meant it. `occasion` names the
/// request, so that a repeated one is noted once.
pub async fn note_ambiguous(
    tx: &mut PgConnection,
    actor: &Actor,
    candidates: &[PaymentEvent],
    occasion: &str,
    result: &EffectResult,
) -> Result<(), StoreError> {
    for event in candidates {
        let id = ambiguity_id(event.id, occasion, result.outcome);
        let others = candidates.iter().filter(|other| other.id != event.id);
        let ambiguous = AuditEvent::ResultAmbiguous(AmbiguityDetail::Candidates {
            status: result.outcome,
            error: result.error.clone(),
            candidates: others.map(|other| other.id).collect(),
        });
        let subject = Subject::event(event.project_id, event.id);
        audit::record_once(&mut *tx, id, actor, subject, &ambiguous).await?;
    }
    Ok(())
}

/// The same of the same request, and with the time of the event: entries are divided into months by their ids, and one without a
/// time would be among those of the future until its event leaves.
fn ambiguity_id(event_id: EventId, occasion: &str, outcome: Outcome) -> Uuid {
    let mut bytes = event_id.as_uuid().into_bytes();
    let hash = digest([occasion, outcome.as_str(), &event_id.to_string()]);
    for (byte, hashed) in bytes.iter_mut().skip(6).zip(hash) {
        *byte = hashed;
    }
    let builder = Builder::from_bytes(bytes).with_variant(Variant::RFC4122);
    builder.with_version(Version::SortRand).into_uuid()
}

struct UnknownReplay;

/// Which reprocess of this event the app reports on.
fn reported_reprocess(
    locked: &LockedEvent,
    result: &EffectResult,
) -> Result<Option<ReplayId>, UnknownReplay> {
    let Some(text) = &result.replay_id else {
        return Ok(None);
    };
    let id = text.parse::<ReplayId>().map_err(|_| UnknownReplay)?;
    let ours = locked.reprocesses.iter().any(|reprocess| reprocess.id == id);
    if ours { Ok(Some(id)) } else { Err(UnknownReplay) }
}

async fn note_result(
    tx: &mut PgConnection,
    actor: &Actor,
    locked: &LockedEvent,
    report: ReportedResult<'_>,
    replay_id: Option<ReplayId>,
    verdict: ResultVerdict,
) -> Result<(), StoreError> {
    let detail = ResultDetail {
        result_id: Some(report.result_id),
        repeated: false,
        error: (report.result.outcome == Outcome::Failed).then(|| report.result.error.clone()),
        replay_id,
    };
    let reported = match verdict {
        ResultVerdict::Succeed { .. } => AuditEvent::ResultSucceeded(detail),
        ResultVerdict::Supersede { .. } => AuditEvent::ResultSuperseded(detail),
        ResultVerdict::Repeat => AuditEvent::ResultRepeated(detail),
        ResultVerdict::Contradict => AuditEvent::ResultContradicted(detail),
        ResultVerdict::OpenIncident | ResultVerdict::FailReprocess(_) | ResultVerdict::Refresh => {
            AuditEvent::ResultFailed(detail)
        }
    };
    audit::record(tx, actor, locked.subject(), &reported).await
}

/// Writes what the verdict changes; the event's incident as it is then.
async fn apply_verdict(
    tx: &mut PgConnection,
    locked: &LockedEvent,
    report: ReportedResult<'_>,
    verdict: ResultVerdict,
) -> Result<Option<IncidentRef>, StoreError> {
    let incident = locked.incident.as_ref().map(Incident::reference);
    let error = &report.result.error;
    let after = match verdict {
        ResultVerdict::Succeed { resolution, .. } => {
            settle(tx, locked, Effect::Succeeded, resolution).await?;
            incident.map(|it| IncidentRef { state: IncidentState::Resolved, ..it })
        }
        ResultVerdict::Supersede { resolution, .. } => {
            settle(tx, locked, Effect::Superseded, resolution).await?;
            incident.map(|it| IncidentRef { state: IncidentState::Resolved, ..it })
        }
        ResultVerdict::OpenIncident => {
            events::settle(tx, &locked.event, Effect::Failed).await?;
            Some(open_incident(tx, locked, Reason::FailedResult, error).await?)
        }
        ResultVerdict::FailReprocess(_) => {
            refresh(tx, locked, error).await?;
            let mut state = None;
            if let Some(running) = locked.running() {
                let ended = EndedReprocess::new(running, ReprocessState::Failed);
                state = fail_reprocess(tx, locked, ended).await?;
            }
            incident.map(|it| IncidentRef { state: state.unwrap_or(it.state), ..it })
        }
        ResultVerdict::Refresh => {
            refresh(tx, locked, error).await?;
            return Ok(incident);
        }
        ResultVerdict::Contradict | ResultVerdict::Repeat => return Ok(incident),
    };
    if report.signal {
        let opened = verdict == ResultVerdict::OpenIncident;
        signal_result(tx, locked.event.id, report, opened).await?;
    }
    Ok(after)
}

async fn signal_result(
    tx: &mut PgConnection,
    event_id: EventId,
    report: ReportedResult<'_>,
    opened: bool,
) -> Result<(), StoreError> {
    let status = report.result.outcome.into();
    let recorded = RecordedResult { result_id: report.result_id, status };
    let message = OutboxMessage::Result(recorded);
    if opened {
        outbox::enqueue_opened(tx, event_id, &message).await
    } else {
        outbox::enqueue(tx, event_id, &message).await
    }
}

/// Settles the effect for good: a reprocess that runs ends with it, and the incident resolves.
async fn settle(
    tx: &mut PgConnection,
    locked: &LockedEvent,
    effect: Effect,
    resolution: Option<Resolution>,
) -> Result<(), StoreError> {
    events::settle(tx, &locked.event, effect).await?;
    let Some(incident) = &locked.incident else {
        return Ok(());
    };
    if let Some(running) = locked.running() {
        let ended = EndedReprocess::new(running, ReprocessState::Succeeded);
        reprocesses::change_state(tx, running.id, running.state, ended.state).await?;
        note_ending(tx, locked, ended).await?;
    }
    let Some(resolution) = resolution else {
        return Ok(());
    };
    incidents::resolve(tx, incident.id, resolution, None).await?;
    let resolved = AuditEvent::IncidentResolved(ResolvedDetail::ByResult { resolution });
    audit::record(&mut *tx, &Actor::System, locked.subject(), &resolved).await?;
    if policy::end_plan(tx, locked.event.id).await? {
        return Ok(());
    }
    alerts::insert_alerts(tx, locked.ids(incident.id), AlertKind::IncidentResolved, None).await
}

/// Keeps the app's latest message, as long as the incident is there to be resolved. What comes
/// later is on the timeline only: a resolved incident keeps the error that it was resolved with. A failure without a
/// word, such as that of a job that only knows that it was given up, takes none away.
async fn refresh(
    tx: &mut PgConnection,
    locked: &LockedEvent,
    error: &AppError,
) -> Result<(), StoreError> {
    match &locked.incident {
        Some(incident) if incident.state != IncidentState::Resolved && !error.is_empty() => {
            incidents::refresh_error(tx, incident.id, error).await
        }
        Some(_) | None => Ok(()),
    }
}
