//! The slow sweep: once a minute, does what watches should have done, finds forgotten events,
//! forgets what only the work needs, and adds up what happened. What else is old leaves by retention.
//!
//! An event about which something is overdue by more than two minutes has no watch that sees to it:
//! it was lost with its namespace, canceled, terminated, deleted, has failed or is paused, or no
//! worker runs. What the database can decide alone is decided here, by the same transitions that
//! the watch would have asked for: an incident is opened, a reprocess without a result ends. For
//! everything else the relay is asked to check for the watch, at most every quarter of an hour, and
//! to start a new run of one that is gone. Where the watch runs after all, none of this changes
//! anything; nor do several concurrent sweeps. An event or a step that fails is logged and keeps
//! nothing else from being swept.

use std::time::{Duration, Instant};

use domain::ids::EventId;
use domain::outbox::OutboxMessage;
use store::outbox;
use store::pool::transaction;
use store::transitions::silence;
use store::{
    PgConnection, PgPool, StoreError, backfill, bulk, comments, environments, events, figures,
    incident_hours, incidents, key_holders, mentions, outages, receipt_hours, reprocesses,
    sealed_values, set_back, watch_checks,
};

const EVERY: Duration = Duration::from_mins(1);
/// How long after its deadline an event is not left to its watch.
const FORGOTTEN: Duration = Duration::from_mins(2);
const BATCH: i64 = 500;
/// How many days of the past are added up in one round.
const DAYS: usize = 100;
/// How long receipts are counted in one round, where many of the past were not yet.
const COUNTING: Duration = Duration::from_secs(5);

pub(crate) async fn run(pool: PgPool) {
    loop {
        sweep(&pool).await;
        tokio::time::sleep(EVERY).await;
    }
}

/// One round of the sweep. What fails is logged and left to the next round; the rest goes on.
pub async fn sweep(pool: &PgPool) {
    note("looking for an api", outages::note_gap(pool).await);
    note("opening overdue incidents", open_overdue(pool).await);
    note("ending unanswered reprocesses", end_unanswered(pool).await);
    note("waking forgotten events", wake_forgotten(pool).await);
    note("waking forgotten bulk reprocesses", bulk::dispatch::wake_forgotten(pool).await);
    note("forgetting comments of causes", comments::delete_old(pool).await);
    note("forgetting mentions", mentions::delete_old(pool).await);
    note("forgetting secrets", sealed_values::forget_unused(pool).await);
    note("forgetting previews", bulk::purge_previews(pool).await);
    note("forgetting checks of watches", watch_checks::delete_old(pool).await);
    note("unparking outbox messages", outbox::unpark_old(pool).await);
    note("ending holds of before the clock was set back", set_back::end_holds(pool).await);
    note("keying old events", key_events(pool).await);
    note("adding up figures", roll_up(pool).await);
    note("counting receipts by hour", count_receipts(pool).await);
    note("forgetting counts of receipts", receipt_hours::delete_old(pool).await);
    note("adding up incidents by hour", add_up_incidents(pool).await);
    note("forgetting incidents by hour", incident_hours::delete_old(pool).await);
    note("forgetting outages", outages::delete_old(pool).await);
    note("forgetting workers", environments::purge_heartbeats(pool).await);
    note("forgetting holders of keys", key_holders::purge(pool).await);
}

fn note<T>(step: &'static str, done: Result<T, StoreError>) {
    if let Err(error) = done {
        tracing::warn!(step, %error, "could not sweep");
    }
}

/// Opens the incidents that no watch has opened. Whatever cannot be read, or waits for an outage in
/// the grace of another, stays in front of the list, so a batch in which nothing was done is the last
/// one.
async fn open_overdue(pool: &PgPool) -> Result<(), StoreError> {
    loop {
        let mut done = 0;
        for event_id in events::list_overdue(pool, FORGOTTEN, BATCH).await? {
            let opened = take_over(pool, event_id, async |tx| {
                silence::open_incident_if_due(tx, event_id).await
            });
            done += usize::from(is_done(pool, event_id, opened.await)?);
        }
        if done == 0 {
            return Ok(());
        }
    }
}

/// Ends the reprocesses whose result no watch waits for any more.
async fn end_unanswered(pool: &PgPool) -> Result<(), StoreError> {
    loop {
        let mut done = 0;
        for (event_id, replay_id) in reprocesses::list_unanswered(pool, BATCH).await? {
            let ended = take_over(pool, event_id, async |tx| {
                silence::end_reprocess_if_due(tx, event_id, replay_id).await
            });
            done += usize::from(is_done(pool, event_id, ended.await)?);
        }
        if done == 0 {
            return Ok(());
        }
    }
}

async fn wake_forgotten(pool: &PgPool) -> Result<(), StoreError> {
    for event_id in events::list_forgotten(pool, BATCH).await? {
        is_done(pool, event_id, take_over(pool, event_id, async |_| Ok(true)).await)?;
    }
    Ok(())
}

/// An event that cannot be read, or whose row another transaction has locked, keeps no other waiting. Without a database
/// there is nothing to do.
fn is_done(
    pool: &PgPool,
    event_id: EventId,
    done: Result<bool, StoreError>,
) -> Result<bool, StoreError> {
    match done {
        Err(error) if error.is_unavailable() && pool.is_away() => Err(error),
        Err(error) => {
            tracing::warn!(%event_id, %error, "could not take an overdue event over");
            Ok(false)
        }
        Ok(done) => Ok(done),
    }
}

/// Makes a change that a watch should have made, and has the relay check for the watch. `false` if
/// there was nothing to change: it is not due after all, or its watch or another process was faster.
async fn take_over(
    pool: &PgPool,
    event_id: EventId,
    change: impl AsyncFnOnce(&mut PgConnection) -> Result<bool, StoreError>,
) -> Result<bool, StoreError> {
    transaction(pool, async |tx| {
        if !change(tx).await? {
            return Ok(false);
        }
        if events::lock_event(tx, event_id).await?.is_some()
            && !outbox::has_messages(&mut *tx, event_id).await?
        {
            tracing::warn!(%event_id, "something is overdue: looking for the watch");
            outbox::enqueue(&mut *tx, event_id, &OutboxMessage::Restart).await?;
            watch_checks::note_check(&mut *tx, event_id).await?;
            incidents::clear_watch_late(&mut *tx, event_id).await?;
        }
        Ok(true)
    })
    .await
}

async fn key_events(pool: &PgPool) -> Result<(), StoreError> {
    while backfill::key_events(pool).await? {}
    Ok(())
}

async fn roll_up(pool: &PgPool) -> Result<(), StoreError> {
    for _ in 0..DAYS {
        if !figures::roll_up(pool).await? {
            break;
        }
    }
    Ok(())
}

async fn add_up_incidents(pool: &PgPool) -> Result<(), StoreError> {
    while incident_hours::roll_up(pool).await? {}
    Ok(())
}

async fn count_receipts(pool: &PgPool) -> Result<(), StoreError> {
    let began = Instant::now();
    while receipt_hours::roll_up(pool).await? && began.elapsed() < COUNTING {}
    Ok(())
}
