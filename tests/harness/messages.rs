//! What a worker does about messages, step by step: for stories that have no worker, so that nothing is sent between
//! two lines of theirs.

use std::time::Duration;

use activities::{alerts, notices, silences, waiting};
use domain::ids::{DestinationId, EventId};
use serde_json::json;
use sqlx::AssertSqlSafe;

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

    /// An event whose effect failed, and whose alerts were sent.
    pub async fn fail_and_alert(&self, provider_event_id: &str) -> EventId {
        let event_id = self.receipt(provider_event_id).await;
        self.fail(event_id, json!({ "error_code": "db_write_failed" })).await;
        self.deliver_alerts(&[event_id]).await;
        event_id
    }

    /// Reports that the effect happened after all, and sends the alerts that say so.
    pub async fn succeed_and_alert(&self, event_id: EventId) {
        self.result(event_id, "success", json!({})).await;
        self.deliver_alerts(&[event_id]).await;
    }

    /// Lets time pass for the alerts that wait, and for their destinations.
    pub async fn age_alerts(&self, interval: &str) {
        let sql = format!(
            "UPDATE destinations SET retry_at = retry_at - interval '{interval}', gone_at = gone_at - interval '{interval}';
             UPDATE alerts SET created_at = created_at - interval '{interval}',
                 leased_until = leased_until - interval '{interval}'"
        );
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&self.pool).await.expect("a database");
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
