//! Opens the incidents about which Temporal is late to ask.
//!
//! A watch asks at its deadline, and asks the database. Where many are due at one moment, or
//! extensions keep Temporal busy, its timer and its task come seconds later. So each worker looks
//! four times a second for what was due half a second ago and opens it by the same transition. The
//! watch finds its incident open when it comes; the sweep looks for one that does not come
//! ([`store::events::list_forgotten`]). Several workers that look, or one that dies in the middle,
//! change nothing: each incident is a transaction of its own.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use domain::ids::EventId;
use store::pool::transaction;
use store::transitions::silence;
use store::{PgConnection, PgPool, StoreError, events, incidents};

const EVERY: Duration = Duration::from_millis(250);
/// How late a watch may be.
const LATE: Duration = Duration::from_millis(500);
const BATCH: usize = 500;
/// So many are listed beside a batch, and no more.
const MOST_SKIPPED: usize = 5_000;
/// How long an event is left alone that is not due after all, because of an outage of our own API in the grace of another,
/// or whose row another transaction has locked.
const NOT_DUE: Duration = Duration::from_secs(5);
/// How long one is that could not be opened. The sweep reports it.
const FAILED: Duration = Duration::from_mins(1);

/// Looks for as long as a worker process lives.
pub async fn run(pool: &PgPool) {
    let mut skipped = Skipped::default();
    let mut is_away = false;
    loop {
        let opened = open_late(pool, &mut skipped).await;
        if let (Err(error), false) = (&opened, is_away) {
            tracing::warn!(%error, "could not look for what is overdue");
        }
        is_away = opened.is_err();
        tokio::time::sleep(EVERY).await;
    }
}

async fn open_late(pool: &PgPool, skipped: &mut Skipped) -> Result<(), StoreError> {
    let late = events::list_overdue(pool, LATE, skipped.limit()).await?;
    for event_id in skipped.leave_out(late, Instant::now()) {
        match transaction(pool, async |tx| open(tx, event_id).await).await {
            Err(error) if error.is_unavailable() && pool.is_away() => return Err(error),
            Err(error) if error.is_unavailable() => {
                skipped.add(event_id, Instant::now() + NOT_DUE);
                return Err(error);
            }
            Err(error) => {
                tracing::warn!(%event_id, %error, "could not open an overdue incident");
                skipped.add(event_id, Instant::now() + FAILED);
            }
            Ok(true) => {}
            Ok(false) => skipped.add(event_id, Instant::now() + NOT_DUE),
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

/// Events that are listed and not looked at, until when.
#[derive(Default)]
struct Skipped(BTreeMap<EventId, Instant>);

impl Skipped {
    /// How many are to be listed, so that those which are skipped leave room for others.
    fn limit(&self) -> i64 {
        i64::try_from(BATCH + self.0.len().min(MOST_SKIPPED)).unwrap_or(i64::MAX)
    }

    fn add(&mut self, event_id: EventId, until: Instant) {
        self.0.insert(event_id, until);
    }

    /// Those that are to be looked at now.
    fn leave_out(&mut self, mut listed: Vec<EventId>, now: Instant) -> Vec<EventId> {
        self.0.retain(|_, until| *until > now);
        listed.retain(|event_id| !self.0.contains_key(event_id));
        listed.truncate(BATCH);
        listed
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn what_is_not_due_after_all_is_looked_at_again_and_keeps_no_other_waiting() {
        let (mut skipped, now) = (Skipped::default(), Instant::now());
        let listed: Vec<_> = (0..600).map(|n| EventId::from_uuid(Uuid::from_u128(n))).collect();
        assert_eq!(skipped.limit(), 500);
        for event_id in &listed[..500] {
            skipped.add(*event_id, now + NOT_DUE);
        }
        assert_eq!(skipped.limit(), 1_000);
        assert_eq!(skipped.leave_out(listed.clone(), now), listed[500..]);
        let later = skipped.leave_out(listed.clone(), now + NOT_DUE);
        assert_eq!(later, listed[..500], "a batch at a time");
        assert_eq!(skipped.limit(), 500);
    }
}
