//! One step of a bulk reprocess: see what ended, judge, and start what may start.
//!
//! The pace is taken under the lock before anything starts, so that two steps at the same time keep it
//! together; a step that dies in between leaves it a little slower. Each incident is judged again and
//! started in a transaction of its own with its item, under the same lock: after a pause nothing more
//! starts, and no canary is larger than it was to be. What cannot be started is skipped with the
//! reason, and only a project that cannot reprocess any more pauses all of it. One whose event another transaction
//! has locked, or that cannot be read, is left to a later step and keeps no other waiting. What is acknowledged or
//! resolved asks nothing of the app, so it goes on until nothing waits, with no pace to keep.

use std::time::Duration;

use domain::audit::Actor;
use domain::bulk::{BulkCounts, BulkState, ItemState, NextStep, judge};
use domain::ids::{BulkId, EventId, ReplayId};
use domain::rejection::Rejection;

use super::change::change;
use super::create::can_reprocess;
use super::steer::{end, pause};
use super::{Bulk, count_items, lock_bulk};
use crate::pool::transaction;
use crate::{ChangeError, PgConnection, PgPool, StoreError};

/// How long the workflow waits where only results are awaited.
const FOR_RESULTS: Duration = Duration::from_secs(5);
/// The longest wait between two starts.
const LONGEST: Duration = Duration::from_secs(15);
/// How often one that was canceled looks what became of what had started.
const FOLLOWED: Duration = Duration::from_mins(1);
/// The most that one step starts.
const MAX_STARTED: i64 = 50;
/// The most that one step looks at; where it skipped so many, another one follows immediately.
const MAX_LOOKED_AT: usize = 200;

/// How far it is after a step.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    pub state: BulkState,
    pub counts: BulkCounts,
    /// When the next step is due, where one is.
    pub wait: Option<Duration>,
}

/// Why one is skipped that had started.
const RESOLVED_BY_HAND: &str = "the incident was resolved by hand while its reprocess ran";

/// Why one is skipped that only an extension could reprocess, in a project without a repair URL.
const OLDER: &str = "its event came before the extension that reprocesses was registered";

/// The part of a bulk that a step starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The first few, of which all have to succeed.
    Canary,
    Rest,
}

/// What a step found that it may do.
struct Judged {
    state: BulkState,
    starts: i64,
    part: Part,
    wait: Duration,
}

impl Judged {
    fn nothing(state: BulkState) -> Self {
        Self { state, starts: 0, part: Part::Rest, wait: Duration::ZERO }
    }
}

/// One that waits, and its place among all.
struct Waiting {
    place: i32,
    event_id: EventId,
}

/// What became of one incident.
enum Begun {
    Started,
    Skipped,
    /// Another transaction has locked its event, or another step has begun it.
    Left,
    /// Nothing may start any more, or nothing waits.
    None,
    /// The project cannot reprocess.
    Stopped(Rejection),
}

/// Makes one step. `None` of a bulk reprocess that is not there.
pub async fn step(pool: &PgPool, id: BulkId) -> Result<Option<Step>, StoreError> {
    let judged = transaction(pool, async |tx| judge_step(tx, id).await).await?;
    let Some(mut judged) = judged else { return Ok(None) };
    let all_could = begin_some(pool, id, &mut judged).await?;
    let counts = count_items(pool, id).await?;
    let wait = match judged.state {
        BulkState::Running => Some(judged.wait),
        // What had started goes on, and what failed of it is to be tried again too.
        BulkState::Canceled => (counts.started > 0).then_some(FOLLOWED),
        BulkState::Preview | BulkState::Paused | BulkState::Done => None,
    };
    // Where one cannot be begun, the step counts as none: health tells of a bulk that comes no further.
    if wait.is_some() && all_could {
        note_step(pool, id).await?;
    }
    Ok(Some(Step { state: judged.state, counts, wait }))
}

/// Starts as many as may start. One that is skipped, or left to a later step, takes no place of the pace. Says whether all could
/// be begun that were looked at.
async fn begin_some(pool: &PgPool, id: BulkId, judged: &mut Judged) -> Result<bool, StoreError> {
    let (mut left, mut after, mut all_could) = (judged.starts, i32::MIN, true);
    let wait = std::mem::take(&mut judged.wait);
    for _ in 0..MAX_LOOKED_AT {
        let next = if left == 0 { None } else { find_waiting(pool, id, after).await? };
        let Some(next) = next else {
            judged.wait = judged.wait.max(wait);
            return Ok(all_could);
        };
        after = next.place;
        match begin(pool, id, judged.part, &next).await {
            Ok(Begun::Started) => left -= 1,
            Ok(Begun::Skipped) => {}
            Ok(Begun::Left) => judged.wait = FOR_RESULTS,
            Ok(Begun::None) => {
                judged.wait = wait;
                return Ok(all_could);
            }
            Ok(Begun::Stopped(why)) => {
                stop(pool, id, &why).await?;
                judged.state = BulkState::Paused;
                return Ok(all_could);
            }
            Err(error) if error.is_unavailable() => return Err(error),
            Err(error) => {
                tracing::warn!(bulk_id = %id, event_id = %next.event_id, %error, "left one of a bulk to a later step");
                (judged.wait, all_could) = (FOR_RESULTS, false);
            }
        }
    }
    Ok(all_could)
}

async fn find_waiting(
    pool: &PgPool,
    id: BulkId,
    after: i32,
) -> Result<Option<Waiting>, StoreError> {
    let next = sqlx::query_as!(
        Waiting,
        r#"SELECT place, event_id AS "event_id: EventId" FROM bulk_reprocess_items
           WHERE bulk_id = $1 AND state = 'waiting' AND place > $2 ORDER BY place LIMIT 1"#,
        id.as_uuid(),
        after,
    );
    Ok(next.fetch_optional(pool).await?)
}

async fn judge_step(tx: &mut PgConnection, id: BulkId) -> Result<Option<Judged>, StoreError> {
    let Some(bulk) = lock_bulk(&mut *tx, id).await? else { return Ok(None) };
    if !bulk.action.is_paced() {
        return Ok(Some(judge_unpaced(tx, &bulk).await?));
    }
    settle(tx, id).await?;
    let nothing = Judged::nothing;
    let running =
        |starts, wait| Judged { state: BulkState::Running, starts, part: Part::Rest, wait };
    let (BulkState::Running, Some(settings)) = (bulk.state, bulk.settings) else {
        return Ok(Some(nothing(bulk.state)));
    };
    let counts = count_items(&mut *tx, id).await?;
    let late = settings.late(counts, read_late(&mut *tx, id).await?);
    let due = settings.due(late);
    let judged = match judge(settings, counts, bulk.seen, due.min(MAX_STARTED)) {
        NextStep::End => {
            end(tx, &bulk, &Actor::System, BulkState::Done, counts).await?;
            nothing(BulkState::Done)
        }
        NextStep::Pause(why) => {
            pause(tx, &bulk, &Actor::System, Some(why)).await?;
            nothing(BulkState::Paused)
        }
        NextStep::StartCanary(starts) => {
            Judged { part: Part::Canary, ..running(starts, FOR_RESULTS) }
        }
        NextStep::Start(starts) => {
            running(starts, take_pace(tx, id, settings.wait_after(starts, late)).await?)
        }
        NextStep::Wait if counts.waiting > 0 && due == 0 => {
            running(0, seconds(settings.wait_after(0, late)))
        }
        NextStep::Wait => running(0, FOR_RESULTS),
    };
    Ok(Some(judged))
}

/// By how many seconds a step is late.
async fn read_late(tx: &mut PgConnection, id: BulkId) -> Result<f64, StoreError> {
    let late = sqlx::query_scalar!(
        r#"SELECT extract(epoch FROM now() - coalesce(next_at, now()))::float8 AS "late!"
           FROM bulk_reprocesses WHERE id = $1"#,
        id.as_uuid(),
    )
    .fetch_one(tx)
    .await?;
    Ok(late)
}

/// Notes that a step was made. One that fails, again and again, is none.
async fn note_step(pool: &PgPool, id: BulkId) -> Result<(), StoreError> {
    sqlx::query!("UPDATE bulk_reprocesses SET stepped_at = now() WHERE id = $1", id.as_uuid())
        .execute(pool)
        .await?;
    Ok(())
}

/// As many as one step looks at, until nothing waits.
async fn judge_unpaced(tx: &mut PgConnection, bulk: &Bulk) -> Result<Judged, StoreError> {
    if bulk.state != BulkState::Running {
        return Ok(Judged::nothing(bulk.state));
    }
    let counts = count_items(&mut *tx, bulk.id).await?;
    if counts.waiting == 0 {
        end(tx, bulk, &Actor::System, BulkState::Done, counts).await?;
        return Ok(Judged::nothing(BulkState::Done));
    }
    Ok(Judged { starts: counts.waiting, ..Judged::nothing(BulkState::Running) })
}

/// Lets the next one start in so many seconds, and says how long the workflow waits for that.
async fn take_pace(tx: &mut PgConnection, id: BulkId, next: f64) -> Result<Duration, StoreError> {
    sqlx::query!(
        "UPDATE bulk_reprocesses SET next_at = now() + make_interval(secs => $2) WHERE id = $1",
        id.as_uuid(),
        next,
    )
    .execute(tx)
    .await?;
    Ok(seconds(next))
}

/// No longer than the longest wait.
fn seconds(wait: f64) -> Duration {
    Duration::from_secs_f64(wait.max(0.0)).min(LONGEST)
}

/// Keeps what became of the reprocesses that ended. One that ended because an operator resolved its incident says nothing
/// of the app: it is skipped, and not held against the others.
pub(super) async fn settle(tx: &mut PgConnection, id: BulkId) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE bulk_reprocess_items b
         SET state = ended.state, why = ended.why, replay_id = CASE WHEN ended.state <> 'skipped' THEN b.replay_id END
         FROM (
             SELECT r.id, CASE WHEN r.state = 'succeeded' THEN 'succeeded' WHEN by_hand.id IS NULL THEN 'failed' ELSE 'skipped' END AS state,
                 CASE WHEN r.state = 'succeeded' OR by_hand.id IS NULL THEN r.state ELSE $2 END AS why
             FROM bulk_reprocess_items started JOIN reprocesses r ON r.id = started.replay_id AND r.finished_at IS NOT NULL
                 LEFT JOIN incidents by_hand ON by_hand.id = started.incident_id AND by_hand.resolution = 'manual'
                     AND by_hand.resolved_at <= r.finished_at
             WHERE started.bulk_id = $1 AND started.state = 'started') AS ended
         WHERE b.bulk_id = $1 AND b.state = 'started' AND b.replay_id = ended.id",
        id.as_uuid(),
        RESOLVED_BY_HAND,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Starts an incident of a part, or skips it.
async fn begin(pool: &PgPool, id: BulkId, part: Part, next: &Waiting) -> Result<Begun, StoreError> {
    let begun = transaction(pool, async |tx| {
        let Some(bulk) = lock_bulk(&mut *tx, id).await? else { return Ok(Begun::None) };
        if !may_start(tx, &bulk, part).await? {
            return Ok(Begun::None);
        }
        if !take(tx, id, next).await? {
            return Ok(Begun::Left);
        }
        match change(tx, &bulk, next.event_id).await {
            Ok(replay_id) => {
                let is_asked = replay_id.is_some();
                let state = if is_asked { ItemState::Started } else { ItemState::Succeeded };
                mark(tx, id, next.place, state, replay_id, None).await?;
                Ok(Begun::Started)
            }
            Err(ChangeError::Rejected(why @ Rejection::NoRepairUrl))
                if !can_reprocess(tx, bulk.project_id).await? =>
            {
                Ok(Begun::Stopped(why))
            }
            Err(ChangeError::Rejected(why)) => {
                mark(tx, id, next.place, ItemState::Skipped, None, Some(reason(&why))).await?;
                Ok(Begun::Skipped)
            }
            Err(ChangeError::Store(error)) => Err(error),
        }
    });
    begun.await
}

/// Why one is skipped. In a project that can reprocess, only an event of before is without a way.
fn reason(why: &Rejection) -> String {
    if matches!(why, Rejection::NoRepairUrl) { OLDER.to_owned() } else { why.to_string() }
}

/// Locks the event of one that still waits, unless another transaction has: the bulk's own lock is not kept for as long as that.
async fn take(tx: &mut PgConnection, id: BulkId, next: &Waiting) -> Result<bool, StoreError> {
    let taken = sqlx::query_scalar!(
        "SELECT i.place FROM bulk_reprocess_items i JOIN payment_events e ON e.id = i.event_id
         WHERE i.bulk_id = $1 AND i.place = $2 AND i.state = 'waiting' AND e.id = $3 FOR UPDATE OF e SKIP LOCKED",
        id.as_uuid(),
        next.place,
        next.event_id.as_uuid(),
    );
    Ok(taken.fetch_optional(tx).await?.is_some())
}

/// Whether one more may start, whose place in the pace is taken.
async fn may_start(tx: &mut PgConnection, bulk: &Bulk, part: Part) -> Result<bool, StoreError> {
    if !bulk.action.is_paced() {
        return Ok(bulk.state == BulkState::Running);
    }
    let (BulkState::Running, Some(settings)) = (bulk.state, bulk.settings) else {
        return Ok(false);
    };
    let next = judge(settings, count_items(tx, bulk.id).await?, bulk.seen, 1);
    Ok(match next {
        NextStep::StartCanary(_) => part == Part::Canary,
        NextStep::Start(_) => part == Part::Rest,
        NextStep::Wait | NextStep::Pause(_) | NextStep::End => false,
    })
}

async fn mark(
    tx: &mut PgConnection,
    id: BulkId,
    place: i32,
    state: ItemState,
    replay_id: Option<ReplayId>,
    why: Option<String>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE bulk_reprocess_items SET state = $3, replay_id = $4, why = $5 WHERE bulk_id = $1 AND place = $2",
        id.as_uuid(),
        place,
        state.as_str(),
        replay_id.map(ReplayId::as_uuid),
        why,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Pauses what cannot go on.
async fn stop(pool: &PgPool, id: BulkId, why: &Rejection) -> Result<(), StoreError> {
    transaction(pool, async |tx| {
        let Some(bulk) = lock_bulk(&mut *tx, id).await? else { return Ok(()) };
        if bulk.state == BulkState::Running {
            pause(tx, &bulk, &Actor::System, Some(why.to_string())).await?;
        }
        Ok(())
    })
    .await
}
