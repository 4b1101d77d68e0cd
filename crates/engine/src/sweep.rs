//! The slow sweep: once a minute, looks for events that everybody forgot, forgets what is old, and adds
//! up what happened.
//!
//! An event about which something is overdue by more than two minutes has lost its watch: with its
//! namespace, by a termination, or in a wish that was parked. It gets a new one, at most every quarter
//! of an hour. Where the watch runs after all, that changes nothing; nor do several sweeps at once. An
//! event or a step that fails is logged and keeps nothing else from being swept.

use std::time::Duration;

use domain::audit::{Action, Actor};
use serde_json::json;
use store::audit::{self, Subject};
use store::outbox::{self, WishKind};
use store::{
    PgPool, StoreError, backfill, environments, events, figures, idempotency, results, sessions,
    sign_ins,
};

const EVERY: Duration = Duration::from_mins(1);
const BATCH: i64 = 500;
/// How many days of the past are added up in one round.
const DAYS: usize = 100;

pub(crate) async fn run(pool: PgPool) {
    loop {
        sweep(&pool).await;
        tokio::time::sleep(EVERY).await;
    }
}

/// One round of the sweep. What fails is logged and left to the next round; the rest goes on.
pub async fn sweep(pool: &PgPool) {
    note("waking forgotten events", wake_forgotten(pool).await);
    note("unparking wishes", outbox::unpark_old(pool).await);
    note("giving up unclaimed results", give_up_unclaimed(pool).await);
    note("forgetting claimed results", results::delete_claimed(pool).await);
    note("keying old events", key_events(pool).await);
    note("forgetting stored answers", idempotency::delete_expired(pool).await);
    note("adding up figures", roll_up(pool).await);
    note("forgetting workers", environments::purge_heartbeats(pool).await);
    note("forgetting sessions", sessions::purge_sessions(pool).await);
    note("forgetting failed sign-ins", sign_ins::purge_failures(pool).await);
}

fn note<T>(step: &'static str, done: Result<T, StoreError>) {
    if let Err(error) = done {
        tracing::warn!(step, %error, "could not sweep");
    }
}

/// An event that cannot be read keeps no other waiting. Without a database there is nothing to do.
async fn wake_forgotten(pool: &PgPool) -> Result<(), StoreError> {
    for event_id in events::list_forgotten(pool, BATCH).await? {
        match restart(pool, event_id).await {
            Err(error) if error.is_unavailable() => return Err(error),
            Err(error) => tracing::warn!(%event_id, %error, "could not wake a forgotten event"),
            Ok(()) => {}
        }
    }
    Ok(())
}

async fn give_up_unclaimed(pool: &PgPool) -> Result<(), StoreError> {
    while results::give_up_unclaimed(pool).await? > 0 {}
    Ok(())
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

async fn restart(pool: &PgPool, event_id: domain::ids::EventId) -> Result<(), StoreError> {
    let mut tx = pool.begin().await?;
    let Some(event) = events::lock_event(&mut tx, event_id).await? else {
        return Ok(());
    };
    if !outbox::has_wishes(&mut *tx, event_id).await? {
        tracing::warn!(%event_id, "something is overdue: starting the watch anew if it is gone");
        outbox::insert_wish(&mut *tx, event_id, WishKind::Restart, json!({})).await?;
        let subject = Subject::event(event.project_id, event_id);
        audit::insert_entry(&mut *tx, &Actor::System, Action::WatchRestarted, subject, json!({}))
            .await?;
    }
    tx.commit().await?;
    Ok(())
}
