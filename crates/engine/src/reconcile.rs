//! Brings an older database and newer watches together, after a backup was restored.
//!
//! What came between the backup and the loss is not in the database, and Temporal has watched on. Three
//! things can be told from the watches, of which the histories of all runs are read: an event that the database does not have, a success
//! that it does not know of or that no effect is due any more, and a watch that has ended or gone on where the database
//! is not done. The first is listed, so that its receipt is sent again, and its watch is terminated, because
//! it could only fail; an event that went with retention is none of these. The second is recorded, with the
//! id that the result had, so no incident is opened, and nothing done again, for an effect that was applied
//! or is void. For the third the watch asks the database again: it is the truth.
//!
//! Each event is decided under its own lock and by the same transitions as ever, so the command may be cut
//! off and run again, while the product works: what is right already is left alone.

use std::collections::{BTreeMap, BTreeSet};

use domain::audit::Actor;
use domain::effect_result::{EffectResult, Outcome};
use domain::event::Effect;
use domain::ids::{EventId, ResultId};
use domain::incident::IncidentState;
use domain::outbox::OutboxMessage;
use serde_json::{Value, json};
use store::pool::transaction;
use store::transitions::result::{ReportedResult, accept_result};
use store::{PgPool, StoreError, events, incidents, outbox, results};
use temporalio_common::protos::temporal::api::history::v1::History;
use temporalio_common::protos::temporal::api::history::v1::history_event::Attributes;
use workflows::names::search_attribute;

use crate::connect::{Engine, EngineError};
use crate::runs::WatchRun;

/// So many events are compared together.
const BATCH: usize = 500;
/// So many open watches are looked at to see whether the database is older than they are.
const LATEST: usize = 100;
/// What a terminated watch says.
const REASON: &str = "its event is not in the database, which was restored to an earlier time";

/// A watch that knows more than the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub event_id: EventId,
    pub kind: DifferenceKind,
    run: WatchRun,
}

/// What it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DifferenceKind {
    /// The event, which the database does not have.
    Lost,
    /// That the effect was applied, by the result of this id.
    Applied(ResultId),
    /// That no effect is due any more, by the result of this id.
    Superseded(ResultId),
    /// Another state than the database, which decides.
    Asks,
    /// That nothing is left to do, where the database says that there is.
    Ended,
}

impl Difference {
    /// Whether nothing is left to put right here: an event is lost, and its watch has ended.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.kind == DifferenceKind::Lost && !self.run.is_open()
    }

    /// The text of a search attribute of the watch.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.run.attributes.get(name).map(String::as_str)
    }
}

/// Compares the watches that a condition matches with the database. Nothing is changed.
///
/// # Errors
/// When Temporal or the database cannot be asked, or the namespace belongs to another database.
pub async fn find(
    engine: &Engine,
    pool: &PgPool,
    condition: &str,
) -> Result<Vec<Difference>, EngineError> {
    engine.ensure_ours(pool).await?;
    let ours = format!("TaskQueue='{}' AND {condition}", engine.task_queue());
    let runs = engine.list_watches(&ours, usize::MAX).await?;
    // The latest run of an event comes first.
    let mut watched: BTreeMap<EventId, Vec<WatchRun>> = BTreeMap::new();
    for run in runs {
        if let Some(event_id) = run.event_id() {
            watched.entry(event_id).or_default().push(run);
        }
    }
    let watched: Vec<_> = watched.into_iter().collect();
    let mut found = Vec::new();
    for batch in watched.chunks(BATCH) {
        let ids: Vec<_> = batch.iter().map(|(event_id, _)| *event_id).collect();
        let known = read(pool, &ids).await.map_err(|error| stored(&error))?;
        let (known, mut parts) = (&known, batch.chunks(batch.len().div_ceil(4)));
        let mut part = || Box::pin(compare_all(engine, known, parts.next().unwrap_or_default()));
        let (first, second, third, fourth) = tokio::try_join!(part(), part(), part(), part())?;
        found.extend([first, second, third, fourth].concat());
    }
    Ok(found)
}

async fn compare_all(
    engine: &Engine,
    known: &BTreeMap<EventId, Known>,
    watched: &[(EventId, Vec<WatchRun>)],
) -> Result<Vec<Difference>, EngineError> {
    let mut found = Vec::new();
    for (event_id, runs) in watched {
        let Some(latest) = runs.first() else { continue };
        if let Some(kind) = compare(engine, known.get(event_id).copied(), latest, runs).await? {
            found.push(Difference { event_id: *event_id, kind, run: latest.clone() });
        }
    }
    Ok(found)
}

/// How many of the latest watches that are open are of events that the database does not have, and of how
/// many: a database that was restored shows it here first.
///
/// # Errors
/// When Temporal or the database cannot be asked.
pub async fn count_lost(engine: &Engine, pool: &PgPool) -> Result<(usize, usize), EngineError> {
    let open = format!("TaskQueue='{}' AND ExecutionStatus='Running'", engine.task_queue());
    let runs = engine.list_watches(&open, LATEST).await?;
    let ids: BTreeSet<EventId> = runs.iter().filter_map(WatchRun::event_id).collect();
    let ids: Vec<_> = ids.into_iter().collect();
    let known = read(pool, &ids).await.map_err(|error| stored(&error))?;
    Ok((ids.len().saturating_sub(known.len()), ids.len()))
}

/// Puts one difference right.
///
/// # Errors
/// When Temporal or the database fails; the difference is found again then.
pub async fn put_right(
    engine: &Engine,
    pool: &PgPool,
    actor: &Actor,
    difference: &Difference,
) -> Result<(), EngineError> {
    let event_id = difference.event_id;
    let done = match difference.kind {
        DifferenceKind::Lost if difference.run.is_open() => {
            return engine.terminate_watch(&difference.run, REASON).await;
        }
        DifferenceKind::Lost => return Ok(()),
        DifferenceKind::Applied(result_id) => {
            record(pool, actor, event_id, result_id, Outcome::Succeeded).await
        }
        DifferenceKind::Superseded(result_id) => {
            record(pool, actor, event_id, result_id, Outcome::Superseded).await
        }
        DifferenceKind::Asks => enqueue(pool, event_id, &OutboxMessage::Acknowledged).await,
        DifferenceKind::Ended => enqueue(pool, event_id, &OutboxMessage::Restart).await,
    };
    done.map_err(|error| stored(&error))
}

pub(crate) fn stored(error: &StoreError) -> EngineError {
    EngineError::Unreachable(format!("the database failed: {error}"))
}

/// What the database says of an event.
#[derive(Clone, Copy)]
enum Known {
    /// Nothing is left to do; it may have gone with retention since.
    Over,
    /// Its watch shows this state.
    Shows(&'static str),
}

async fn read(pool: &PgPool, ids: &[EventId]) -> Result<BTreeMap<EventId, Known>, StoreError> {
    let found = events::list_by_ids(pool, ids).await?;
    let expired = events::list_expired(pool, ids).await?;
    let states = incidents::list_for_events(pool, ids).await?;
    let states: BTreeMap<_, _> = states.into_iter().map(|it| (it.event_id, it.state)).collect();
    let state = |event: &events::PaymentEvent| match states.get(&event.id) {
        Some(IncidentState::Resolved) => Known::Over,
        Some(state) => Known::Shows(state.as_str()),
        None if event.effect == Effect::Pending => Known::Shows("pending"),
        None => Known::Over,
    };
    let expired = expired.into_iter().map(|event_id| (event_id, Known::Over));
    Ok(found.iter().map(|event| (event.id, state(event))).chain(expired).collect())
}

async fn compare(
    engine: &Engine,
    known: Option<Known>,
    latest: &WatchRun,
    runs: &[WatchRun],
) -> Result<Option<DifferenceKind>, EngineError> {
    let state = match known {
        None => return Ok(Some(DifferenceKind::Lost)),
        Some(Known::Over) => return Ok(None),
        Some(Known::Shows(state)) => state,
    };
    let shown = latest.attributes.get(search_attribute::STATE.name()).map(String::as_str);
    // A watch that shows the same may have been told of more: it had no time for it before the database was lost, or what was
    // done since the restore, such as an acknowledgement, has started a new run of one that had ended.
    Ok(match find_settled_in(engine, runs).await? {
        Some(settled) => Some(settled),
        None if latest.is_open() && shown == Some(state) => None,
        None if latest.is_open() => Some(DifferenceKind::Asks),
        None => Some(DifferenceKind::Ended),
    })
}

/// What settled the event, as any of its runs was told. A success counts whatever others were told.
async fn find_settled_in(
    engine: &Engine,
    runs: &[WatchRun],
) -> Result<Option<DifferenceKind>, EngineError> {
    let mut settled = None;
    for run in runs {
        let found = engine.read_history(run).await?.as_ref().and_then(find_settled);
        if let Some(DifferenceKind::Applied(_)) = found {
            return Ok(found);
        }
        settled = settled.or(found);
    }
    Ok(settled)
}

/// What settled the event, as its watch was told. A success counts whatever else was said.
fn find_settled(history: &History) -> Option<DifferenceKind> {
    let applied = find_result(history, Outcome::Succeeded).map(DifferenceKind::Applied);
    let superseded = || find_result(history, Outcome::Superseded).map(DifferenceKind::Superseded);
    applied.or_else(superseded)
}

/// The first result with this outcome that was recorded and signalled, or typed at the command line of Temporal. The
/// id of the latter is a new one.
fn find_result(history: &History, outcome: Outcome) -> Option<ResultId> {
    history.events.iter().find_map(|event| {
        let Some(Attributes::WorkflowExecutionSignaledEventAttributes(signal)) = &event.attributes
        else {
            return None;
        };
        let input = signal.input.as_ref().filter(|_| signal.signal_name == "result")?;
        let said: Value = serde_json::from_slice(&input.payloads.first()?.data).ok()?;
        if said["result_id"].is_null() {
            return says(&said, outcome).then(results::new_id);
        }
        (said["status"] == outcome.as_str()).then(|| said["result_id"].as_str()?.parse().ok())?
    })
}

/// Whether a result that was typed says this, and nothing by which its watch may have rejected it.
fn says(typed: &Value, outcome: Outcome) -> bool {
    let Some(body) = typed.as_object() else { return false };
    body.keys().all(|name| ["status", "reported_by"].contains(&name.as_str()))
        && EffectResult::parse(body).is_ok_and(|result| result.outcome == outcome)
}

async fn record(
    pool: &PgPool,
    actor: &Actor,
    event_id: EventId,
    result_id: ResultId,
    outcome: Outcome,
) -> Result<(), StoreError> {
    let body = json!({ "status": outcome.as_str() });
    let result = body.as_object().and_then(|body| EffectResult::parse(body).ok());
    let result = result.ok_or(StoreError::Missing("results"))?;
    transaction(pool, async |tx| {
        let report = ReportedResult { result_id, result: &result, signal: true };
        accept_result(tx, actor, event_id, report).await.map(drop)
    })
    .await
}

/// Has the relay dispatch this, unless something waits for it already.
pub(crate) async fn enqueue(
    pool: &PgPool,
    event_id: EventId,
    message: &OutboxMessage,
) -> Result<(), StoreError> {
    transaction(pool, async |tx| {
        if events::lock_event(tx, event_id).await?.is_some()
            && !outbox::has_messages(&mut *tx, event_id).await?
        {
            outbox::enqueue(&mut *tx, event_id, message).await?;
        }
        Ok(())
    })
    .await
}
