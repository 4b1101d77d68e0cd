//! Extensions in the flow: which calls are to be made, and what an answer changes.
//!
//! A call's row is written before the call is made, and an answer is judged under the event's lock.
//! So a process that dies in between leaves a call that is made again under the same id, or an
//! answer that is recorded once. Where an extension is not asked, or does not answer, the event goes
//! on as it would without it.

mod reprocess;

use std::time::Duration;

use domain::app_error::AppError;
use domain::audit::detail::{AnsweredDetail, UnansweredDetail};
use domain::audit::{Actor, AuditEvent};
use domain::effect_result::{EffectResult, Outcome};
use domain::event::Effect;
use domain::extension::{
    self, CallOutcome, ExtensionAnswer, ExtensionTarget, Point, ReprocessAnswer, ReprocessOutcome,
    Silence, Unanswered,
};
use domain::ids::{CallId, EventId, ReplayId, ResultId};
use domain::incident::IncidentState;
use domain::outbox::OutboxMessage;
use domain::project::Mode;
use domain::reprocess::ReprocessState;
use domain::verdict;
use domain::watch::{Ask, AskTarget, NextStep};
use serde_json::json;
use time::OffsetDateTime;

pub(crate) use self::reprocess::{Holder, hand_over};
use crate::event_state::LockedEvent;
use crate::extension_calls::{self, CallEnd, ExtensionCall, NewCall, Recording};
use crate::extensions::{self, Extension};
use crate::transitions::callback;
use crate::transitions::result::{ReportedResult, accept_result};
use crate::{PgConnection, StoreError, audit, outbox, projects};

/// A call that is made when its time is nearly over has this long: Temporal takes no time limit of zero.
const SHORTEST_CALL: Duration = Duration::from_secs(1);

/// Whether every extension was asked that is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    All,
    /// One has its calls of this second, and there is time to ask it later.
    Later,
}

/// Writes the calls of the extensions that are asked before an event's incident would open, as far
/// as their time begins at least `lead` before the deadline. The same again changes nothing. Where
/// an outage of our API touches the deadline, there is time until its grace ends. Where one is to be
/// asked [later](Asked::Later), the watch is signalled to make the calls of the others now.
///
/// # Errors
/// When there is no such event.
pub async fn ask_before_incident(
    tx: &mut PgConnection,
    event_id: EventId,
    lead: Duration,
) -> Result<Asked, StoreError> {
    let locked = LockedEvent::lock_existing(tx, event_id).await?;
    let (event, mut asked, mut is_placed) = (&locked.event, Asked::All, false);
    if event.effect != Effect::Pending {
        return Ok(asked);
    }
    let calls = extension_calls::list_for_event(&mut *tx, event_id).await?;
    let point = Point::BeforeIncident;
    for extension in extensions::list_for_event(&mut *tx, event, point).await? {
        let was_asked = |call: &ExtensionCall| is_of(call, &extension, point);
        let is_early = budget(&locked, &extension, point) < lead;
        if is_early || calls.iter().any(was_asked) {
            continue;
        }
        match (is_busy(tx, &extension).await?, locked.now < opens_at(&locked)) {
            (false, true) => {
                place(tx, &locked, &extension, point, None).await?;
                is_placed = true;
            }
            (true, true) => asked = Asked::Later,
            (true, false) => refuse(tx, &locked, &extension, point, None).await?,
            // Its time passed before it was asked: what opens then is not for this point.
            (false, false) => {}
        }
    }
    if is_placed && asked == Asked::Later {
        outbox::enqueue(tx, event_id, &OutboxMessage::Acknowledged).await?;
    }
    Ok(asked)
}

/// The calls of an event that have not ended, ready to be made. Where its incident has just opened,
/// the calls beside it are written first.
pub(crate) async fn open_asks(
    tx: &mut PgConnection,
    locked: &LockedEvent,
) -> Result<Vec<Ask>, StoreError> {
    let (event, incident) = (&locked.event, locked.incident.as_ref());
    if event.effect.is_settled()
        || incident.is_some_and(|incident| incident.state == IncidentState::Resolved)
    {
        return Ok(Vec::new());
    }
    let mut asked = extensions::list_extensions(&mut *tx, Some(event.project_id)).await?;
    asked.retain(|it| it.is_asked_about(event.received_at));
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let mut calls = extension_calls::list_for_event(&mut *tx, event.id).await?;
    if incident.is_some() {
        place_beside(tx, locked, &asked, &mut calls).await?;
    }
    let running = locked.running().map(|running| running.id);
    let is_over = |replay_id: ReplayId| Some(replay_id) != running;
    calls.retain(|call| call.answered_at.is_none() && !call.replay_id.is_some_and(is_over));
    if calls.is_empty() {
        return Ok(Vec::new());
    }
    let project = projects::find_project(&mut *tx, event.project_id).await?;
    let project = project.ok_or(StoreError::Missing("projects"))?;
    let asks = calls.iter().filter_map(|call| {
        let extension = asked.iter().find(|extension| extension.id == call.extension_id)?;
        Some(ready_to_make(locked, project.mode, extension, call))
    });
    Ok(asks.collect())
}

fn ready_to_make(
    locked: &LockedEvent,
    mode: Mode,
    extension: &Extension,
    call: &ExtensionCall,
) -> Ask {
    let target = match &extension.target {
        ExtensionTarget::Activity { activity, queue } => AskTarget::Activity {
            activity: activity.to_string(),
            queue: queue.to_string(),
            input: json!(extension_calls::input(
                call,
                mode,
                &locked.event,
                locked.incident.as_ref()
            )),
        },
        ExtensionTarget::Https { .. } => AskTarget::Https,
    };
    let left = call.time_left(locked.now).max(SHORTEST_CALL);
    Ask {
        call_id: call.id,
        name: extension.name(),
        budget_ms: NextStep::millis(budget(locked, extension, call.point).min(left)),
        heartbeat_ms: extension.heartbeat().map(NextStep::millis),
        target,
    }
}

/// Writes the calls beside an incident that opened, of those extensions that have none yet.
async fn place_beside(
    tx: &mut PgConnection,
    locked: &LockedEvent,
    asked: &[Extension],
    calls: &mut Vec<ExtensionCall>,
) -> Result<(), StoreError> {
    let point = Point::AfterFailure;
    for extension in asked.iter().filter(|extension| extension.point == point) {
        if calls.iter().any(|call| is_of(call, extension, point)) {
            continue;
        }
        if is_busy(tx, extension).await? {
            refuse(tx, locked, extension, point, None).await?;
        } else {
            calls.push(place(tx, locked, extension, point, None).await?);
        }
    }
    Ok(())
}

/// Records how a call ended, and has the answer judged. A call that had ended before, or is none of
/// this event's, changes nothing; but for one that was given up, and has done its work after all.
///
/// # Errors
/// When there is no such event.
pub async fn record_answer(
    tx: &mut PgConnection,
    event_id: EventId,
    call_id: CallId,
    answer: Result<&str, Silence>,
) -> Result<(), StoreError> {
    let locked = LockedEvent::lock_existing(tx, event_id).await?;
    let call = extension_calls::find_call(&mut *tx, call_id).await?;
    let Some(call) = call.filter(|call| call.event_id == event_id) else { return Ok(()) };
    let read = answer.and_then(|text| {
        let read = ExtensionAnswer::read(call.point, text.as_bytes());
        read.map(|read| read.answer).map_err(|error| Silence::new(error.why()))
    });
    if call.answered_at.is_some() {
        if !is_done_after_all(&call, &read) {
            return Ok(());
        }
        extension_calls::reopen(&mut *tx, call.id).await?;
    }
    let extension = extensions::find_extension(&mut *tx, call.extension_id).await?;
    match read {
        Ok(answer) => record_read(tx, &locked, &call, extension.as_ref(), &answer).await,
        Err(silence) => note_silence(tx, &locked, &call, extension.as_ref(), silence).await,
    }
}

/// Whether the work of a reprocess was done in time, and only its answer had to wait, as where our
/// workers or the database were away, until somebody else was to do it. That it is done is so whoever
/// was asked next.
fn is_done_after_all(call: &ExtensionCall, read: &Result<ExtensionAnswer, Silence>) -> bool {
    let was_given_up = call.silence.as_ref().is_some_and(|it| it.why == Unanswered::TooSlow);
    let is_applied = |answer: &ReprocessAnswer| answer.outcome == ReprocessOutcome::Applied;
    was_given_up && matches!(read, Ok(ExtensionAnswer::Reprocess(answer)) if is_applied(answer))
}

async fn record_read(
    tx: &mut PgConnection,
    locked: &LockedEvent,
    call: &ExtensionCall,
    extension: Option<&Extension>,
    answer: &ExtensionAnswer,
) -> Result<(), StoreError> {
    let is_asked = extension.is_some_and(|extension| extension.paused_at.is_none());
    let said = extension.map_or(CallOutcome::Ignored, |it| answer.counts_as(it.trust));
    let waits = locked.running().filter(|running| Some(running.id) == call.replay_id);
    let waits = waits.filter(|running| running.state == ReprocessState::Requested);
    let outcome = verdict::judge_answer(locked.event_state(), said, is_asked, waits.is_some());
    let end = CallEnd::Answered(answer);
    let recording = extension_calls::record_end(tx, call.id, end, outcome).await?;
    let (Some(extension), Recording::Recorded { .. }) = (extension, recording) else {
        return Ok(());
    };
    let answered = AuditEvent::ExtensionAnswered(AnsweredDetail {
        extension_id: extension.id,
        name: extension.name(),
        call_id: call.id,
        point: call.point,
        outcome,
        late: call.point == Point::BeforeIncident && locked.now > call.answer_by,
        note: answer.note().map(str::to_owned),
        evidence: answer.evidence().clone(),
    });
    let subject = locked.subject();
    audit::record(&mut *tx, &Actor::System, subject, &answered).await?;
    // The extension has the work done elsewhere: the app will report, as after a callback.
    if let (CallOutcome::Accepted, Some(replay_id)) = (outcome, call.replay_id) {
        return callback::await_result(tx, locked, replay_id).await;
    }
    let Some((outcome, error)) = reported(outcome, answer) else { return Ok(()) };
    let replay_id = call.replay_id.map(|id| id.to_string());
    let result = EffectResult { outcome, error, replay_id };
    let result_id = ResultId::from_uuid(call.id.as_uuid());
    let report = ReportedResult { result_id, result: &result, signal: false };
    accept_result(tx, &Actor::Extension(extension.name()), call.event_id, report).await?;
    Ok(())
}

/// The result of the app's that an answer counts as, if it counts as one.
fn reported(outcome: CallOutcome, answer: &ExtensionAnswer) -> Option<(Outcome, AppError)> {
    match (outcome, answer) {
        (CallOutcome::Settled | CallOutcome::Applied, _) => {
            Some((Outcome::Succeeded, AppError::default()))
        }
        (CallOutcome::Failed, ExtensionAnswer::Reprocess(answer)) => {
            let (code, message) = (answer.error_code.clone(), answer.note.clone());
            Some((Outcome::Failed, AppError { code, message }))
        }
        _ => None,
    }
}

async fn note_silence(
    tx: &mut PgConnection,
    locked: &LockedEvent,
    call: &ExtensionCall,
    extension: Option<&Extension>,
    silence: Silence,
) -> Result<(), StoreError> {
    let end = CallEnd::Unanswered(&silence);
    extension_calls::record_end(tx, call.id, end, CallOutcome::Unanswered).await?;
    let Some(extension) = extension else { return Ok(()) };
    let unanswered = AuditEvent::ExtensionUnanswered(UnansweredDetail {
        extension_id: extension.id,
        name: extension.name(),
        call_id: call.id,
        point: call.point,
        silence,
    });
    audit::record(tx, &Actor::System, locked.subject(), &unanswered).await
}

fn is_of(call: &ExtensionCall, extension: &Extension, point: Point) -> bool {
    call.extension_id == extension.id && call.point == point
}

/// How long a call may take.
fn budget(locked: &LockedEvent, extension: &Extension, point: Point) -> Duration {
    let budget = extension.budget();
    match point {
        Point::BeforeIncident => {
            extension::lead(budget, locked.event.timeout_at - locked.event.received_at)
        }
        Point::AfterFailure | Point::Reprocess => budget,
    }
}

/// When the incident of an event without a result opens.
fn opens_at(locked: &LockedEvent) -> OffsetDateTime {
    locked.judged_at().unwrap_or(locked.event.timeout_at)
}

async fn is_busy(tx: &mut PgConnection, extension: &Extension) -> Result<bool, StoreError> {
    let limit = extension.calls_per_second;
    let count = extension_calls::count_last_second(tx, extension.id, limit).await?;
    Ok(count >= i64::from(limit))
}

async fn place(
    tx: &mut PgConnection,
    locked: &LockedEvent,
    extension: &Extension,
    point: Point,
    replay_id: Option<ReplayId>,
) -> Result<ExtensionCall, StoreError> {
    let answer_by = match point {
        Point::BeforeIncident => opens_at(locked),
        Point::AfterFailure | Point::Reprocess => locked.now + budget(locked, extension, point),
    };
    let (event_id, extension_id) = (locked.event.id, extension.id);
    let new = NewCall { event_id, extension_id, point, replay_id, answer_by };
    extension_calls::insert_call(tx, new).await
}

/// Records that an extension was not asked, because it had its calls of that second.
async fn refuse(
    tx: &mut PgConnection,
    locked: &LockedEvent,
    extension: &Extension,
    point: Point,
    replay_id: Option<ReplayId>,
) -> Result<(), StoreError> {
    let call = place(tx, locked, extension, point, replay_id).await?;
    note_silence(tx, locked, &call, Some(extension), Silence::new(Unanswered::Busy)).await
}
