//! The slow sweep: once a minute, looks for events that everybody forgot, forgets what is old, and adds
//! up what happened.
//!
//! An event about which something is overdue by more than two minutes has lost its watch: with its
//! namespace, by a termination, or in a wish that was parked. It gets a new one, at most every quarter
//! of an hour. Where the watch runs after all, that changes nothing; nor do several sweeps at once.

use std::time::Duration;

use domain::audit::{Action, Actor};
use serde_json::json;
use store::audit::{self, Subject};
use store::outbox::{self, WishKind};
use store::{PgPool, StoreError, events, figures, idempotency, results};

const EVERY: Duration = Duration::from_mins(1);
const BATCH: i64 = 500;
/// How many days of the past are added up in one round.
const DAYS: usize = 100;

pub(crate) async fn run(pool: PgPool) {
    loop {
        if let Err(error) = sweep(&pool).await {
            tracing::warn!(%error, "could not sweep");
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// One round of the sweep.
///
/// # Errors
/// When the database fails.
pub async fn sweep(pool: &PgPool) -> Result<(), StoreError> {
    for event_id in events::list_forgotten(pool, BATCH).await? {
        restart(pool, event_id).await?;
    }
    outbox::unpark_old(pool).await?;
    results::delete_expired_early(pool).await?;
    idempotency::delete_expired(pool).await?;
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
