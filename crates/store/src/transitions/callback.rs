//! One attempt of a callback: a row before the request goes out, and what its end changes.
//!
//! The request itself is made between two transactions. A worker that dies in between leaves an
//! attempt without an end; the next one marks it as interrupted and retries, with the same
//! `replay_id` and a new nonce. A worker that only seemed dead may end its attempt beside that one:
//! once either was delivered, the other changes nothing but its own row.
//!
//! When the next attempt is due is stored in the reprocess, written with the end of the one before.
//! Temporal waits for that moment too, but may forget it (a worker that dies before it says how
//! long to wait) or be overruled with its tools: an attempt that comes too early is sent back, one
//! that never comes is noticed by the sweep.

use std::time::Duration;

use domain::audit::detail::{CallbackDetail, InterruptedDetail};
use domain::audit::{Actor, AuditEvent};
use domain::callback::{AnswerVerdict, AttemptDecision, decide_attempt, next_delay, with_snapshot};
use domain::callback_header::CallbackHeader;
use domain::ids::{EventId, ProjectId, ReplayId};
use domain::project::Mode;
use domain::reprocess::ReprocessState;
use domain::signature::SigningSecret;
use time::OffsetDateTime;

use crate::attempts::{self, AttemptEnd};
use crate::audit;
use crate::event_state::LockedEvent;
use crate::reprocesses::Reprocess;
use crate::seal::MasterKey;
use crate::transitions::{EndedReprocess, fail_reprocess};
use crate::{
    PgConnection, StoreError, callback_headers, projects, reprocesses, signing_secrets, snapshots,
};

/// Everything that one attempt needs.
#[derive(Debug, Clone)]
pub struct CallbackWork {
    /// Whose event it is about.
    pub project_id: ProjectId,
    /// The attempt's number, from 1.
    pub attempt: i32,
    /// The body, equal on every attempt.
    pub body: String,
    /// The snapshot that is in it. What is kept of the answer may not repeat it.
    pub snapshot: Option<String>,
    /// Where it goes, as it was saved; `None` if the project has no repair URL.
    pub repair_url: Option<String>,
    /// The project's mode, which decides what URLs are allowed.
    pub mode: Mode,
    /// What the project adds to the headers.
    pub headers: Vec<CallbackHeader>,
    /// The secrets that sign.
    pub secrets: Vec<SigningSecret>,
    /// When it began, by the database's clock: what the receiver holds against its own.
    pub at: OffsetDateTime,
    /// The trace that the event belongs to.
    pub trace_parent: Option<String>,
}

/// Less than this before its time an attempt counts as due: clocks and timers are not that exact.
const TOLERANCE: Duration = Duration::from_secs(1);

/// How long it is until the next attempt is due; `None` if it is due, or none is needed any more.
///
/// # Errors
/// When there is no such event.
pub async fn time_left(
    tx: &mut PgConnection,
    event_id: EventId,
    replay_id: ReplayId,
) -> Result<Option<Duration>, StoreError> {
    let locked = LockedEvent::lock_existing(tx, event_id).await?;
    let due_at = match locked.running().filter(|running| running.id == replay_id) {
        Some(running) if running.state == ReprocessState::Delivering => running.next_attempt_at,
        _ => None,
    };
    let left = due_at.and_then(|due_at| Duration::try_from(due_at - locked.now).ok());
    Ok(left.filter(|left| *left > TOLERANCE))
}

/// Begins an attempt. `None` if the reprocess needs none any more.
///
/// # Errors
/// When the database fails, a secret does not open, or there is no such event.
pub async fn begin_attempt(
    tx: &mut PgConnection,
    key: &MasterKey,
    event_id: EventId,
    replay_id: ReplayId,
    nonce: &str,
) -> Result<Option<CallbackWork>, StoreError> {
    let locked = LockedEvent::lock_existing(tx, event_id).await?;
    let running = match locked.running().filter(|running| running.id == replay_id) {
        Some(running) if running.state != ReprocessState::AwaitingResult => running,
        _ => return Ok(None),
    };
    note_interruption(tx, &locked, replay_id).await?;
    if running.state == ReprocessState::Requested {
        reprocesses::change_state(tx, replay_id, running.state, ReprocessState::Delivering).await?;
    }
    let attempt = attempts::begin_attempt(tx, replay_id, nonce).await?;
    reprocesses::plan_attempt(tx, replay_id, locked.now).await?;
    let project_id = locked.event.project_id;
    let project = projects::find_project(&mut *tx, project_id)
        .await?
        .ok_or(StoreError::Missing("projects"))?;
    let snapshot = find_snapshot(tx, key, running).await?;
    let body = if running.with_snapshot {
        with_snapshot(&running.body, snapshot.as_deref())
    } else {
        running.body.clone()
    };
    Ok(Some(CallbackWork {
        project_id,
        attempt,
        body,
        snapshot,
        repair_url: project.repair_url,
        mode: project.mode,
        headers: callback_headers::list_headers(&mut *tx, key, project_id).await?,
        secrets: signing_secrets::list_valid_secrets(tx, key, project_id).await?,
        at: locked.now,
        trace_parent: locked.event.trace_parent.clone(),
    }))
}

/// What the body carries beside what was requested. One that does not open is as one that is not there: the
/// work matters more.
async fn find_snapshot(
    tx: &mut PgConnection,
    key: &MasterKey,
    running: &Reprocess,
) -> Result<Option<String>, StoreError> {
    if !running.with_snapshot {
        return Ok(None);
    }
    match snapshots::find_snapshot(tx, key, running.event_id).await {
        Err(StoreError::Seal(error)) => {
            let event_id = running.event_id;
            tracing::warn!(%event_id, %error, "a callback goes without its snapshot, which does not open");
            Ok(None)
        }
        found => found,
    }
}

/// What an attempt's end means for the activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// Nothing more to send: delivered, stopped, used up, or settled in the meantime.
    Done,
    /// Another attempt is due after this wait.
    Retry(Duration),
}

/// Completes an attempt and draws the consequence.
///
/// # Errors
/// When there is no such event.
pub async fn end_attempt(
    tx: &mut PgConnection,
    event_id: EventId,
    replay_id: ReplayId,
    attempt: i32,
    end: AttemptEnd<'_>,
    verdict: AnswerVerdict,
) -> Result<AttemptOutcome, StoreError> {
    let locked = LockedEvent::lock_existing(tx, event_id).await?;
    attempts::end_attempt(tx, replay_id, attempt, end).await?;
    note_attempt(tx, &locked, replay_id, attempt, end, verdict).await?;
    let Some(running) = locked.running().filter(|running| running.id == replay_id) else {
        return Ok(AttemptOutcome::Done);
    };
    if running.state == ReprocessState::AwaitingResult {
        return Ok(AttemptOutcome::Done);
    }
    let tally = attempts::count_made(&mut *tx, replay_id).await?;
    match decide_attempt(verdict, tally) {
        AttemptDecision::AwaitResult => {
            await_result(tx, &locked, replay_id).await?;
        }
        AttemptDecision::Retry(planned) => {
            let delay = next_delay(planned, end.jitter, end.retry_after);
            reprocesses::plan_attempt(tx, replay_id, locked.now + delay).await?;
            return Ok(AttemptOutcome::Retry(delay));
        }
        AttemptDecision::GiveUp => {
            let ended = EndedReprocess::new(running, ReprocessState::Undelivered);
            fail_reprocess(tx, &locked, ended).await?;
        }
    }
    Ok(AttemptOutcome::Done)
}

/// Ends a reprocess whose callback was not delivered and will not be, because it was ended in
/// Temporal. One that was delivered, or has ended, is left as it is.
///
/// # Errors
/// When there is no such event.
pub async fn end_undelivered(
    tx: &mut PgConnection,
    event_id: EventId,
    replay_id: ReplayId,
    why: &str,
) -> Result<(), StoreError> {
    let locked = LockedEvent::lock_existing(tx, event_id).await?;
    let Some(running) = locked.running().filter(|running| running.id == replay_id) else {
        return Ok(());
    };
    if running.state == ReprocessState::AwaitingResult {
        return Ok(());
    }
    note_interruption(tx, &locked, replay_id).await?;
    let state = ReprocessState::Undelivered;
    let ended = EndedReprocess { reprocess: running, state, why: Some(why) };
    fail_reprocess(tx, &locked, ended).await.map(drop)
}

/// Has the reprocess wait for the app's report, as long as the project gives it now.
pub(super) async fn await_result(
    tx: &mut PgConnection,
    locked: &LockedEvent,
    replay_id: ReplayId,
) -> Result<(), StoreError> {
    let project = projects::find_project(&mut *tx, locked.event.project_id).await?;
    let timeout_minutes =
        project.map_or(locked.event.timeout_minutes, |project| project.timeout_minutes);
    reprocesses::await_result(tx, replay_id, timeout_minutes).await
}

async fn note_attempt(
    tx: &mut PgConnection,
    locked: &LockedEvent,
    replay_id: ReplayId,
    attempt: i32,
    end: AttemptEnd<'_>,
    verdict: AnswerVerdict,
) -> Result<(), StoreError> {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let detail = CallbackDetail {
        replay_id,
        attempt,
        status: end.status,
        error: owned(end.error),
        latency_ms: end.latency_ms,
        answer: owned(end.answer),
        redirect_to: owned(end.redirect_to),
    };
    let ended = match verdict {
        AnswerVerdict::Delivered => AuditEvent::CallbackDelivered(detail),
        AnswerVerdict::Retry | AnswerVerdict::RetryOnce | AnswerVerdict::Stop => {
            AuditEvent::CallbackFailed(detail)
        }
    };
    audit::record(tx, &Actor::System, locked.subject(), &ended).await
}

async fn note_interruption(
    tx: &mut PgConnection,
    locked: &LockedEvent,
    replay_id: ReplayId,
) -> Result<(), StoreError> {
    if attempts::end_interrupted(tx, replay_id).await? > 0 {
        let interrupted = AuditEvent::ReprocessInterrupted(InterruptedDetail { replay_id });
        audit::record(tx, &Actor::System, locked.subject(), &interrupted).await?;
    }
    Ok(())
}
