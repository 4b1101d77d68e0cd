//! What a worker does about messages, step by step: for stories that have no worker, so that nothing is sent between
//! two lines of theirs.

use std::time::Duration;

use activities::{alerts, notices, silences, waiting};
use domain::ids::{DestinationId, EventId};

use crate::World;

impl World {
    /// What the watches of these events do, one after the other: sends each alert that waits.
    pub async fn deliver_alerts(&self, events: &[EventId]) {
        let deps = self.deps();
        for event_id in events {
            for id in store::alerts::list_pending(&self.pool, *event_id).await.expect("a list") {
                alerts::deliver(&deps, id).await.expect("a database");
            }
        }
    }

    /// What a worker does every few seconds: sends what waits for destinations that may be tried. Gives these.
    pub async fn send_waiting(&self) -> Vec<DestinationId> {
        let deps = self.deps();
        let found = waiting::list_destinations(&deps).await.expect("a database");
        for id in &found {
            waiting::send_to(&deps, *id, Duration::ZERO).await.expect("a database");
        }
        found
    }

    /// What a worker does about notices in a minute: writes those that are due, and sends what
    /// waits for destinations that may be tried. How many attempts at notices were made.
    pub async fn send_notices(&self) -> i64 {
        let (deps, before) = (self.deps(), self.notice_attempts().await);
        notices::enqueue_due(&deps).await.expect("a database");
        silences::judge(&deps).await;
        self.send_waiting().await;
        self.notice_attempts().await - before
    }

    /// How many attempts at notices were made so far; one that was given up untried counts as one.
    pub async fn notice_attempts(&self) -> i64 {
        let sql = "SELECT coalesce(sum(greatest(attempts, (state <> 'pending')::int)), 0)::bigint FROM notices";
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.expect("a sum")
    }
}
