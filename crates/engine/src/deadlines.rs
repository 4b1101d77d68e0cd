//! Opens the incidents about which Temporal is late to ask.
//!
//! A watch asks at its deadline, and asks the database. Where many are due at one moment, or
//! extensions keep Temporal busy, its timer and its task come seconds later. So each worker looks
//! four times a second for what was due half a second ago and opens it by the same transition. The
//! watch finds its incident open when it comes; the sweep looks for one that does not come
//! ([`store::events::list_forgotten`]). Several workers that look, or one that dies in the middle,
//! change nothing: each incident is a transaction of its own.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::ids::EventId;
use store::pool::transaction;
use store::transitions::silence;
use store::{PgConnection, PgPool, StoreError, events, incidents};

const EVERY: Duration = Duration::from_millis(250);
/// How late a watch may be.
const LATE: Duration = Duration::from_millis(500);
const BATCH: i64 = 500;

/// Looks for as long as a worker process lives.
pub async fn run(pool: &PgPool) {
    // The sweep reports those that fail.
    let mut failed = BTreeSet::new();
    let mut is_away = false;
    loop {
        let opened = open_late(pool, &mut failed).await;
        if let (Err(error), false) = (&opened, is_away) {
            tracing::warn!(%error, "could not look for what is overdue");
        }
        is_away = opened.is_err();
        tokio::time::sleep(EVERY).await;
    }
}

async fn open_late(pool: &PgPool, failed: &mut BTreeSet<EventId>) -> Result<(), StoreError> {
    let late = events::list_overdue(pool, LATE, BATCH).await?;
    failed.retain(|event_id| late.contains(event_id));
    for event_id in late {
        if failed.contains(&event_id) {
            continue;
        }
        match transaction(pool, async |tx| open(tx, event_id).await).await {
            Err(error) if error.is_unavailable() => return Err(error),
            Err(error) => {
                tracing::warn!(%event_id, %error, "could not open an overdue incident");
                failed.insert(event_id);
            }
            Ok(true) => {}
            // An outage of our own API in the grace of another: its watch knows when to ask.
            Ok(false) => drop(failed.insert(event_id)),
        }
    }
    Ok(())
}

async fn open(tx: &mut PgConnection, event_id: EventId) -> Result<bool, StoreError> {
    let is_open = silence::open_incident_if_due(tx, event_id).await?;
    if is_open {
        incidents::mark_watch_late(tx, event_id).await?;
    }
    Ok(is_open)
}
